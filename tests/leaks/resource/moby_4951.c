// SPDX-License-Identifier: MIT
/*
 * moby_4951.c - one device and all devices, locked in opposite orders
 *
 * A device is deleted under its own lock, and to let others work while it waits
 * for the kernel the lock of all devices is let go and taken again, with the
 * device's still held. Whoever mounts locks all devices and then the one.
 * Fixed: the device's lock is let go and taken again as well, in that order.
 *
 * Shape   moby#4951, resource (AB-BA)
 * Expect  deadlock 2
 */
#include "leaks.h"

#include <stdlib.h>

struct devices {
	struct goro_mutex all, one;
	struct goro_chan *kernel;
	int mounted;
};

static void
delete_device(void *arg)
{
	struct devices *d = arg;

	goro_mutex_lock(&d->all);
	goro_mutex_lock(&d->one);
	if (fixed)
		goro_mutex_unlock(&d->one);
	goro_mutex_unlock(&d->all);
	goro_chan_recv(d->kernel, NULL);
	goro_mutex_lock(&d->all);
	if (fixed)
		goro_mutex_lock(&d->one);
	d->mounted = 0;
	goro_mutex_unlock(&d->one);
	goro_mutex_unlock(&d->all);
}

static void
mount(void *arg)
{
	struct devices *d = arg;

	goro_mutex_lock(&d->all);
	goro_mutex_lock(&d->one);
	d->mounted++;
	goro_mutex_unlock(&d->one);
	goro_mutex_unlock(&d->all);
}

int
story(void)
{
	struct devices *d = make(sizeof(*d));

	d->kernel = goro_chan_create(0, 0);
	goro_go(delete_device, d);
	settle();
	goro_go(mount, d);
	settle();
	goro_chan_close(d->kernel);
	settle();
	if (!fixed)
		return 2;
	drop(d->kernel);
	free(d);
	return 0;
}
