// SPDX-License-Identifier: MIT
/*
 * grpc_1275.c - a reader that closing the stream does not wake
 *
 * A goroutine reads from a stream, that is from its channel of messages, and
 * tells when it is through. Closing the stream marks it as closed but puts no
 * message in, so the read goes on; the test that waits for it runs into its
 * time limit and leaves. Fixed: closing sends a last message.
 *
 * Shape   grpc#1275, communication (channel)
 * Expect  leaked 1, unclosed-channel 1
 */
#include "leaks.h"

#include <errno.h>
#include <stdlib.h>

struct stream {
	struct goro_chan *messages; /* of int; -1: the end */
	struct goro_chan *done;
	bool closed;
};

static void
read_all(void *arg)
{
	struct stream *s = arg;
	int message = 0;

	while (message != -1)
		goro_chan_recv(s->messages, &message);
	goro_chan_close(s->done);
}

static void
close_stream(struct stream *s)
{
	s->closed = true;
	if (fixed)
		goro_chan_send(s->messages, &(int){ -1 });
}

int
story(void)
{
	struct stream *s = make(sizeof(*s));
	int64_t limit = fixed ? GORO_FOREVER : goro_now() + MS;

	s->messages = goro_chan_create(sizeof(int), 4);
	s->done = goro_chan_create(0, 0);
	goro_go(read_all, s);
	goro_chan_send(s->messages, &(int){ 1 });
	settle();
	close_stream(s);
	if (goro_chan_recv_until(s->done, NULL, limit) == -ETIMEDOUT)
		return 1;
	settle();
	drop(s->messages, s->done);
	free(s);
	return 0;
}
