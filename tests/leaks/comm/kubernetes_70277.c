// SPDX-License-Identifier: MIT
/*
 * kubernetes_70277.c - a poller that is told neither to stop nor that it may
 *
 * wait_for() starts a poller, which ticks until its `done` is closed, and
 * returns at the first tick that finds its condition true. It closes nothing.
 * The ticker goes on and wakes the poller from time to time, which therefore is
 * not stuck, only left over: nothing here can be proven by reachability.
 * Fixed: wait_for() closes `done` when it returns.
 *
 * Shape   kubernetes#70277, communication (channel)
 * Expect  leftover 1, unstopped-timer 1
 */
#include "leaks.h"

#include <stdlib.h>

enum {
	HOUR_S = 3600,
};

struct poller {
	struct goro_chan *ticks, *done;
};

static void
poll(void *arg)
{
	struct poller *p = arg;
	struct goro_timer *ticker = goro_ticker_create((int64_t)HOUR_S * 1000 *
						       MS);
	struct goro_case cases[] = {
		GORO_RECV(goro_timer_chan(ticker), NULL),
		GORO_RECV(p->done, NULL),
	};

	goro_chan_send(p->ticks, NULL); /* one at once */
	while (goro_select(cases, 2) == 0)
		goro_chan_try_send(p->ticks, NULL);
	goro_timer_destroy(ticker);
	drop(p->ticks, p->done);
	free(p);
}

static void
wait_for(bool (*condition)(void))
{
	struct poller *p = make(sizeof(*p));
	struct goro_chan *ticks = goro_chan_create(0, 0);
	struct goro_chan *done = goro_chan_create(0, 0);

	p->ticks = goro_chan_ref(ticks);
	p->done = goro_chan_ref(done);
	goro_go(poll, p);
	do
		goro_chan_recv(ticks, NULL);
	while (!condition());
	if (fixed)
		goro_chan_close(done);
	drop(ticks, done);
}

static bool
always(void)
{
	return true;
}

int
story(void)
{
	wait_for(always);
	return fixed ? 0 : 1;
}
