// SPDX-License-Identifier: MIT
/*
 * moby_36114.c - disks that are removed by a function that locks
 *
 * A service machine is started under its lock. When that fails, the disks are
 * removed again by the function that everyone uses for it, which locks.
 * Fixed: there is one for those who hold the lock.
 *
 * Shape   moby#36114, resource (double locking)
 * Expect  deadlock 1
 */
#include "leaks.h"

#include <stdlib.h>

struct machine {
	struct goro_mutex lock;
	int disks;
};

static void
remove_disks_locked(struct machine *m)
{
	m->disks = 0;
}

static void
remove_disks(struct machine *m)
{
	goro_mutex_lock(&m->lock);
	remove_disks_locked(m);
	goro_mutex_unlock(&m->lock);
}

static void
start(void *arg)
{
	struct machine *m = arg;

	goro_mutex_lock(&m->lock);
	m->disks = 2;
	/* It does not boot. */
	if (fixed)
		remove_disks_locked(m);
	else
		remove_disks(m); /* never returns */
	goro_mutex_unlock(&m->lock);
}

int
story(void)
{
	struct machine *m = make(sizeof(*m));

	goro_go(start, m);
	settle();
	if (!fixed)
		return 1;
	free(m);
	return 0;
}
