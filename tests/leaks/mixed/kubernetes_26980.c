// SPDX-License-Identifier: MIT
/*
 * kubernetes_26980.c - a listener that waits for work with the lock held
 *
 * The listener's pump locks, and while there is nothing to pass on it waits for
 * the next notification; with the lock held, which whoever adds a notification
 * has to take. Fixed: it takes the notification before it locks.
 *
 * Shape   kubernetes#26980, mixed (channel and lock)
 * Expect  deadlock 1, leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct listener {
	struct goro_mutex lock;
	struct goro_chan *next; /* of int */
	int pending;
};

static void
pump(void *arg)
{
	struct listener *l = arg;
	int notification = 0;

	if (fixed)
		goro_chan_recv(l->next, &notification);
	goro_mutex_lock(&l->lock);
	if (!fixed)
		goro_chan_recv(l->next, &notification);
	l->pending -= notification;
	goro_mutex_unlock(&l->lock);
}

static void
add(void *arg)
{
	struct listener *l = arg;

	goro_mutex_lock(&l->lock);
	l->pending++;
	goro_mutex_unlock(&l->lock);
	goro_chan_send(l->next, &(int){ 1 });
}

int
story(void)
{
	struct listener *l = make(sizeof(*l));

	l->next = goro_chan_create(sizeof(int), 0);
	goro_go(pump, l);
	settle();
	goro_go(add, l);
	settle();
	if (!fixed)
		return 2;
	drop(l->next);
	free(l);
	return 0;
}
