// SPDX-License-Identifier: MIT
/*
 * moby_33293.c - an error that is sent by the one who would receive it
 *
 * container_wait() returns a channel with the result to come. When it fails at
 * once it sends the error before it returns the channel; which has no room.
 * Fixed: it has.
 *
 * Shape   moby#33293, communication (channel)
 * Expect  leaked 1
 */
#include "leaks.h"

static struct goro_chan *
container_wait(void)
{
	struct goro_chan *error = goro_chan_create(sizeof(int), fixed ? 1 : 0);

	goro_chan_send(error, &(int){ -2 }); /* never returns */
	return error;
}

int
story(void)
{
	struct goro_chan *error = container_wait();
	int status;

	if (!goro_chan_recv(error, &status) || status != -2)
		fail("the error got lost");
	drop(error);
	return 0;
}
