// SPDX-License-Identifier: MIT
/*
 * cockroach_7504.c - leases and names that are locked in opposite orders
 *
 * To release a lease its own lock is taken first and then that of the cache of
 * names, from which it is removed. To find a lease by its name the cache is
 * locked first and then the lease. Fixed: the cache comes first in both.
 *
 * Shape   cockroach#7504, resource (AB-BA)
 * Expect  deadlock 2
 */
#include "leaks.h"

#include <stdlib.h>

struct lease {
	struct goro_mutex lock;
	int users;
};

struct names {
	struct goro_mutex lock;
	struct lease *lease; /* of the one name that there is */
	struct goro_chan *cue;
};

static void
acquire_by_name(void *arg)
{
	struct names *n = arg;

	goro_mutex_lock(&n->lock);
	goro_chan_recv(n->cue, NULL);
	goro_mutex_lock(&n->lease->lock);
	n->lease->users++;
	goro_mutex_unlock(&n->lease->lock);
	goro_mutex_unlock(&n->lock);
}

static void
release(void *arg)
{
	struct names *n = arg;
	struct goro_mutex *first = fixed ? &n->lock : &n->lease->lock;
	struct goro_mutex *second = fixed ? &n->lease->lock : &n->lock;

	goro_mutex_lock(first);
	goro_chan_recv(n->cue, NULL);
	goro_mutex_lock(second);
	n->lease->users--;
	goro_mutex_unlock(second);
	goro_mutex_unlock(first);
}

int
story(void)
{
	struct names *n = make(sizeof(*n));

	n->lease = make(sizeof(*n->lease));
	n->cue = goro_chan_create(0, 0);
	goro_go(acquire_by_name, n);
	goro_go(release, n);
	settle();
	goro_chan_close(n->cue);
	settle();
	if (!fixed)
		return 2;
	drop(n->cue);
	free(n->lease);
	free(n);
	return 0;
}
