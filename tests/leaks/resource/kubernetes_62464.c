// SPDX-License-Identifier: MIT
/*
 * kubernetes_62464.c - a default that is looked up under a lock taken twice
 *
 * The state of the CPUs is read under its read lock; a getter with a default
 * calls the plain getter, and both lock. A container that is removed meanwhile
 * wants to write. Fixed: the getter with the default does not lock.
 *
 * Shape   kubernetes#62464, resource (read, write, read)
 * Expect  deadlock 2
 */
#include "leaks.h"

#include <stdlib.h>

struct state {
	struct goro_rwmutex lock;
	struct goro_chan *cue;
	unsigned cpus, reserved;
};

static unsigned
get_cpus(struct state *s)
{
	unsigned cpus;

	goro_rwmutex_rlock(&s->lock);
	cpus = s->cpus;
	goro_rwmutex_runlock(&s->lock);
	return cpus;
}

static unsigned
get_cpus_or_default(struct state *s)
{
	unsigned cpus;

	if (!fixed)
		goro_rwmutex_rlock(&s->lock);
	goro_chan_recv(s->cue, NULL);
	cpus = get_cpus(s);
	if (!fixed)
		goro_rwmutex_runlock(&s->lock);
	return cpus ? cpus : 1;
}

static void
reconcile(void *arg)
{
	struct state *s = arg;

	s->reserved = get_cpus_or_default(s);
}

static void
remove_container(void *arg)
{
	struct state *s = arg;

	goro_rwmutex_lock(&s->lock);
	s->cpus = 0;
	goro_rwmutex_unlock(&s->lock);
}

int
story(void)
{
	struct state *s = make(sizeof(*s));

	s->cue = goro_chan_create(0, 0);
	goro_go(reconcile, s);
	settle();
	goro_go(remove_container, s);
	settle();
	goro_chan_close(s->cue);
	settle();
	if (!fixed)
		return 2;
	drop(s->cue);
	free(s);
	return 0;
}
