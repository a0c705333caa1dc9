// SPDX-License-Identifier: MIT
/*
 * cockroach_2448.c - two loops that serve each other
 *
 * The raft loop sends events to the store's loop and takes callbacks from it.
 * The store's loop, working on the first event, hands a callback over, while
 * the raft loop has a second event to hand over. Each sends, nobody receives;
 * the stopper, which both look at, has been forgotten.
 * Fixed: the raft loop takes callbacks while it sends.
 *
 * Shape   cockroach#2448, communication (channel)
 * Expect  leaked 2
 */
#include "leaks.h"

#include <stdlib.h>

struct raft {
	struct goro_chan *events;    /* of int */
	struct goro_chan *callbacks; /* of int */
	struct goro_chan *stopper;
};

static void
send_event(struct raft *r, int event)
{
	struct goro_case cases[] = {
		GORO_SEND(r->events, &event),
		GORO_RECV(r->stopper, NULL),
		GORO_RECV(fixed ? r->callbacks : NULL, NULL),
	};

	while (goro_select(cases, 3) == 2)
		; /* a callback is done; the event is still to be sent */
}

static void
raft_loop(void *arg)
{
	struct raft *r = arg;

	send_event(r, 1); /* the membership changes */
	send_event(r, 2); /* another command commits */
	if (fixed)
		goro_chan_recv(r->callbacks, NULL);
}

static void
store_loop(void *arg)
{
	struct raft *r = arg;

	for (int n = 0, event; n < 2; n++) {
		struct goro_case cases[] = {
			GORO_SEND(r->callbacks, &event),
			GORO_RECV(r->stopper, NULL),
		};

		goro_chan_recv(r->events, &event);
		goro_select(cases, 2);
	}
}

int
story(void)
{
	struct raft *r = make(sizeof(*r));

	r->events = goro_chan_create(sizeof(int), 0);
	r->callbacks = goro_chan_create(sizeof(int), 0);
	r->stopper = goro_chan_create(0, 0);
	goro_go(store_loop, r);
	goro_go(raft_loop, r);
	settle();
	if (!fixed)
		return 2;
	drop(r->events, r->callbacks, r->stopper);
	free(r);
	return 0;
}
