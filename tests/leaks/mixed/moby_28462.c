// SPDX-License-Identifier: MIT
/*
 * moby_28462.c - a health monitor that is stopped in the middle of a probe
 *
 * When a container's state changes it is locked and its monitor is told to stop
 * through a channel. The monitor has a result in its hands and locks the
 * container to note it down, before it looks at the channel again.
 * Fixed: stopping closes the channel, which waits for nobody.
 *
 * Shape   moby#28462, mixed (channel and lock)
 * Expect  deadlock 1, leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct container {
	struct goro_mutex lock;
	struct goro_chan *stop;
	struct goro_chan *probe; /* gives a result */
	struct goro_chan *cue;   /* the state changes just now */
	int results;
};

static void
monitor(void *arg)
{
	struct container *c = arg;
	struct goro_case cases[] = {
		GORO_RECV(c->stop, NULL),
		GORO_RECV(c->probe, NULL),
	};

	while (goro_select(cases, 2) == 1) {
		goro_chan_recv(c->cue, NULL);
		goro_mutex_lock(&c->lock);
		c->results++;
		goro_mutex_unlock(&c->lock);
	}
}

static void
state_changed(void *arg)
{
	struct container *c = arg;

	goro_mutex_lock(&c->lock);
	if (fixed)
		goro_chan_close(c->stop);
	else
		goro_chan_send(c->stop, NULL);
	goro_mutex_unlock(&c->lock);
}

int
story(void)
{
	struct container *c = make(sizeof(*c));

	c->stop = goro_chan_create(0, 0);
	c->probe = goro_chan_create(0, 0);
	c->cue = goro_chan_create(0, 0);
	goro_go(monitor, c);
	goro_chan_send(c->probe, NULL);
	goro_go(state_changed, c);
	settle();
	goro_chan_close(c->cue);
	settle();
	if (!fixed)
		return 2;
	drop(c->stop, c->probe, c->cue);
	free(c);
	return 0;
}
