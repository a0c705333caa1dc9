// SPDX-License-Identifier: MIT
/*
 * bench_leak.c - what a check for leaks costs, and the table of heap blocks
 *
 * One line a result: its name, its value, its unit. `leak` runs it as it should
 * be run, with the table and without.
 *
 *   bench_leak check GOROUTINES MIB [LOST]   the world stands still so long;
 *                                            LOST of them can never go on
 *   bench_leak malloc                        a pair of malloc() and free()
 *   bench_leak blocks                        memory a block of 16 bytes
 *   bench_leak mutex                         a pair of lock and unlock
 */
#include <goro/goro.h>
#include <goro/leak.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	BLOCK_WORDS = 16, /* 128 bytes */
	LINKS = 4,        /* of them are addresses */
	CHECKS = 3,
	LIVE = 4096, /* blocks at a time, for malloc() */
	PAIRS = 20000000,
	BLOCKS = 4000000,
};

static struct goro_chan **chans;
static void ***heap;
static size_t heap_n;
static char **arguments;

static void
report(const char *name, double value, const char *unit)
{
	printf("%s %.1f %s\n", name, value, unit);
}

static uint64_t
next_random(void)
{
	static uint64_t x = 88172645463325252;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

static void
receive(void *ch)
{
	goro_chan_recv(ch, NULL);
}

static __attribute__((noinline)) void
start(size_t n, size_t lost)
{
	chans = calloc(n + 1, sizeof(*chans));
	for (size_t i = 0; i < n; i++) {
		struct goro_chan *ch = goro_chan_create(8, 0);

		goro_go(receive, ch);
		if (i >= lost)
			chans[i] = ch;
	}
	while (goro_count() < n + 1)
		goro_yield();
	goro_sleep(100000000);
}

/* Blocks that point here and there: one is reached by way of others. */
static void
fill(size_t mib)
{
	heap_n = mib * ((1 << 20) / (BLOCK_WORDS * sizeof(void *)));
	heap = malloc((heap_n + 1) * sizeof(*heap));
	for (size_t i = 0; i < heap_n; i++) {
		heap[i] = malloc(BLOCK_WORDS * sizeof(void *));
		memset(heap[i], 0, BLOCK_WORDS * sizeof(void *));
		for (int k = 0; k < LINKS && i; k++)
			heap[i][k] = heap[next_random() % i];
	}
	/* Only the last of them are known by themselves. */
	for (size_t i = 0; i + i / 8 < heap_n; i++)
		heap[i] = NULL;
}

static int
check(void *arg)
{
	size_t lost = arguments[4] ? strtoul(arguments[4], NULL, 10) : 0;
	double best = 0;

	(void)arg;
	fill(strtoul(arguments[3], NULL, 10));
	start(strtoul(arguments[2], NULL, 10), lost);
	for (int i = 0; i < CHECKS; i++) {
		int64_t began = goro_now();
		int found = goro_leak_check(NULL);
		double ms = (double)(goro_now() - began) / 1e6;

		if (found < 0)
			fprintf(stderr, "bench_leak: %s\n", strerror(-found));
		if (!i || ms < best)
			best = ms;
		if (!i)
			report("first_check", ms, "ms");
		if (i == CHECKS - 1)
			report("found", found, "goroutines");
	}
	report("check", best, "ms");
	fflush(stdout);
	_exit(0);
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void
time_malloc(void)
{
	static void *live[LIVE];
	int64_t began = now_ns();

	for (int i = 0; i < PAIRS; i++) {
		void **at = &live[i % LIVE];

		free(*at);
		*at = malloc(16 + (i & 31) * 16);
	}
	report("malloc_free", (double)(now_ns() - began) / PAIRS, "ns");
}

static double
resident_bytes(void)
{
	FILE *from = fopen("/proc/self/statm", "re");
	long pages[2] = { 0 };

	if (!from || fscanf(from, "%ld %ld", &pages[0], &pages[1]) != 2)
		exit(1);
	fclose(from);
	return (double)pages[1] * (double)sysconf(_SC_PAGESIZE);
}

static void
measure_blocks(void)
{
	double before = resident_bytes();

	for (int i = 0; i < BLOCKS; i++)
		*(void *volatile *)malloc(16) = NULL;
	report("block", (resident_bytes() - before) / BLOCKS, "bytes");
}

static int
time_mutex(void *arg)
{
	static struct goro_mutex mutex;
	int64_t began = now_ns();

	(void)arg;
	for (int i = 0; i < PAIRS; i++) {
		goro_mutex_lock(&mutex);
		goro_mutex_unlock(&mutex);
	}
	report("lock_unlock", (double)(now_ns() - began) / PAIRS, "ns");
	fflush(stdout);
	_exit(0);
}

int
main(int argc, char **argv)
{
	arguments = argv;
	if (argc >= 4 && !strcmp(argv[1], "check"))
		return goro_run(check, NULL);
	if (argc == 2 && !strcmp(argv[1], "mutex"))
		return goro_run(time_mutex, NULL);
	if (argc == 2 && !strcmp(argv[1], "malloc"))
		time_malloc();
	else if (argc == 2 && !strcmp(argv[1], "blocks"))
		measure_blocks();
	else
		return 64;
	return 0;
}
