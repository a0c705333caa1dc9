// SPDX-License-Identifier: MIT
/*
 * moby_27782.c - a file watcher that is closed between two events
 *
 * The reader of events sends what it reads to the follower of a log. The
 * follower has been told to end: it removes its watch and waits on a condition
 * until the reader has confirmed. The reader is still sending the event before
 * that, to the follower. Fixed: the reader looks whether the watch is closed.
 *
 * Shape   moby#27782, communication (channel and condition variable)
 * Expect  leaked 2
 */
#include "leaks.h"

#include <stdlib.h>

struct watcher {
	struct goro_mutex lock;
	struct goro_cond cond;
	bool removed;
	struct goro_chan *events; /* of int */
	struct goro_chan *close_notify;
};

static void
read_events(void *arg)
{
	struct watcher *w = arg;
	struct goro_case cases[] = {
		GORO_SEND(w->events, &(int){ 1 }),
		GORO_RECV(fixed ? w->close_notify : NULL, NULL),
	};

	goro_select(cases, 2);
	goro_mutex_lock(&w->lock);
	w->removed = true;
	goro_cond_broadcast(&w->cond);
	goro_mutex_unlock(&w->lock);
}

static void
follow_logs(void *arg)
{
	struct watcher *w = arg;

	goro_chan_recv(w->close_notify, NULL);
	goro_mutex_lock(&w->lock);
	while (!w->removed)
		goro_cond_wait(&w->cond, &w->lock);
	goro_mutex_unlock(&w->lock);
}

int
story(void)
{
	struct watcher *w = make(sizeof(*w));

	w->events = goro_chan_create(sizeof(int), 0);
	w->close_notify = goro_chan_create(0, 0);
	goro_go(read_events, w);
	goro_go(follow_logs, w);
	settle();
	goro_chan_close(w->close_notify);
	settle();
	if (!fixed)
		return 2;
	drop(w->events, w->close_notify);
	free(w);
	return 0;
}
