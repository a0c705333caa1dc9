// SPDX-License-Identifier: MIT
/*
 * moby_17176.c - devices that stay locked when none was deleted
 *
 * The goroutine that cleans up locks the devices and leaves at once when there
 * is nothing to do, without unlocking: it ends with the lock held. All who want
 * a device wait for one who is no more. Fixed: it unlocks on that way too.
 *
 * Shape   moby#17176, resource (double locking)
 * Expect  leaked 2, locked-by-ended 1
 */
#include "leaks.h"

#include <stdlib.h>

struct devices {
	struct goro_mutex lock;
	int deleted, active;
};

static void
clean_up(void *arg)
{
	struct devices *d = arg;

	goro_mutex_lock(&d->lock);
	if (!d->deleted) {
		if (fixed)
			goro_mutex_unlock(&d->lock);
		return;
	}
	d->deleted = 0;
	goro_mutex_unlock(&d->lock);
}

static void
activate(void *arg)
{
	struct devices *d = arg;

	goro_mutex_lock(&d->lock);
	d->active++;
	goro_mutex_unlock(&d->lock);
}

int
story(void)
{
	struct devices *d = make(sizeof(*d));

	goro_go(clean_up, d);
	settle();
	goro_go(activate, d);
	goro_go(activate, d);
	settle();
	if (!fixed)
		return 2;
	free(d);
	return 0;
}
