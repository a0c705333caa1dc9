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

enum lock { MUTEX, READ, WRITE };

static struct goro_mutex mutex;
static struct goro_rwmutex rwmutex;
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

static inline __attribute__((always_inline)) void
work(enum lock lock)
{
	for (long i = 0; i < rounds; i++) {
		if (lock == MUTEX)
			goro_mutex_lock(&mutex);
		else if (lock == READ)
			goro_rwmutex_rlock(&rwmutex);
		else
			goro_rwmutex_lock(&rwmutex);
		steps(inside);
		if (yield)
			goro_yield();
		if (lock == MUTEX)
			goro_mutex_unlock(&mutex);
		else if (lock == READ)
			goro_rwmutex_runlock(&rwmutex);
		else
			goro_rwmutex_unlock(&rwmutex);
		steps(outside);
	}
	goro_waitgroup_done(&all);
}

static void
lock_mutex(void *arg)
{
	(void)arg;
	work(MUTEX);
}

static void
lock_to_read(void *arg)
{
	(void)arg;
	work(READ);
}

static void
lock_to_write(void *arg)
{
	(void)arg;
	work(WRITE);
}

static void (*fn)(void *arg) = lock_mutex;

static int
measure(void *arg)
{
	int64_t start_ns;

	(void)arg;
	rounds /= goroutines;
	goro_waitgroup_add(&all, goroutines);
	start_ns = goro_now();
	for (int i = 0; i < goroutines; i++)
		goro_go(fn, NULL);
	goro_waitgroup_wait(&all);
	printf("%.1f ns\n",
	       (double)(goro_now() - start_ns) / goroutines / rounds);
	return 0;
}

int
main(int argc, char **argv)
{
	for (int c; (c = getopt(argc, argv, "g:yi:o:n:rw")) != -1;) {
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
		case 'r':
			fn = lock_to_read;
			break;
		case 'w':
			fn = lock_to_write;
			break;
		default:
			return 64;
		}
	}
	return goroutines > 0 ? goro_run(measure, NULL) : 64;
}
