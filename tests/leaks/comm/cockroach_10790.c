// SPDX-License-Identifier: MIT
/*
 * cockroach_10790.c - commands whose replies nobody brings any more
 *
 * A batch of commands starts one goroutine for each, which waits for the
 * command's reply. When the request's context ends, the batch gives up, and
 * with it whoever would have sent the replies. Those who wait are not told.
 * Fixed: they look at the context too.
 *
 * Shape   cockroach#10790, communication (channel and context)
 * Expect  leaked 2
 */
#include "leaks.h"

#include <stdlib.h>

struct command {
	struct goro_ctx *ctx;
	struct goro_chan *reply; /* of int */
};

static void
await_reply(void *arg)
{
	struct command *c = arg;
	struct goro_chan *ended = fixed ? goro_ctx_done(c->ctx) : NULL;
	struct goro_case cases[] = {
		GORO_RECV(c->reply, NULL),
		GORO_RECV(ended, NULL),
	};

	goro_select(cases, 2);
	goro_chan_unref(c->reply);
	goro_ctx_unref(c->ctx);
	free(c);
}

static struct goro_chan *
begin(struct goro_ctx *ctx)
{
	struct command *c = make(sizeof(*c));
	struct goro_chan *reply = goro_chan_create(sizeof(int), 0);

	c->ctx = goro_ctx_ref(ctx);
	c->reply = goro_chan_ref(reply);
	goro_go(await_reply, c);
	return reply;
}

int
story(void)
{
	struct goro_ctx *ctx = goro_ctx_with_cancel(goro_ctx_background());
	struct goro_chan *replies[3];

	for (int i = 0; i < 3; i++)
		replies[i] = begin(ctx);
	goro_chan_send(replies[0], &(int){ 200 });
	goro_ctx_cancel(ctx); /* the others get no reply now */
	drop_chans(replies, 3);
	goro_ctx_unref(ctx);
	return fixed ? 0 : 2;
}
