// SPDX-License-Identifier: MIT
/*
 * moby_4395.c - a result that was never asked for
 *
 * async() runs a function in a goroutine and returns the channel on which its
 * result will come. The caller throws the channel away.
 * Fixed: the channel has room for the one result, and is closed after it.
 *
 * Shape   moby#4395, communication (channel)
 * Expect  leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct call {
	int (*fn)(void);
	struct goro_chan *result; /* of int */
};

static void
run_call(void *arg)
{
	struct call *c = arg;
	int result = c->fn();

	goro_chan_send(c->result, &result);
	goro_chan_close(c->result);
	goro_chan_unref(c->result);
	free(c);
}

static struct goro_chan *
async(int (*fn)(void))
{
	struct call *c = make(sizeof(*c));
	struct goro_chan *result = goro_chan_create(sizeof(int), fixed ? 1 : 0);

	c->fn = fn;
	c->result = goro_chan_ref(result);
	goro_go(run_call, c);
	return result;
}

static int
six_times_seven(void)
{
	return 42;
}

int
story(void)
{
	drop(async(six_times_seven));
	return fixed ? 0 : 1;
}
