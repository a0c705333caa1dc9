// SPDX-License-Identifier: MIT
/*
 * cockroach_13197.c - a transaction that nobody ends
 *
 * begin() starts a goroutine that rolls the transaction back when its context
 * ends. The caller neither commits nor cancels: it forgets the transaction.
 * Fixed: it commits, which cancels the transaction's own context.
 *
 * Shape   cockroach#13197, communication (channel and context)
 * Expect  leaked 1, uncancelled-context 1
 */
#include "leaks.h"

#include <stdlib.h>

struct tx {
	struct goro_ctx *ctx;
	bool rolled_back;
};

static void
await_done(void *arg)
{
	struct tx *tx = arg;

	goro_chan_recv(goro_ctx_done(tx->ctx), NULL);
	tx->rolled_back = true;
	goro_ctx_unref(tx->ctx);
	free(tx);
}

/* Returns the transaction's context, with which it ends. */
static struct goro_ctx *
begin(void)
{
	struct tx *tx = make(sizeof(*tx));
	struct goro_ctx *ctx = goro_ctx_with_cancel(goro_ctx_background());

	tx->ctx = goro_ctx_ref(ctx);
	goro_go(await_done, tx);
	return ctx;
}

int
story(void)
{
	struct goro_ctx *ctx = begin();

	settle();
	if (fixed)
		goro_ctx_cancel(ctx);
	goro_ctx_unref(ctx);
	return fixed ? 0 : 1;
}
