// SPDX-License-Identifier: MIT
/*
 * bench_profile.c - what profiles cost, work for work as in go/profile.go
 *
 * One line a result: its name, its value, its unit. `profile` runs both.
 *
 *   bench_profile ping-pong        a round trip without a profile, with waits
 *                                  recorded, and with the CPU profile
 *   bench_profile traced           a round trip alone: for $GORODEBUG
 *   bench_profile goroutines COUNT the goroutine profile of so many, and the
 *                                  longest gap that a spinning goroutine sees
 *   bench_profile nobody COUNT     the gap in as long a time without one
 */
#include <fcntl.h>
#include <goro/goro.h>
#include <goro/profile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	N = 1000000,
	ROUNDS = 15,         /* of which medians are taken */
	PROFILES = 3,        /* of which the best is taken */
	CPU_TRIPS = 4000000, /* for some tens of samples */
	DEPTH = 8,
};

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *value)
{
	qsort(value, ROUNDS, sizeof(*value), compare);
	return value[ROUNDS / 2];
}

static void
report(const char *name, double value, const char *unit)
{
	printf("%s %.3f %s\n", name, value, unit);
	fflush(stdout);
}

/* --- A ping-pong ------------------------------------------------------------- */

static struct goro_chan *a, *b;

static void
pong(void *trips)
{
	long x;

	for (long i = 0; i < (long)trips; i++) {
		goro_chan_recv(a, &x);
		goro_chan_send(b, &x);
	}
}

/* Nanoseconds a round trip. */
static double
ping_pong(long trips)
{
	int64_t start_ns = goro_now();
	long x = 0;

	goro_go(pong, (void *)trips);
	for (long i = 0; i < trips; i++) {
		goro_chan_send(a, &x);
		goro_chan_recv(b, &x);
	}
	return (double)(goro_now() - start_ns) / (double)trips;
}

static double
with_block_rate(int64_t ns)
{
	double trip;

	goro_profile_block_rate(ns);
	trip = ping_pong(N);
	goro_profile_block_rate(0);
	return trip;
}

static double
with_cpu_profile(void)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	double trip;

	if (goro_profile_cpu_start(fd, 100))
		goro_panic("no CPU profile");
	trip = ping_pong(CPU_TRIPS);
	goro_profile_cpu_stop();
	close(fd);
	return trip;
}

/* In turn, so that the machine's moods meet all of them. */
static void
measure_ping_pong(void)
{
	double off[ROUNDS], all[ROUNDS], some[ROUNDS], cpu[ROUNDS];

	ping_pong(N);
	for (int i = 0; i < ROUNDS; i++) {
		double alone;

		off[i] = ping_pong(N);
		all[i] = with_block_rate(1);
		some[i] = with_block_rate(10000) / off[i];
		alone = ping_pong(CPU_TRIPS);
		cpu[i] = with_cpu_profile() / alone;
	}
	report("off", median(off), "ns");
	report("block-1", median(all), "ns");
	report("block-10us", median(some), "x");
	report("cpu-100hz", median(cpu), "x");
}

static void
measure_traced(void)
{
	double trip[ROUNDS];

	ping_pong(N);
	for (int i = 0; i < ROUNDS; i++)
		trip[i] = ping_pong(N);
	report("traced", median(trip), "ns");
}

/* --- Goroutines ---------------------------------------------------------------- */

static struct goro_waitgroup started;
/* Of the spinner, read when it has ended or has nothing more to add. */
static int64_t gap_ns;
static bool spinner_ends;

static __attribute__((noinline)) int
wait_below(int n)
{
	int got = 1;

	if (n > 1) {
		got += wait_below(n - 1);
	} else {
		goro_waitgroup_done(&started);
		goro_chan_recv(a, NULL);
	}
	__asm__ volatile("" : "+r"(got)); /* the call is no jump */
	return got;
}

static void
waiter(void *arg)
{
	(void)arg;
	wait_below(DEPTH);
}

/* The longest time between two looks at the clock. */
static void
spin(void *arg)
{
	int64_t last_ns = goro_now();

	(void)arg;
	while (!__atomic_load_n(&spinner_ends, __ATOMIC_RELAXED)) {
		int64_t now_ns = goro_now(), gap = now_ns - last_ns;

		if (gap > __atomic_load_n(&gap_ns, __ATOMIC_RELAXED))
			__atomic_store_n(&gap_ns, gap, __ATOMIC_RELAXED);
		last_ns = now_ns;
	}
	goro_waitgroup_done(&started);
}

static double
write_profile(int fd)
{
	int64_t start_ns = goro_now();

	if (goro_profile_write("goroutine", fd))
		goro_panic("no goroutine profile");
	return (double)(goro_now() - start_ns) / 1e6;
}

static void
measure_goroutines(long count, bool take)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	double best = 0, gap = 0;

	goro_waitgroup_add(&started, (int)count);
	for (long i = 0; i < count; i++)
		if (!goro_go(waiter, NULL))
			goro_panic("no memory");
	goro_waitgroup_wait(&started);
	goro_sleep(500000000); /* stacks are no longer opened ahead */
	for (int i = 0; take && i < PROFILES; i++) {
		double ms = write_profile(fd);

		best = best && best < ms ? best : ms;
	}

	goro_waitgroup_add(&started, 1);
	goro_go(spin, NULL);
	goro_sleep(10000000);
	for (int i = 0; i < PROFILES; i++) {
		double ms;

		__atomic_store_n(&gap_ns, 0, __ATOMIC_RELAXED);
		if (take)
			write_profile(fd);
		else
			goro_sleep(300000000);
		ms = (double)__atomic_load_n(&gap_ns, __ATOMIC_RELAXED) / 1e6;
		gap = i && gap < ms ? gap : ms;
	}
	__atomic_store_n(&spinner_ends, true, __ATOMIC_RELAXED);
	goro_waitgroup_wait(&started);
	if (take)
		report("goroutines", best, "ms");
	report(take ? "gap" : "gap-nobody", gap, "ms");
}

static int
program(void *arg)
{
	char **argv = arg;

	a = goro_chan_create(sizeof(long), 0);
	b = goro_chan_create(sizeof(long), 0);
	if (!strcmp(argv[1], "ping-pong"))
		measure_ping_pong();
	else if (!strcmp(argv[1], "traced"))
		measure_traced();
	else
		measure_goroutines(argv[2] ? atol(argv[2]) : N,
				   !strcmp(argv[1], "goroutines"));
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: bench_profile ping-pong | traced | "
				"goroutines COUNT | nobody COUNT\n");
		return 64;
	}
	return goro_run(program, argv);
}
