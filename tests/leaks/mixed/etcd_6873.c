// SPDX-License-Identifier: MIT
/*
 * etcd_6873.c - a broadcast that is stopped while it takes an update
 *
 * The broadcaster's goroutine takes updates from a channel until it is closed,
 * and locks to coalesce each. stop() locks, closes the channel and waits, with
 * the lock held, for that goroutine to end; which has one more update to do.
 * Fixed: stop() unlocks before it waits.
 *
 * Shape   etcd#6873, mixed (channel and lock)
 * Expect  deadlock 1, leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct broadcasts {
	struct goro_mutex lock;
	struct goro_chan *updates, *done;
	struct goro_chan *cue; /* an update has been taken */
	int coalesced;
};

static void
run(void *arg)
{
	struct broadcasts *b = arg;

	while (goro_chan_recv(b->updates, NULL)) {
		goro_chan_recv(b->cue, NULL);
		goro_mutex_lock(&b->lock);
		b->coalesced++;
		goro_mutex_unlock(&b->lock);
	}
	goro_chan_close(b->done);
}

static void
stop(void *arg)
{
	struct broadcasts *b = arg;

	goro_mutex_lock(&b->lock);
	goro_chan_close(b->updates);
	if (fixed)
		goro_mutex_unlock(&b->lock);
	goro_chan_recv(b->done, NULL);
	if (!fixed)
		goro_mutex_unlock(&b->lock);
}

int
story(void)
{
	struct broadcasts *b = make(sizeof(*b));

	b->updates = goro_chan_create(0, 1);
	b->done = goro_chan_create(0, 0);
	b->cue = goro_chan_create(0, 0);
	goro_go(run, b);
	goro_chan_send(b->updates, NULL);
	settle();
	goro_go(stop, b);
	settle();
	goro_chan_close(b->cue);
	settle();
	if (!fixed)
		return 2;
	drop(b->updates, b->done, b->cue);
	free(b);
	return 0;
}
