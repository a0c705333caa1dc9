// SPDX-License-Identifier: MIT
/*
 * bench_mutex.c - what a lock and its unlock cost
 *
 * bench_mutex [-g GOROUTINES] [-y] [-i INSIDE] [-o OUTSIDE] [-n ROUNDS] [-r|-w]
 *   Each goroutine locks, counts and unlocks; with -y it lets others run while
 *   it holds the mutex. -i and -o are steps of work, of about a nanosecond,
 *   inside and outside. -r and -w take an rwmutex instead, to read or write.
 *   GOROMAXPROCS says on how many workers. Prints ns of wall-clock time for
 *   each pair, over all goroutines.
 */
#include <goro/goro.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct goro_mutex mutex;
static struct goro_waitgroup all;
static int goroutines = 1, inside, outside;
static bool yield;
static long rounds = 4000000;

static void
steps(int n)
{
	for (int i = 0; i < n; i++)
		__asm__ volatile("" : "+r"(i));
}

static void
work(void *arg)
{
	(void)arg;
	for (long i = 0; i < rounds; i++) {
		goro_mutex_lock(&mutex);
		steps(inside);
		if (yield)
			goro_yield();
		goro_mutex_unlock(&mutex);
		steps(outside);
	}
	goro_waitgroup_done(&all);
}

static int
measure(void *arg)
{
	int64_t start_ns;

	(void)arg;
	rounds /= goroutines;
	goro_waitgroup_add(&all, goroutines);
	start_ns = goro_now();
	for (int i = 0; i < goroutines; i++)
		goro_go(work, NULL);
	goro_waitgroup_wait(&all);
	printf("%.1f ns\n",
	       (double)(goro_now() - start_ns) / goroutines / rounds);
	return 0;
}

int
main(int argc, char **argv)
{
	for (int c; (c = getopt(argc, argv, "g:yi:o:n:")) != -1;) {
		switch (c) {
		case 'g':
			goroutines = atoi(optarg);
			break;
		case 'y':
			yield = true;
			break;
		case 'i':
			inside = atoi(optarg);
			break;
		case 'o':
			outside = atoi(optarg);
			break;
		case 'n':
			rounds = atol(optarg);
			break;
		default:
			return 64;
		}
	}
	return goroutines > 0 ? goro_run(measure, NULL) : 64;
}
