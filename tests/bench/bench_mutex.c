// SPDX-License-Identifier: MIT
/*
 * bench_mutex.c - what a lock and its unlock cost
 *
 * bench_mutex [GOROUTINES [YIELD]]
 *   Each goroutine locks, counts and unlocks; with YIELD it lets others run
 *   while it holds the mutex. GOROMAXPROCS says on how many workers. Prints
 *   wall-clock ns for each pair of all goroutines.
 */
#include <goro/goro.h>
#include <stdio.h>
#include <stdlib.h>

static struct goro_mutex mutex;
static struct goro_waitgroup all;
static int goroutines = 1, yield;
static long rounds, counter;

static void
work(void *arg)
{
	(void)arg;
	for (long i = 0; i < rounds; i++) {
		goro_mutex_lock(&mutex);
		counter++;
		if (yield)
			goro_yield();
		goro_mutex_unlock(&mutex);
	}
	goro_waitgroup_done(&all);
}

static int
measure(void *arg)
{
	int64_t start_ns;

	(void)arg;
	goro_waitgroup_add(&all, goroutines);
	start_ns = goro_now();
	for (int i = 0; i < goroutines; i++)
		goro_go(work, NULL);
	goro_waitgroup_wait(&all);
	printf("mutex, %d goroutines%s: %.1f ns\n", goroutines,
	       yield ? ", yielding" : "",
	       (double)(goro_now() - start_ns) / counter);
	return counter != rounds * goroutines;
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		goroutines = atoi(argv[1]);
	if (argc > 2)
		yield = atoi(argv[2]);
	if (goroutines < 1)
		return 64;
	rounds = 4000000 / goroutines;
	return goro_run(measure, NULL);
}
