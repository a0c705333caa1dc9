// SPDX-License-Identifier: MIT
/*
 * kubernetes_11298.c - a signal that comes before the wait
 *
 * A node's loop waits on a condition for a notification. The notification is
 * sent when the loop does not wait yet, and nothing remembers it; nor does the
 * loop look before it waits. Who waits for the loop's end waits as well.
 * Fixed: what was signalled is written down, and looked at before the wait.
 *
 * Shape   kubernetes#11298, communication (channel and condition variable)
 * Expect  leaked 2
 */
#include "leaks.h"

#include <stdlib.h>

struct node {
	struct goro_mutex lock;
	struct goro_cond cond;
	bool notified;
	struct goro_chan *done;
};

static void
notify(struct node *n)
{
	goro_mutex_lock(&n->lock);
	n->notified = true;
	goro_cond_signal(&n->cond);
	goro_mutex_unlock(&n->lock);
}

static void
loop(void *arg)
{
	struct node *n = arg;

	goro_mutex_lock(&n->lock);
	while (!fixed || !n->notified)
		goro_cond_wait(&n->cond, &n->lock);
	goro_mutex_unlock(&n->lock);
	goro_chan_close(n->done);
}

static void
await_end(void *arg)
{
	struct node *n = arg;

	goro_chan_recv(n->done, NULL);
}

int
story(void)
{
	struct node *n = make(sizeof(*n));

	n->done = goro_chan_create(0, 0);
	goro_go(await_end, n);
	notify(n);
	goro_go(loop, n);
	settle();
	if (!fixed)
		return 2;
	drop(n->done);
	free(n);
	return 0;
}
