// SPDX-License-Identifier: MIT
/*
 * istio_18454.c - a timer that is waited for when it has fired already
 *
 * To start its timer anew, the strategy's loop stops it, and if it is too late
 * for that, takes what it sent. But the loop has taken that in an earlier turn:
 * it waits for a timer that has fired, been read, and been stopped. The one who
 * wanted the timer reset waits behind it.
 * Fixed: it takes what is there without waiting.
 *
 * Shape   istio#18454, communication (channel and timer)
 * Expect  leaked 2
 */
#include "leaks.h"

#include <stdlib.h>

struct strategy {
	struct goro_timer *timer;
	struct goro_chan *reset, *stop;
};

static void
loop(void *arg)
{
	struct strategy *s = arg;
	struct goro_chan *fired = goro_timer_chan(s->timer);
	struct goro_case cases[] = {
		GORO_RECV(fired, NULL),
		GORO_RECV(s->reset, NULL),
		GORO_RECV(s->stop, NULL),
	};

	for (int which; (which = goro_select(cases, 3)) != 2;) {
		if (which == 0)
			continue;
		if (!goro_timer_stop(s->timer) && !fixed)
			goro_chan_recv(fired, NULL);
		goro_chan_try_recv(fired, NULL);
	}
}

static void
on_change(void *arg)
{
	struct strategy *s = arg;

	for (int i = 0; i < 2; i++)
		goro_chan_send(s->reset, NULL);
}

int
story(void)
{
	struct strategy *s = make(sizeof(*s));

	s->timer = goro_timer_create(0);
	s->reset = goro_chan_create(0, 0);
	s->stop = goro_chan_create(0, 0);
	/* Fired and read, as by an earlier turn of the loop. */
	goro_chan_recv(goro_timer_chan(s->timer), NULL);
	goro_go(loop, s);
	goro_go(on_change, s);
	settle();
	if (!fixed)
		return 2;
	goro_chan_close(s->stop);
	settle();
	goro_timer_destroy(s->timer);
	drop(s->reset, s->stop);
	free(s);
	return 0;
}
