// SPDX-License-Identifier: MIT
/*
 * kubernetes_6632.c - a connection that is reset while it is being closed
 *
 * To write a frame the connection is locked; a frame that cannot be written
 * asks for a reset through a channel, which has room for one. The monitor, told
 * to close, would read that channel no more: it locks, to close the channel.
 * Fixed: the monitor has a goroutine drain the channel while it locks.
 *
 * Shape   kubernetes#6632, mixed (channel and lock)
 * Expect  deadlock 1, leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct connection {
	struct goro_mutex write_lock;
	struct goro_chan *reset; /* of int, a stream */
	struct goro_chan *closing;
	bool closed;
};

static void
drain(void *arg)
{
	struct connection *c = arg;

	while (goro_chan_recv(c->reset, NULL))
		;
}

static void
write_frames(void *arg)
{
	struct connection *c = arg;

	goro_mutex_lock(&c->write_lock);
	for (int stream = 0; stream < 2; stream++)
		goro_chan_send(c->reset, &stream); /* it cannot be written */
	goro_mutex_unlock(&c->write_lock);
}

static void
monitor(void *arg)
{
	struct connection *c = arg;

	goro_chan_recv(c->closing, NULL);
	if (fixed)
		goro_go(drain, c);
	goro_mutex_lock(&c->write_lock);
	c->closed = true;
	goro_chan_close(c->reset);
	goro_mutex_unlock(&c->write_lock);
}

int
story(void)
{
	struct connection *c = make(sizeof(*c));

	c->reset = goro_chan_create(sizeof(int), 1);
	c->closing = goro_chan_create(0, 0);
	goro_go(monitor, c);
	goro_go(write_frames, c);
	settle();
	goro_chan_close(c->closing);
	settle();
	if (!fixed)
		return 2;
	drop(c->reset, c->closing);
	free(c);
	return 0;
}
