// SPDX-License-Identifier: MIT
/*
 * cockroach_35931.c - a cancellation that is told to one stream after the other
 *
 * A processor reads from its right input while the left one is full. To cancel
 * the flow, a message is pushed into each input in turn: it waits for room in
 * the left one, and never reaches the right one, which the processor reads.
 * Fixed: each is told by a goroutine of its own.
 *
 * Shape   cockroach#35931, communication (channel)
 * Expect  leaked 2
 */
#include "leaks.h"

#include <stdlib.h>

struct flow {
	struct goro_chan *left, *right; /* of int, inputs; -1: cancelled */
};

static void
process(void *arg)
{
	struct flow *f = arg;
	int row = 0;

	while (row != -1)
		goro_chan_recv(f->right, &row);
	while (goro_chan_try_recv(f->left, NULL) == 0)
		;
}

static void
cancel_left(void *arg)
{
	struct flow *f = arg;

	goro_chan_send(f->left, &(int){ -1 });
}

static void
cancel(struct flow *f)
{
	if (fixed)
		goro_go(cancel_left, f);
	else
		cancel_left(f); /* never returns */
	goro_chan_send(f->right, &(int){ -1 });
}

int
story(void)
{
	struct flow *f = make(sizeof(*f));

	f->left = goro_chan_create(sizeof(int), 1);
	f->right = goro_chan_create(sizeof(int), 1);
	goro_chan_send(f->left, &(int){ 7 });
	goro_go(process, f);
	settle();
	cancel(f);
	settle();
	while (goro_chan_try_recv(f->left, NULL) == 0)
		settle();
	drop(f->left, f->right);
	free(f);
	return 0;
}
