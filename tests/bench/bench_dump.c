// SPDX-License-Identifier: MIT
/*
 * bench_dump.c - a program to be dumped, which notices what that costs it
 *
 * Usage: bench_dump COUNT park|tick|busy|threads
 *
 * COUNT goroutines wait, 8 frames deep; of "threads" they are threads. Beside
 * them one goroutine that ticks, or one that computes. For each line that it
 * reads it writes what came to pass since the one before: the longest time by
 * which a tick was late, in nanoseconds; rounds of computing; and nanoseconds.
 */
#include <goro/goro.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEPTH = 8, TICK_NS = 200000, THREAD_STACK = 64 << 10 };

static struct goro_chan *never;
static struct goro_waitgroup started;
static long count, threads_up;
static const char *mode;
/* Written by one goroutine, read by another: a number now and then. */
static int64_t late_ns;
static uint64_t rounds;

#define NOINLINE __attribute__((noinline))

NOINLINE static int
wait_below(int n, void (*wait)(void))
{
	int got = 0;

	if (n > 1)
		got = wait_below(n - 1, wait);
	else
		wait();
	__asm__ volatile("" : "+r"(got)); /* the call is no jump */
	return got;
}

static void
wait_on_channel(void)
{
	goro_waitgroup_done(&started);
	goro_chan_recv(never, NULL);
}

static void
waiter(void *arg)
{
	(void)arg;
	wait_below(DEPTH, wait_on_channel);
}

static void
wait_on_thread(void)
{
	__atomic_add_fetch(&threads_up, 1, __ATOMIC_RELAXED);
	for (;;)
		pause();
}

static void *
thread_main(void *arg)
{
	wait_below(DEPTH, wait_on_thread);
	return arg;
}

static void
tick(void *arg)
{
	(void)arg;
	for (;;) {
		int64_t due_ns = goro_now() + TICK_NS, ns;

		goro_sleep(TICK_NS);
		ns = goro_now() - due_ns;
		if (ns > __atomic_load_n(&late_ns, __ATOMIC_RELAXED))
			__atomic_store_n(&late_ns, ns, __ATOMIC_RELAXED);
	}
}

static void
compute(void *arg)
{
	uint64_t x = 1;

	(void)arg;
	for (;;) {
		for (int i = 0; i < 1000; i++)
			__asm__ volatile("imul %0, %0" : "+r"(x));
		__atomic_add_fetch(&rounds, 1, __ATOMIC_RELAXED);
	}
}

static int
start_threads(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	for (long i = 0; i < count; i++)
		if (pthread_create(&thread, &attr, thread_main, NULL))
			return 1;
	while (__atomic_load_n(&threads_up, __ATOMIC_RELAXED) < count)
		goro_sleep(1000000);
	return 0;
}

static int
start_goroutines(void)
{
	never = goro_chan_create(0, 0);
	goro_waitgroup_add(&started, (int)count);
	for (long i = 0; i < count; i++)
		if (!goro_go(waiter, NULL))
			return 1;
	goro_waitgroup_wait(&started);
	if (!strcmp(mode, "tick"))
		goro_go(tick, NULL);
	if (!strcmp(mode, "busy"))
		goro_go(compute, NULL);
	return 0;
}

static int
program(void *arg)
{
	int64_t since_ns, now_ns;
	char line[64];

	(void)arg;
	if (strcmp(mode, "threads") ? start_goroutines() : start_threads())
		return 1;
	puts("ready");
	fflush(stdout);
	since_ns = goro_now();
	while (goro_read(STDIN_FILENO, line, sizeof(line)) > 0) {
		now_ns = goro_now();
		printf("%lld %llu %lld\n",
		       (long long)__atomic_exchange_n(&late_ns, 0,
						      __ATOMIC_RELAXED),
		       (unsigned long long)__atomic_exchange_n(
			       &rounds, 0, __ATOMIC_RELAXED),
		       (long long)(now_ns - since_ns));
		fflush(stdout);
		since_ns = now_ns;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: bench_dump COUNT "
				"park|tick|busy|threads\n");
		return 64;
	}
	count = atol(argv[1]);
	mode = argv[2];
	return goro_run(program, NULL);
}
