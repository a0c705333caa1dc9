// SPDX-License-Identifier: MIT
/*
 * grpc_1353.c - addresses that are sent with the lock held
 *
 * The round robin watches for addresses and sends them on, locked. Who receives
 * them takes a connection down after the first, for which he locks the round
 * robin; which is sending the second. Fixed: it is sent after unlocking.
 *
 * Shape   grpc#1353, mixed (channel and lock)
 * Expect  deadlock 1, leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct round_robin {
	struct goro_mutex lock;
	struct goro_chan *addresses; /* of int */
	struct goro_chan *cue;       /* the first has been received */
	int known;
};

static void
watch_updates(void *arg)
{
	struct round_robin *rr = arg;

	for (int address = 0; address < 2; address++) {
		goro_mutex_lock(&rr->lock);
		rr->known++;
		if (fixed)
			goro_mutex_unlock(&rr->lock);
		goro_chan_send(rr->addresses, &address);
		if (!fixed)
			goro_mutex_unlock(&rr->lock);
	}
	goro_chan_close(rr->addresses);
}

static void
take_down(struct round_robin *rr)
{
	goro_mutex_lock(&rr->lock);
	rr->known--;
	goro_mutex_unlock(&rr->lock);
}

static void
watch_balancer(void *arg)
{
	struct round_robin *rr = arg;

	while (goro_chan_recv(rr->addresses, NULL)) {
		goro_chan_recv(rr->cue, NULL);
		take_down(rr);
	}
}

int
story(void)
{
	struct round_robin *rr = make(sizeof(*rr));

	rr->addresses = goro_chan_create(sizeof(int), 0);
	rr->cue = goro_chan_create(0, 0);
	goro_go(watch_balancer, rr);
	goro_go(watch_updates, rr);
	settle();
	goro_chan_close(rr->cue);
	settle();
	if (!fixed)
		return 2;
	drop(rr->addresses, rr->cue);
	free(rr);
	return 0;
}
