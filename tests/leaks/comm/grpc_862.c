// SPDX-License-Identifier: MIT
/*
 * grpc_862.c - a connection that a failed dial does not close
 *
 * Dialling starts a goroutine that connects, tries again a few times and then
 * waits for the connection's context to end. The dial fails; it reports that
 * and forgets to close the connection, whose context so never ends.
 * Fixed: what failed is closed.
 *
 * Shape   grpc#862, communication (channel and context)
 * Expect  leaked 1, uncancelled-context 1
 */
#include "leaks.h"

#include <errno.h>
#include <stdlib.h>

struct conn {
	struct goro_ctx *ctx;
	struct goro_chan *connected;
};

static void
reset_transport(void *arg)
{
	struct conn *c = arg;
	struct goro_chan *ended = goro_ctx_done(c->ctx);

	for (int i = 0; i < 3; i++) {
		int64_t backoff = goro_now() + (10000 << i);

		if (goro_chan_recv_until(ended, NULL, backoff) != -ETIMEDOUT)
			break;
	}
	goro_chan_close(c->connected); /* whatever came of it */
	goro_chan_recv(ended, NULL);
	goro_chan_unref(c->connected);
	goro_ctx_unref(c->ctx);
	free(c);
}

static struct conn *
dial(void)
{
	struct conn *c = make(sizeof(*c));
	struct goro_chan *connected = goro_chan_create(0, 0);
	struct goro_ctx *ctx = goro_ctx_with_cancel(goro_ctx_background());

	c->ctx = goro_ctx_ref(ctx);
	c->connected = goro_chan_ref(connected);
	goro_go(reset_transport, c);
	goro_chan_recv(connected, NULL);
	goro_chan_unref(connected);
	if (fixed)
		goro_ctx_cancel(ctx);
	goro_ctx_unref(ctx);
	return NULL; /* no connection */
}

int
story(void)
{
	if (dial())
		fail("connected to nothing");
	return fixed ? 0 : 1;
}
