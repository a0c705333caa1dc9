// SPDX-License-Identifier: MIT
/*
 * etcd_7492.c - a token that is added while old ones are deleted
 *
 * Who assigns a token locks the list of tokens and tells their keeper about it
 * through a channel. The keeper, whose ticker has just ticked, is about to
 * delete what is too old, and locks the list for that. And there is one who
 * waits until all tokens have been assigned.
 * Fixed: the keeper is told after unlocking.
 *
 * Shape   etcd#7492, mixed (channel and lock)
 * Expect  deadlock 1, leaked 2
 */
#include "leaks.h"

#include <stdlib.h>

struct tokens {
	struct goro_mutex lock;
	struct goro_waitgroup assigners;
	struct goro_chan *add; /* of int */
	struct goro_chan *tick, *stop;
	struct goro_chan *cue; /* somebody assigns a token just now */
	int n;
};

static void
assign(void *arg)
{
	struct tokens *t = arg;

	goro_mutex_lock(&t->lock);
	t->n++;
	if (fixed)
		goro_mutex_unlock(&t->lock);
	goro_chan_send(t->add, &t->n);
	if (!fixed)
		goro_mutex_unlock(&t->lock);
	goro_waitgroup_done(&t->assigners);
}

static void
keep(void *arg)
{
	struct tokens *t = arg;
	struct goro_case cases[] = {
		GORO_RECV(t->add, NULL),
		GORO_RECV(t->tick, NULL),
		GORO_RECV(t->stop, NULL),
	};

	for (int which; (which = goro_select(cases, 3)) != 2;) {
		if (which == 0)
			continue;
		goro_chan_recv(t->cue, NULL);
		goro_mutex_lock(&t->lock);
		t->n = 0;
		goro_mutex_unlock(&t->lock);
	}
}

int
story(void)
{
	struct tokens *t = make(sizeof(*t));

	t->add = goro_chan_create(sizeof(int), 0);
	t->tick = goro_chan_create(0, 0);
	t->stop = goro_chan_create(0, 0);
	t->cue = goro_chan_create(0, 0);
	goro_waitgroup_add(&t->assigners, 2);
	goro_go(keep, t);
	goro_go(assign, t);
	settle();
	goro_chan_send(t->tick, NULL);
	goro_go(assign, t);
	settle();
	goro_chan_close(t->cue);
	goro_waitgroup_wait(&t->assigners); /* never returns */
	goro_chan_close(t->stop);
	settle();
	drop(t->add, t->tick, t->stop, t->cue);
	free(t);
	return 0;
}
