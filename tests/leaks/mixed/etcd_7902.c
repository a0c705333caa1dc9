// SPDX-License-Identifier: MIT
/*
 * etcd_7902.c - a follower that releases its leadership under the lock
 *
 * Rounds of an election: leader and followers take turns under one lock. The
 * follower gets it first and, to release, waits for the leader's word with the
 * lock held; the leader needs the lock to give it. All rounds are waited for.
 * Fixed: release() is called without the lock.
 *
 * Shape   etcd#7902, mixed (channel and lock)
 * Expect  deadlock 1, leaked 2
 */
#include "leaks.h"

#include <stdlib.h>

struct election {
	struct goro_mutex lock;
	struct goro_waitgroup rounds;
	struct goro_chan *next; /* closed by the leader */
	int validated;
};

static void
run_round(struct election *e, void (*release)(struct election *e))
{
	goro_mutex_lock(&e->lock);
	e->validated++;
	goro_mutex_unlock(&e->lock);
	if (!fixed)
		goro_mutex_lock(&e->lock);
	release(e);
	if (!fixed)
		goro_mutex_unlock(&e->lock);
	goro_waitgroup_done(&e->rounds);
}

static void
release_follower(struct election *e)
{
	goro_chan_recv(e->next, NULL);
}

static void
release_leader(struct election *e)
{
	goro_chan_close(e->next);
}

static void
follow(void *arg)
{
	run_round(arg, release_follower);
}

static void
lead(void *arg)
{
	run_round(arg, release_leader);
}

int
story(void)
{
	struct election *e = make(sizeof(*e));

	e->next = goro_chan_create(0, 0);
	goro_waitgroup_add(&e->rounds, 2);
	goro_go(follow, e);
	settle();
	goro_go(lead, e);
	goro_waitgroup_wait(&e->rounds); /* never returns */
	settle();
	drop(e->next);
	free(e);
	return 0;
}
