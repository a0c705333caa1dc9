// SPDX-License-Identifier: MIT
/*
 * etcd_6857.c - a status request to a node that has stopped
 *
 * The node's loop answers requests for its status until it is told to stop.
 * Who asks after that sends into a channel that nobody receives from.
 * Fixed: the request looks at `done` too, which a stopped node has closed.
 *
 * Shape   etcd#6857, communication (channel)
 * Expect  leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct node {
	struct goro_chan *status; /* of struct goro_chan *, for the answer */
	struct goro_chan *stop, *done;
};

static void
run(void *arg)
{
	struct node *n = arg;
	struct goro_chan *answer;
	struct goro_case cases[] = {
		GORO_RECV(n->status, &answer),
		GORO_RECV(n->stop, NULL),
	};

	while (goro_select(cases, 2) == 0)
		goro_chan_send(answer, &(int){ 1 });
	goro_chan_close(n->done);
}

static void
stop(void *arg)
{
	struct node *n = arg;

	goro_chan_send(n->stop, NULL);
	goro_chan_recv(n->done, NULL);
}

static void
ask(void *arg)
{
	struct node *n = arg;
	struct goro_chan *answer = goro_chan_create(sizeof(int), 1);
	struct goro_case cases[] = {
		GORO_SEND(n->status, &answer),
		GORO_RECV(fixed ? n->done : NULL, NULL),
	};

	if (goro_select(cases, 2) == 0)
		goro_chan_recv(answer, NULL);
	goro_chan_unref(answer);
}

int
story(void)
{
	struct node *n = make(sizeof(*n));

	n->status = goro_chan_create(sizeof(struct goro_chan *), 0);
	n->stop = goro_chan_create(0, 0);
	n->done = goro_chan_create(0, 0);
	goro_go(run, n);
	goro_go(ask, n); /* is answered */
	settle();
	goro_go(stop, n);
	settle();
	goro_go(ask, n); /* is not */
	settle();
	if (!fixed)
		return 1;
	drop(n->status, n->stop, n->done);
	free(n);
	return 0;
}
