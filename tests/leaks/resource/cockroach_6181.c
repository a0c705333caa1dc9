// SPDX-License-Identifier: MIT
/*
 * cockroach_6181.c - a cache that locks itself to be printed
 *
 * A lookup in a cache locks it for reading and prints it for its log; the text
 * is made by a method that locks for reading too. Another lookup has found
 * nothing and wants to write: it waits for the first one, the printing of which
 * waits behind it; and the test waits for both.
 * Fixed: the method that makes the text expects the lock to be held.
 *
 * Shape   cockroach#6181, resource (read, write, read)
 * Expect  deadlock 2, leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct cache {
	struct goro_rwmutex lock;
	struct goro_waitgroup lookups;
	struct goro_chan *cue;
	int entries, printed;
};

static void
print(struct cache *c)
{
	if (!fixed)
		goro_rwmutex_rlock(&c->lock);
	c->printed = c->entries;
	if (!fixed)
		goro_rwmutex_runlock(&c->lock);
}

static void
find(void *arg)
{
	struct cache *c = arg;

	goro_rwmutex_rlock(&c->lock);
	goro_chan_recv(c->cue, NULL);
	print(c);
	goro_rwmutex_runlock(&c->lock);
	goro_waitgroup_done(&c->lookups);
}

static void
insert(void *arg)
{
	struct cache *c = arg;

	goro_rwmutex_lock(&c->lock);
	c->entries++;
	goro_rwmutex_unlock(&c->lock);
	goro_waitgroup_done(&c->lookups);
}

static void
await_both(void *arg)
{
	struct cache *c = arg;

	goro_waitgroup_wait(&c->lookups);
}

int
story(void)
{
	struct cache *c = make(sizeof(*c));

	c->cue = goro_chan_create(0, 0);
	goro_waitgroup_add(&c->lookups, 2);
	goro_go(await_both, c);
	goro_go(find, c);
	settle();
	goro_go(insert, c);
	settle();
	goro_chan_close(c->cue);
	settle();
	if (!fixed)
		return 3;
	drop(c->cue);
	free(c);
	return 0;
}
