// SPDX-License-Identifier: MIT
/*
 * syncthing_5795.c - a dispatcher that waits for its own end
 *
 * The dispatcher of a connection takes messages from its reader. A message that
 * cannot be handled closes the connection, which waits until the dispatcher has
 * stopped; and it is the dispatcher who closes. The reader, with a message in
 * its hands, waits as well. Fixed: closing is left to another goroutine.
 *
 * Shape   syncthing#5795, communication (channel)
 * Expect  leaked 2
 */
#include "leaks.h"

#include <stdlib.h>

struct connection {
	struct goro_chan *inbox; /* of int */
	struct goro_chan *closed, *dispatcher_stopped;
};

static void
close_connection(void *arg)
{
	struct connection *c = arg;

	if (fixed)
		goro_chan_close(c->closed);
	goro_chan_recv(c->dispatcher_stopped, NULL);
}

static void
dispatch(void *arg)
{
	struct connection *c = arg;
	int message;

	goro_chan_recv(c->inbox, &message);
	if (message < 0 && fixed)
		goro_go(close_connection, c);
	else if (message < 0)
		close_connection(c); /* never returns */
	goro_chan_close(c->dispatcher_stopped);
}

static void
read_messages(void *arg)
{
	struct connection *c = arg;

	for (int message = -1; message < 2; message++) {
		struct goro_case cases[] = {
			GORO_SEND(c->inbox, &message),
			GORO_RECV(c->closed, NULL),
		};

		if (goro_select(cases, 2) == 1)
			break;
	}
}

int
story(void)
{
	struct connection *c = make(sizeof(*c));

	c->inbox = goro_chan_create(sizeof(int), 0);
	c->closed = goro_chan_create(0, 0);
	c->dispatcher_stopped = goro_chan_create(0, 0);
	goro_go(dispatch, c);
	goro_go(read_messages, c);
	settle();
	if (!fixed)
		return 2;
	drop(c->inbox, c->closed, c->dispatcher_stopped);
	free(c);
	return 0;
}
