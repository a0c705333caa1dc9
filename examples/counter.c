// SPDX-License-Identifier: MIT
/*
 * counter.c - three ways for many goroutines to share one number
 *
 *   a channel  one goroutine owns the number, the others send it what to add
 *   a mutex    whoever holds the lock owns the number
 *   an atomic  the number looks after itself
 *
 * Usage: counter [GOROUTINES [INCREMENTS]]
 */
#include <goro/goro.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
	int goroutines, increments;
} size = { 100, 10000 };

static struct goro_waitgroup running;

/* --- A channel ------------------------------------------------------------ */

static struct goro_chan *additions;

static void
add_by_channel(void *arg)
{
	(void)arg;
	for (int i = 0; i < size.increments; i++)
		goro_chan_send(additions, &(long){ 1 });
	goro_waitgroup_done(&running);
}

/* Sends the total to @arg when there is no more to add. */
static void
own_the_number(void *arg)
{
	struct goro_chan *total = arg;
	long sum = 0, n;

	while (goro_chan_recv(additions, &n))
		sum += n;
	goro_chan_send(total, &sum);
}

static long
count_by_channel(void)
{
	struct goro_chan *total = goro_chan_create(sizeof(long), 0);
	long sum;

	additions = goro_chan_create(sizeof(long), 128);
	goro_go(own_the_number, total);
	goro_waitgroup_add(&running, size.goroutines);
	for (int i = 0; i < size.goroutines; i++)
		goro_go(add_by_channel, NULL);
	goro_waitgroup_wait(&running);
	goro_chan_close(additions);
	goro_chan_recv(total, &sum);
	goro_chan_unref(additions);
	goro_chan_unref(total);
	return sum;
}

/* --- A mutex -------------------------------------------------------------- */

static struct goro_mutex lock;
static long locked_sum;

static void
add_by_mutex(void *arg)
{
	(void)arg;
	for (int i = 0; i < size.increments; i++) {
		goro_mutex_lock(&lock);
		locked_sum++;
		goro_mutex_unlock(&lock);
	}
	goro_waitgroup_done(&running);
}

static long
count_by_mutex(void)
{
	goro_waitgroup_add(&running, size.goroutines);
	for (int i = 0; i < size.goroutines; i++)
		goro_go(add_by_mutex, NULL);
	goro_waitgroup_wait(&running);
	return locked_sum;
}

/* --- An atomic ------------------------------------------------------------ */

static atomic_long atomic_sum;

static void
add_by_atomic(void *arg)
{
	(void)arg;
	for (int i = 0; i < size.increments; i++)
		atomic_fetch_add(&atomic_sum, 1);
	goro_waitgroup_done(&running);
}

static long
count_by_atomic(void)
{
	goro_waitgroup_add(&running, size.goroutines);
	for (int i = 0; i < size.goroutines; i++)
		goro_go(add_by_atomic, NULL);
	goro_waitgroup_wait(&running);
	return atomic_sum;
}

/* -------------------------------------------------------------------------- */

static void
measure(const char *name, long (*count)(void))
{
	int64_t start_ns = goro_now();
	long sum = count();
	int64_t spent_ns = goro_now() - start_ns;

	printf("%-8s %ld, %.1f ns each\n", name, sum,
	       (double)spent_ns / ((double)size.goroutines * size.increments));
}

static int
run(void *arg)
{
	(void)arg;
	measure("channel", count_by_channel);
	measure("mutex", count_by_mutex);
	measure("atomic", count_by_atomic);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		size.goroutines = atoi(argv[1]);
	if (argc > 2)
		size.increments = atoi(argv[2]);
	return goro_run(run, NULL);
}
