// SPDX-License-Identifier: MIT
/*
 * kubernetes_5316.c - a request that is given up at its time limit
 *
 * A request runs in a goroutine that sends its result, or its error. The time
 * limit comes first; the server answers that it was too slow and returns, and
 * nobody is left to take the result. Fixed: the channels have room for it.
 *
 * Shape   kubernetes#5316, communication (channel)
 * Expect  leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct request {
	struct goro_chan *disk;           /* what it waits for */
	struct goro_chan *result, *error; /* of int */
};

static void
work(void *arg)
{
	struct request *r = arg;

	goro_chan_recv(r->disk, NULL);
	goro_chan_send(r->error, &(int){ 5 });
	goro_chan_close(r->error);
	drop(r->disk, r->result, r->error);
	free(r);
}

static struct goro_chan *
finish_request(void)
{
	struct request *r = make(sizeof(*r));
	struct goro_chan *disk = goro_chan_create(0, 0);
	struct goro_chan *result = goro_chan_create(sizeof(int), fixed);
	struct goro_chan *error = goro_chan_create(sizeof(int), fixed);
	struct goro_case cases[] = {
		GORO_RECV(result, NULL),
		GORO_RECV(error, NULL),
	};

	r->disk = goro_chan_ref(disk);
	r->result = goro_chan_ref(result);
	r->error = goro_chan_ref(error);
	goro_go(work, r);
	goro_select_until(cases, 2, goro_now() + MS);
	drop(result, error);
	return disk;
}

int
story(void)
{
	struct goro_chan *disk = finish_request();

	goro_chan_close(disk); /* only now it can go on */
	drop(disk);
	return fixed ? 0 : 1;
}
