// SPDX-License-Identifier: MIT
/*
 * cockroach_35073.c - an outbox that fails and leaves its senders waiting
 *
 * Rows are pushed into the outbox's channel. The outbox fails as it starts and
 * ends without draining the channel or saying that it takes no more rows: the
 * channel fills up, and the producers push for ever, the main one too.
 * Fixed: it closes a channel that producers look at.
 *
 * Shape   cockroach#35073, communication (channel)
 * Expect  leaked 2
 */
#include "leaks.h"

#include <stdlib.h>

enum {
	ROOM = 16,
};

struct outbox {
	struct goro_chan *rows; /* of int */
	struct goro_chan *closed;
};

static void
push(struct outbox *o)
{
	struct goro_case cases[] = {
		GORO_SEND(o->rows, &(int){ 1 }),
		GORO_RECV(o->closed, NULL),
	};

	goro_select(cases, 2);
}

static void
produce(void *arg)
{
	push(arg);
}

static void
run_outbox(void *arg)
{
	struct outbox *o = arg;

	if (fixed)
		goro_chan_close(o->closed);
}

int
story(void)
{
	struct outbox *o = make(sizeof(*o));

	o->rows = goro_chan_create(sizeof(int), ROOM);
	o->closed = goro_chan_create(0, 0);
	for (int i = 0; i < ROOM; i++)
		push(o);
	goro_go(produce, o);
	settle();
	goro_go(run_outbox, o);
	settle();
	push(o); /* never returns */
	settle();
	goro_chan_close(o->rows);
	drop(o->rows, o->closed);
	free(o);
	return 0;
}
