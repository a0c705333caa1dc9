// SPDX-License-Identifier: MIT
/*
 * kubernetes_25331.c - a watch that is stopped while it has a result to deliver
 *
 * A watch sends its results to whoever asked for it. After an error that one
 * stops the watch by cancelling its context and takes no more results. The
 * watch is past looking at the context: it is sending.
 * Fixed: it looks at the context while it sends.
 *
 * Shape   kubernetes#25331, communication (channel and context)
 * Expect  leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct watch {
	struct goro_ctx *ctx;
	struct goro_chan *errors;  /* of int */
	struct goro_chan *results; /* of int */
};

static void
run(void *arg)
{
	struct watch *w = arg;
	struct goro_chan *ended = goro_ctx_done(w->ctx);
	int error;
	struct goro_case wait[] = {
		GORO_RECV(w->errors, &error),
		GORO_RECV(ended, NULL),
	};
	struct goro_case deliver[] = {
		GORO_SEND(w->results, &error),
		GORO_RECV(fixed ? ended : NULL, NULL),
	};

	if (goro_select(wait, 2) == 0)
		goro_select(deliver, 2);
}

static void
stop(struct watch *w)
{
	goro_chan_send(w->errors, &(int){ 5 });
	settle(); /* the error is taken first */
	goro_ctx_cancel(w->ctx);
}

int
story(void)
{
	struct watch *w = make(sizeof(*w));

	w->ctx = goro_ctx_with_cancel(goro_ctx_background());
	w->errors = goro_chan_create(sizeof(int), 0);
	w->results = goro_chan_create(sizeof(int), 0);
	goro_go(run, w);
	stop(w);
	settle();
	if (!fixed)
		return 1;
	drop(w->errors, w->results);
	goro_ctx_unref(w->ctx);
	free(w);
	return 0;
}
