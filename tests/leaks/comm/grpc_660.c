// SPDX-License-Identifier: MIT
/*
 * grpc_660.c - a benchmark that is stopped during a call
 *
 * Each worker of the benchmark makes its calls in a goroutine of their own and
 * is told by it when one is done. It is stopped before that: it returns, and
 * the goroutine tells nobody. Fixed: it looks at `stop` while it tells.
 *
 * Shape   grpc#660, communication (channel)
 * Expect  leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct bench {
	struct goro_chan *stop, *done;
	struct goro_chan *reply; /* of the call that is under way */
};

static void
call(void *arg)
{
	struct bench *b = arg;
	struct goro_case cases[] = {
		GORO_SEND(b->done, NULL),
		GORO_RECV(fixed ? b->stop : NULL, NULL),
	};

	goro_chan_recv(b->reply, NULL);
	goro_select(cases, 2);
}

static void
work(void *arg)
{
	struct bench *b = arg;
	struct goro_case cases[] = {
		GORO_RECV(b->done, NULL),
		GORO_RECV(b->stop, NULL),
	};

	goro_go(call, b);
	goro_select(cases, 2);
}

int
story(void)
{
	struct bench *b = make(sizeof(*b));

	b->stop = goro_chan_create(0, 0);
	b->done = goro_chan_create(0, 0);
	b->reply = goro_chan_create(0, 0);
	goro_go(work, b);
	settle();
	goro_chan_close(b->stop);
	settle();
	goro_chan_send(b->reply, NULL);
	settle();
	if (!fixed)
		return 1;
	drop(b->stop, b->done, b->reply);
	free(b);
	return 0;
}
