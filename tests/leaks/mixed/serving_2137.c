// SPDX-License-Identifier: MIT
/*
 * serving_2137.c - a breaker with one slot and two requests
 *
 * Requests pass through a breaker that lets one in at a time, and inside each
 * takes its own lock, which the test holds to keep it there. The test unlocks
 * the second request and waits until it is accepted; but the first one has the
 * slot, and its lock is still the test's to release.
 * Fixed: the test unlocks them in the order in which they came.
 *
 * Shape   serving#2137, mixed (channel and lock)
 * Expect  deadlock 1, leaked 2
 */
#include "leaks.h"

#include <stdlib.h>

struct request {
	struct goro_mutex lock;
	struct goro_chan *slot; /* full: one is inside */
	struct goro_chan *accepted;
};

static void
run_request(void *arg)
{
	struct request *r = arg;

	goro_chan_send(r->slot, NULL);
	goro_mutex_lock(&r->lock);
	goro_mutex_unlock(&r->lock);
	goro_chan_recv(r->slot, NULL);
	goro_chan_send(r->accepted, NULL);
}

static struct request *
start_request(struct goro_chan *slot)
{
	struct request *r = make(sizeof(*r));

	r->slot = goro_chan_ref(slot);
	r->accepted = goro_chan_create(0, 0);
	goro_mutex_lock(&r->lock);
	goro_go(run_request, r);
	settle();
	return r;
}

static void
finish_request(struct request *r)
{
	goro_mutex_unlock(&r->lock);
	goro_chan_recv(r->accepted, NULL); /* never returns */
	settle();
	drop(r->slot, r->accepted);
	free(r);
}

int
story(void)
{
	struct goro_chan *slot = goro_chan_create(0, 1);
	struct request *first = start_request(slot);
	struct request *second = start_request(slot);

	drop(slot);
	if (fixed)
		finish_request(first);
	finish_request(second);
	if (!fixed)
		finish_request(first);
	return 0;
}
