// SPDX-License-Identifier: MIT
/*
 * syncthing_4829.c - a mapping that tells of its end while it is locked
 *
 * Clearing a mapping of addresses locks it and tells those who subscribed that
 * it has changed; and they ask the mapping for its addresses, for which it is
 * locked for reading. Fixed: they are told after unlocking.
 *
 * Shape   syncthing#4829, resource (double locking)
 * Expect  deadlock 1
 */
#include "leaks.h"

#include <stdlib.h>

struct mapping {
	struct goro_rwmutex lock;
	void (*subscriber)(struct mapping *m);
	int addresses, seen;
};

static void
look(struct mapping *m)
{
	goro_rwmutex_rlock(&m->lock);
	m->seen = m->addresses;
	goro_rwmutex_runlock(&m->lock);
}

static void
clear(struct mapping *m)
{
	goro_rwmutex_lock(&m->lock);
	m->addresses = 0;
	if (!fixed)
		m->subscriber(m); /* never returns */
	goro_rwmutex_unlock(&m->lock);
	m->subscriber(m);
}

int
story(void)
{
	struct mapping *m = make(sizeof(*m));

	m->addresses = 3;
	m->subscriber = look;
	clear(m);
	free(m);
	return 0;
}
