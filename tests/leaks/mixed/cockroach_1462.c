// SPDX-License-Identifier: MIT
/*
 * cockroach_1462.c - a worker that sends while it is waited for
 *
 * stop() waits until all workers are through. One of them sends what it has
 * done to a transport, which has been closed first and receives no more.
 * Fixed: the worker looks whether the stopper has begun.
 *
 * Shape   cockroach#1462, mixed (channel and wait group)
 * Expect  leaked 2
 */
#include "leaks.h"

#include <stdlib.h>

struct stopper {
	struct goro_waitgroup workers;
	struct goro_chan *events; /* of int */
	struct goro_chan *stopping;
};

static void
work(void *arg)
{
	struct stopper *s = arg;

	for (int event = 0; event < 5; event++) {
		struct goro_case cases[] = {
			GORO_SEND(s->events, &event),
			GORO_RECV(fixed ? s->stopping : NULL, NULL),
		};

		if (goro_select(cases, 2) == 1)
			break;
	}
	goro_waitgroup_done(&s->workers);
}

static void
transport(void *arg)
{
	struct stopper *s = arg;

	goro_chan_recv(s->events, NULL); /* the first one, and no more */
}

static void
stop(struct stopper *s)
{
	goro_chan_close(s->stopping);
	goro_waitgroup_wait(&s->workers); /* never returns */
}

int
story(void)
{
	struct stopper *s = make(sizeof(*s));

	s->events = goro_chan_create(sizeof(int), 0);
	s->stopping = goro_chan_create(0, 0);
	goro_waitgroup_add(&s->workers, 1);
	goro_go(work, s);
	goro_go(transport, s);
	settle();
	stop(s);
	settle();
	drop(s->events, s->stopping);
	free(s);
	return 0;
}
