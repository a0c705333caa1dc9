// SPDX-License-Identifier: MIT
/*
 * istio_16224.c - a test that holds the lock of the handler that it waits for
 *
 * A test locks the list of events, changes an entry of the store, and waits for
 * the handler's word that it was told. The handler, before it gives word, locks
 * that list to append what happened.
 * Fixed: the test unlocks before it waits.
 *
 * Shape   istio#16224, mixed (channel and lock)
 * Expect  deadlock 1, leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct monitor {
	struct goro_mutex lock;
	struct goro_chan *changed, *handled;
	int events;
};

static void
handle(void *arg)
{
	struct monitor *m = arg;

	goro_chan_recv(m->changed, NULL);
	goro_mutex_lock(&m->lock);
	m->events++;
	goro_mutex_unlock(&m->lock);
	goro_chan_send(m->handled, NULL);
}

int
story(void)
{
	struct monitor *m = make(sizeof(*m));

	m->changed = goro_chan_create(0, 0);
	m->handled = goro_chan_create(0, 0);
	goro_go(handle, m);
	goro_mutex_lock(&m->lock);
	m->events = 0;
	goro_chan_send(m->changed, NULL);
	if (fixed)
		goro_mutex_unlock(&m->lock);
	goro_chan_recv(m->handled, NULL); /* never returns */
	settle();
	drop(m->changed, m->handled);
	free(m);
	return 0;
}
