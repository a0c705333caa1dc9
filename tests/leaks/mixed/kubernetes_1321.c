// SPDX-License-Identifier: MIT
/*
 * kubernetes_1321.c - a watcher that can be stopped only by who waits for it
 *
 * Events are distributed to the watchers with the lock held. One watcher takes
 * no more: he is stopping, and for that he locks, to be taken off the list. The
 * distributor sends to him.
 * Fixed: a watcher who stops says so through a channel, without the lock.
 *
 * Shape   kubernetes#1321, mixed (channel and lock)
 * Expect  deadlock 1, leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct mux {
	struct goro_mutex lock;
	struct goro_chan *result; /* of int; of the only watcher */
	struct goro_chan *stopped;
	bool watched;
};

static void
distribute(void *arg)
{
	struct mux *m = arg;
	struct goro_case cases[] = {
		GORO_SEND(m->result, &(int){ 1 }),
		GORO_RECV(m->stopped, NULL),
	};

	goro_mutex_lock(&m->lock);
	if (m->watched)
		goro_select(cases, 2);
	goro_mutex_unlock(&m->lock);
}

static void
stop_watching(void *arg)
{
	struct mux *m = arg;

	if (fixed)
		goro_chan_close(m->stopped);
	goro_mutex_lock(&m->lock);
	m->watched = false;
	goro_chan_close(m->result);
	goro_mutex_unlock(&m->lock);
}

int
story(void)
{
	struct mux *m = make(sizeof(*m));

	m->watched = true;
	m->result = goro_chan_create(sizeof(int), 0);
	m->stopped = goro_chan_create(0, 0);
	goro_go(distribute, m);
	settle();
	goro_go(stop_watching, m);
	settle();
	if (!fixed)
		return 2;
	drop(m->result, m->stopped);
	free(m);
	return 0;
}
