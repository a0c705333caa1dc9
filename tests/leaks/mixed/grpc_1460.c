// SPDX-License-Identifier: MIT
/*
 * grpc_1460.c - a keepalive that sleeps with the transport locked
 *
 * Without streams there is nothing to keep alive: the keepalive goroutine goes
 * to sleep until a stream awakens it, and has locked the transport to see that
 * there are none. Who opens a stream locks the transport before he awakens.
 * Fixed: it unlocks before it sleeps.
 *
 * Shape   grpc#1460, mixed (channel and lock)
 * Expect  deadlock 1, leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct transport {
	struct goro_mutex lock;
	struct goro_chan *awaken;
	int streams;
};

static void
keepalive(void *arg)
{
	struct transport *t = arg;

	goro_mutex_lock(&t->lock);
	if (t->streams == 0) {
		if (fixed)
			goro_mutex_unlock(&t->lock);
		goro_chan_recv(t->awaken, NULL);
		if (fixed)
			goro_mutex_lock(&t->lock);
	}
	goro_mutex_unlock(&t->lock);
}

static void
new_stream(void *arg)
{
	struct transport *t = arg;

	goro_mutex_lock(&t->lock);
	t->streams++;
	goro_mutex_unlock(&t->lock);
	goro_chan_send(t->awaken, NULL);
}

int
story(void)
{
	struct transport *t = make(sizeof(*t));

	t->awaken = goro_chan_create(0, 0);
	goro_go(keepalive, t);
	settle();
	goro_go(new_stream, t);
	settle();
	if (!fixed)
		return 2;
	drop(t->awaken);
	free(t);
	return 0;
}
