// SPDX-License-Identifier: MIT
/*
 * etcd_10492.c - a lease whose checkpoint needs the lock of the lessor
 *
 * To renew a lease the lessor is locked, and a function that was registered
 * earlier is called to write a checkpoint. That function locks the lessor.
 * Fixed: renew() unlocks before it calls what it knows nothing of.
 *
 * Shape   etcd#10492, resource (double locking)
 * Expect  deadlock 1
 */
#include "leaks.h"

#include <stdlib.h>

struct lessor {
	struct goro_rwmutex lock;
	void (*checkpointer)(struct lessor *l);
	int remaining_s;
};

static void
checkpoint(struct lessor *l)
{
	goro_rwmutex_lock(&l->lock);
	l->remaining_s = 60;
	goro_rwmutex_unlock(&l->lock);
}

static void
renew(struct lessor *l)
{
	goro_rwmutex_lock(&l->lock);
	if (fixed)
		goro_rwmutex_unlock(&l->lock);
	if (l->checkpointer)
		l->checkpointer(l);
	if (!fixed)
		goro_rwmutex_unlock(&l->lock);
}

int
story(void)
{
	struct lessor *l = make(sizeof(*l));

	l->checkpointer = checkpoint;
	renew(l); /* never returns */
	free(l);
	return 0;
}
