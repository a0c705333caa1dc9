// SPDX-License-Identifier: MIT
/*
 * moby_33781.c - a health probe that outlives its monitor
 *
 * A monitor runs each probe in a goroutine, which sends its result. Stopped in
 * the middle of a probe, the monitor cancels it and leaves. The probe notices,
 * and sends even so. Fixed: the channel has room for the one result, and is
 * closed after it.
 *
 * Shape   moby#33781, communication (channel and context)
 * Expect  leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct probe {
	struct goro_ctx *ctx;
	struct goro_chan *result; /* of int */
};

static void
run_probe(void *arg)
{
	struct probe *p = arg;

	goro_chan_recv(goro_ctx_done(p->ctx), NULL);
	goro_chan_send(p->result, &(int){ -1 });
	goro_chan_close(p->result);
	goro_chan_unref(p->result);
	goro_ctx_unref(p->ctx);
	free(p);
}

static void
monitor(void *arg)
{
	struct goro_chan *stop = arg;
	struct goro_chan *result = goro_chan_create(sizeof(int), fixed ? 1 : 0);
	struct goro_ctx *ctx = goro_ctx_with_cancel(goro_ctx_background());
	struct probe *p = make(sizeof(*p));
	struct goro_case cases[] = {
		GORO_RECV(result, NULL),
		GORO_RECV(stop, NULL),
	};

	p->ctx = goro_ctx_ref(ctx);
	p->result = goro_chan_ref(result);
	goro_go(run_probe, p);
	goro_select(cases, 2);
	goro_ctx_cancel(ctx);
	goro_ctx_unref(ctx);
	drop(result, stop);
}

int
story(void)
{
	struct goro_chan *stop = goro_chan_create(0, 0);

	goro_go(monitor, goro_chan_ref(stop));
	settle();
	goro_chan_close(stop);
	drop(stop);
	return fixed ? 0 : 1;
}
