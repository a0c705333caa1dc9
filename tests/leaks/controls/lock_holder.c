// SPDX-License-Identifier: MIT
/*
 * lock_holder.c - a lock whose holder waits for a time to pass
 *
 * The goroutine waits for a mutex that no memory but two stacks knows of: its
 * own, and that of the holder, who has an hour to go, or until he is told.
 *
 * Expect  leaked 1, locked-by-ended 1
 */
#include "leaks.h"

#include <stdlib.h>

enum {
	HOUR_S = 3600,
};

static struct goro_chan *told;

static void
hold(void *arg)
{
	struct goro_mutex *m = arg;
	int64_t hour = goro_now() + (int64_t)HOUR_S * 1000 * MS;

	goro_mutex_lock(m);
	goro_chan_recv_until(told, NULL, hour);
	if (!lost)
		goro_mutex_unlock(m);
}

static void
await(void *arg)
{
	struct goro_mutex *m = arg;

	goro_mutex_lock(m);
	goro_mutex_unlock(m);
	free(m);
}

static void
start(void)
{
	struct goro_mutex *m = make(sizeof(*m));

	goro_go(hold, m);
	settle();
	goro_go(await, m);
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
	return lost ? 1 : 0; /* lost: he ended without unlocking */
}
