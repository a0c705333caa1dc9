// SPDX-License-Identifier: MIT
/*
 * parked.c - many goroutines, each a few frames deep, waiting for ever
 *
 * Usage: parked [COUNT [DEPTH [closed]]]. Says "ready" when all of them wait;
 * one that is closed may be traced by nobody but root.
 */
#include <goro/goro.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static int depth = 8;
static struct goro_chan *never;
static struct goro_waitgroup started;

__attribute__((noinline)) static int
wait_below(int n, uint64_t seed)
{
	volatile uint64_t local[4] = { seed, seed + n, seed * 3, n };

	if (n > 1) {
		int got = wait_below(n - 1, seed + 1);

		return got + (int)local[n % 4];
	}
	goro_waitgroup_done(&started);
	goro_chan_recv(never, NULL);
	return (int)local[0];
}

static void
waiter(void *arg)
{
	wait_below(depth, (uintptr_t)arg);
}

static int
program(void *arg)
{
	long count = *(long *)arg;

	never = goro_chan_create(0, 0);
	goro_waitgroup_add(&started, (int)count);
	for (long i = 0; i < count; i++)
		if (!goro_go(waiter, (void *)i))
			return 1;
	goro_waitgroup_wait(&started);
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}

int
main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 1000;

	if (argc > 2)
		depth = atoi(argv[2]);
	if (argc > 3)
		prctl(PR_SET_DUMPABLE, 0);
	return goro_run(program, &count);
}
