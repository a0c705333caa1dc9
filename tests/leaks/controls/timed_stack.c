// SPDX-License-Identifier: MIT
/*
 * timed_stack.c - a handle with a goroutine that waits for a time to pass
 *
 * It will wake the other one in an hour, or earlier if it is told to.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

enum {
	HOUR_S = 3600,
};

static struct goro_chan *told;

static void
pass_time(void *arg)
{
	struct goro_chan *volatile kept = arg;
	int64_t hour = goro_now() + (int64_t)HOUR_S * 1000 * MS;

	goro_chan_recv_until(told, NULL, hour);
	if (lost)
		drop(kept);
	else
		unpark(kept);
}

static void
start(void)
{
	goro_go(pass_time, park());
	settle();
}

int
story(void)
{
	told = goro_chan_create(0, 0);
	start();
	if (!lost)
		check();
	goro_chan_close(told);
	settle();
	drop(told);
	return lost ? 1 : 0;
}
