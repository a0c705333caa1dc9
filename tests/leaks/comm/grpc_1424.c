// SPDX-License-Identifier: MIT
/*
 * grpc_1424.c - a dial that ends before it has read its answer
 *
 * To dial, a goroutine watches the balancer and sends on a channel when the
 * connection is ready or has failed. The dialler, whose context has ended
 * meanwhile, leaves without having received.
 * Fixed: the channel has room for the one answer, and is closed after it.
 *
 * Shape   grpc#1424, communication (channel)
 * Expect  leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct dial {
	struct goro_chan *notify; /* the balancer's word */
	struct goro_chan *done;   /* of int, what came of it */
};

static void
watch(void *arg)
{
	struct dial *d = arg;

	goro_chan_recv(d->notify, NULL);
	goro_chan_send(d->done, &(int){ 0 });
	goro_chan_close(d->done);
	drop(d->notify, d->done);
	free(d);
}

int
story(void)
{
	struct dial *d = make(sizeof(*d));
	struct goro_ctx *ctx = goro_ctx_with_cancel(goro_ctx_background());
	struct goro_chan *notify = goro_chan_create(0, 0);
	struct goro_chan *done = goro_chan_create(sizeof(int), fixed ? 1 : 0);
	struct goro_case cases[] = {
		GORO_RECV(done, NULL),
		GORO_RECV(goro_ctx_done(ctx), NULL),
	};

	d->notify = goro_chan_ref(notify);
	d->done = goro_chan_ref(done);
	goro_go(watch, d);
	goro_ctx_cancel(ctx);
	goro_select(cases, 2);
	goro_chan_close(notify); /* too late */
	drop(notify, done);
	goro_ctx_unref(ctx);
	return fixed ? 0 : 1;
}
