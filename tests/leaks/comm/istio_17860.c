// SPDX-License-Identifier: MIT
/*
 * istio_17860.c - an agent whose status nobody reads any more
 *
 * Each restart of the proxy starts a goroutine that waits for the proxy's end
 * and sends its status to the agent's loop. The loop is over when the first of
 * them is; the others send for ever. Fixed: they look at the context too.
 *
 * Shape   istio#17860, communication (channel)
 * Expect  leaked 2
 */
#include "leaks.h"

#include <stdlib.h>

struct agent {
	struct goro_ctx *ctx;
	struct goro_chan *status; /* of int, the epoch that ended */
	struct goro_chan *abort;
};

static void
run_wait(void *arg)
{
	struct agent *a = arg;
	struct goro_case cases[] = {
		GORO_SEND(a->status, &(int){ 1 }),
		GORO_RECV(fixed ? goro_ctx_done(a->ctx) : NULL, NULL),
	};

	goro_chan_recv(a->abort, NULL); /* the proxy's end */
	goro_select(cases, 2);
}

static void
loop(void *arg)
{
	struct agent *a = arg;

	goro_chan_recv(a->status, NULL);
	goro_ctx_cancel(a->ctx);
}

int
story(void)
{
	struct agent *a = make(sizeof(*a));

	a->ctx = goro_ctx_with_cancel(goro_ctx_background());
	a->status = goro_chan_create(sizeof(int), 0);
	a->abort = goro_chan_create(0, 0);
	goro_go(loop, a);
	for (int i = 0; i < 3; i++)
		goro_go(run_wait, a);
	settle();
	goro_chan_close(a->abort);
	settle();
	if (!fixed)
		return 2;
	drop(a->status, a->abort);
	goro_ctx_unref(a->ctx);
	free(a);
	return 0;
}
