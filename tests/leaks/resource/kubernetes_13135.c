// SPDX-License-Identifier: MIT
/*
 * kubernetes_13135.c - a cacher and its watch cache that lock each other
 *
 * The cacher, locked until it is initialised, replaces what its watch cache
 * holds, for which that one is locked; that done, a function which runs once
 * unlocks the cacher. Started anew, the cacher locks itself once more and then
 * the watch cache; while an event that arrives locks the watch cache and, to
 * hand the event on, the cacher. Fixed: an event is handed on after unlocking.
 *
 * Shape   kubernetes#13135, resource (AB-BA)
 * Expect  deadlock 2
 */
#include "leaks.h"

#include <stdlib.h>

struct cacher {
	struct goro_mutex lock;
	struct goro_rwmutex watch_cache;
	struct goro_once initialised;
	struct goro_chan *cue; /* the second start, and the event */
	int items, handed_on;
};

static void
unlock_cacher(void *arg)
{
	struct cacher *c = arg;

	goro_mutex_unlock(&c->lock);
}

static void
replace(struct cacher *c)
{
	goro_rwmutex_lock(&c->watch_cache);
	c->items = 0;
	goro_once_do(&c->initialised, unlock_cacher, c);
	goro_rwmutex_unlock(&c->watch_cache);
}

static void
keep_caching(void *arg)
{
	struct cacher *c = arg;

	goro_mutex_lock(&c->lock);
	replace(c);
	goro_mutex_lock(&c->lock);
	goro_chan_recv(c->cue, NULL);
	replace(c);
	goro_mutex_unlock(&c->lock);
}

static void
process_event(void *arg)
{
	struct cacher *c = arg;

	goro_rwmutex_lock(&c->watch_cache);
	c->items++;
	goro_chan_recv(c->cue, NULL);
	if (fixed)
		goro_rwmutex_unlock(&c->watch_cache);
	goro_mutex_lock(&c->lock);
	c->handed_on++;
	goro_mutex_unlock(&c->lock);
	if (!fixed)
		goro_rwmutex_unlock(&c->watch_cache);
}

int
story(void)
{
	struct cacher *c = make(sizeof(*c));

	c->cue = goro_chan_create(0, 0);
	goro_go(keep_caching, c);
	settle();
	goro_go(process_event, c);
	settle();
	goro_chan_close(c->cue);
	settle();
	if (!fixed)
		return 2;
	drop(c->cue);
	free(c);
	return 0;
}
