// SPDX-License-Identifier: MIT
/*
 * cockroach_3710.c - a queue that asks the store that asks the queue
 *
 * The store scans its replicas with its lock held for reading; each replica is
 * offered to a queue, which asks the store for its status, which locks for
 * reading. Between the two the raft loop wants to write.
 * Fixed: the scan makes its list, unlocks, and only then offers.
 *
 * Shape   cockroach#3710, resource (read, write, read)
 * Expect  deadlock 2
 */
#include "leaks.h"

#include <stdlib.h>

struct store {
	struct goro_rwmutex lock;
	struct goro_chan *cue;
	int status;
};

static int
raft_status(struct store *s)
{
	int status;

	goro_rwmutex_rlock(&s->lock);
	status = s->status;
	goro_rwmutex_runlock(&s->lock);
	return status;
}

static void
maybe_add(struct store *s)
{
	goro_chan_recv(s->cue, NULL);
	if (raft_status(s) < 0)
		fail("a status below zero");
}

static void
scan(void *arg)
{
	struct store *s = arg;

	goro_rwmutex_rlock(&s->lock);
	if (fixed)
		goro_rwmutex_runlock(&s->lock);
	maybe_add(s);
	if (!fixed)
		goro_rwmutex_runlock(&s->lock);
}

static void
process_raft(void *arg)
{
	struct store *s = arg;

	goro_rwmutex_lock(&s->lock);
	s->status++;
	goro_rwmutex_unlock(&s->lock);
}

int
story(void)
{
	struct store *s = make(sizeof(*s));

	s->cue = goro_chan_create(0, 0);
	goro_go(scan, s);
	settle();
	goro_go(process_raft, s);
	settle();
	goro_chan_close(s->cue);
	settle();
	if (!fixed)
		return 2;
	drop(s->cue);
	free(s);
	return 0;
}
