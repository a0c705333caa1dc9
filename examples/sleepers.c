// SPDX-License-Identifier: MIT
/*
 * sleepers.c - a million goroutines, each asleep for one second
 *
 * The program that shows what goroutines are: as plain as with threads, and a
 * thousand times as many. Each costs a page of memory and no thread.
 *
 * Usage: sleepers [GOROUTINES]
 */
#include <goro/goro.h>
#include <stdio.h>
#include <stdlib.h>

static struct goro_waitgroup awake;

static void
sleeper(void *arg)
{
	(void)arg;
	goro_sleep(1000000000);
	goro_waitgroup_done(&awake);
}

static int
run(void *arg)
{
	int n = *(int *)arg;
	int64_t start_ns = goro_now(), spawned_ns;

	goro_waitgroup_add(&awake, n);
	for (int i = 0; i < n; i++)
		if (!goro_go(sleeper, NULL)) {
			fprintf(stderr, "out of memory after %d\n", i);
			return 1;
		}
	spawned_ns = goro_now();
	goro_waitgroup_wait(&awake);
	printf("%d goroutines slept for a second: "
	       "%.2f s to start them, %.2f s in all\n",
	       n, (spawned_ns - start_ns) / 1e9, (goro_now() - start_ns) / 1e9);
	return 0;
}

int
main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1000000;

	return goro_run(run, &n);
}
