// SPDX-License-Identifier: MIT
/*
 * cockroach_10214.c - heartbeats and replicas that lock in opposite orders
 *
 * The store sends coalesced heartbeats with the heartbeats' lock held, and to
 * report one that cannot be delivered it locks the replica. The replica ticks
 * with its own lock held, and to coalesce a heartbeat it locks the heartbeats.
 * Fixed: the store lets go of the heartbeats before it reports.
 *
 * Shape   cockroach#10214, resource (AB-BA)
 * Expect  deadlock 2
 */
#include "leaks.h"

#include <stdlib.h>

struct store {
	struct goro_mutex heartbeats, replica;
	struct goro_chan *cue; /* both hold their first lock */
	int sent, unreachable;
};

static void
send_heartbeats(void *arg)
{
	struct store *s = arg;

	goro_mutex_lock(&s->heartbeats);
	goro_chan_recv(s->cue, NULL);
	s->sent++;
	if (fixed)
		goro_mutex_unlock(&s->heartbeats);
	goro_mutex_lock(&s->replica);
	s->unreachable++;
	goro_mutex_unlock(&s->replica);
	if (!fixed)
		goro_mutex_unlock(&s->heartbeats);
}

static void
tick(void *arg)
{
	struct store *s = arg;

	goro_mutex_lock(&s->replica);
	goro_chan_recv(s->cue, NULL);
	goro_mutex_lock(&s->heartbeats);
	s->sent++;
	goro_mutex_unlock(&s->heartbeats);
	goro_mutex_unlock(&s->replica);
}

int
story(void)
{
	struct store *s = make(sizeof(*s));

	s->cue = goro_chan_create(0, 0);
	goro_go(send_heartbeats, s);
	goro_go(tick, s);
	settle();
	goro_chan_close(s->cue);
	settle();
	if (!fixed)
		return 2;
	drop(s->cue);
	free(s);
	return 0;
}
