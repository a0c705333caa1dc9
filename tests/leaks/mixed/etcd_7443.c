// SPDX-License-Identifier: MIT
/*
 * etcd_7443.c - a balancer that notifies the one who calls it
 *
 * A watcher takes addresses from the balancer's channel and takes connections
 * down, for which the balancer gave it a function. That function locks the
 * balancer and sends the new addresses, with the lock held, to the watcher. It
 * is the watcher who sends. Who brings another connection up, and who closes
 * the balancer, waits for the lock.
 * Fixed: there is room, and an address that nobody took is replaced.
 *
 * Shape   etcd#7443, mixed (channel and lock)
 * Expect  deadlock 2, leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct balancer {
	struct goro_mutex lock;
	struct goro_chan *notify; /* of int, how many addresses there are */
	struct goro_chan *cue;
	int up;
	bool closed;
};

static void
down(struct balancer *b)
{
	int addresses;

	goro_mutex_lock(&b->lock);
	addresses = --b->up;
	if (fixed)
		goro_chan_try_recv(b->notify, NULL);
	goro_chan_send(b->notify, &addresses);
	goro_mutex_unlock(&b->lock);
}

static void
watch(void *arg)
{
	struct balancer *b = arg;
	int addresses = 1;

	while (addresses > 0 && goro_chan_recv(b->notify, &addresses)) {
		goro_chan_recv(b->cue, NULL);
		down(b);
	}
}

static void
bring_up(void *arg)
{
	struct balancer *b = arg;

	goro_mutex_lock(&b->lock);
	b->up++;
	goro_mutex_unlock(&b->lock);
}

static void
close_balancer(void *arg)
{
	struct balancer *b = arg;

	goro_mutex_lock(&b->lock);
	b->closed = true;
	goro_chan_close(b->notify);
	goro_mutex_unlock(&b->lock);
}

int
story(void)
{
	struct balancer *b = make(sizeof(*b));

	b->up = 1;
	b->notify = goro_chan_create(sizeof(int), fixed ? 1 : 0);
	b->cue = goro_chan_create(0, 0);
	goro_go(watch, b);
	goro_chan_send(b->notify, &(int){ 1 });
	settle();
	goro_chan_close(b->cue);
	settle();
	goro_go(bring_up, b);
	settle();
	goro_go(close_balancer, b);
	settle();
	if (!fixed)
		return 3;
	drop(b->notify, b->cue);
	free(b);
	return 0;
}
