// SPDX-License-Identifier: MIT
/*
 * cockroach_16167.c - a read lock that is taken again below
 *
 * A session reads the system configuration with the lock held for reading and,
 * deep down, locks for reading once more to look into a cache. In between comes
 * the updater, who wants to write: it waits for the first read lock, and the
 * second one waits behind it. Fixed: the cache has a lock of its own.
 *
 * Shape   cockroach#16167, resource (double locking)
 * Expect  deadlock 2
 */
#include "leaks.h"

#include <stdlib.h>

struct executor {
	struct goro_rwmutex config, cache;
	int version, seen;
};

static void
update(void *arg)
{
	struct executor *e = arg;

	goro_rwmutex_lock(&e->config);
	e->version++;
	goro_rwmutex_unlock(&e->config);
}

static void
look_into_cache(struct executor *e)
{
	struct goro_rwmutex *lock = fixed ? &e->cache : &e->config;

	goro_rwmutex_rlock(lock);
	e->seen = e->version;
	goro_rwmutex_runlock(lock);
}

static void
execute(struct executor *e)
{
	goro_rwmutex_rlock(&e->config);
	goro_go(update, e);
	settle(); /* the updater waits */
	look_into_cache(e);
	goro_rwmutex_runlock(&e->config);
}

int
story(void)
{
	struct executor *e = make(sizeof(*e));

	execute(e); /* never returns */
	settle();
	free(e);
	return 0;
}
