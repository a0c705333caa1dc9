// SPDX-License-Identifier: MIT
/*
 * cockroach_18101.c - a pipeline whose end stops and whose start does not
 *
 * restore() imports the ranges that a splitter prepares. Cancelling ends the
 * import; the splitter still has ranges and sends the next one to nobody.
 * Fixed: the splitter looks at the context as well.
 *
 * Shape   cockroach#18101, communication (channel and context)
 * Expect  leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct restore {
	struct goro_ctx *ctx;
	struct goro_chan *ready; /* of int, a range */
};

static void
split_and_scatter(void *arg)
{
	struct restore *r = arg;
	struct goro_chan *ended = fixed ? goro_ctx_done(r->ctx) : NULL;

	for (int range = 0; range < 10; range++) {
		struct goro_case cases[] = {
			GORO_SEND(r->ready, &range),
			GORO_RECV(ended, NULL),
		};

		if (goro_select(cases, 2) == 1)
			break;
	}
	goro_chan_unref(r->ready);
	goro_ctx_unref(r->ctx);
	free(r);
}

static void
import(struct goro_ctx *ctx, struct goro_chan *ready)
{
	for (int range; goro_ctx_err(ctx) == 0;) {
		goro_chan_recv(ready, &range);
		if (range == 3)
			goro_ctx_cancel(ctx); /* as the user does */
	}
}

int
story(void)
{
	struct restore *r = make(sizeof(*r));
	struct goro_ctx *ctx = goro_ctx_with_cancel(goro_ctx_background());
	struct goro_chan *ready = goro_chan_create(sizeof(int), 0);

	r->ctx = goro_ctx_ref(ctx);
	r->ready = goro_chan_ref(ready);
	goro_go(split_and_scatter, r);
	import(ctx, ready);
	drop(ready);
	goro_ctx_unref(ctx);
	return fixed ? 0 : 1;
}
