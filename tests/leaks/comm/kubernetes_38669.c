// SPDX-License-Identifier: MIT
/*
 * kubernetes_38669.c - the first events of a watcher that nobody watches
 *
 * A watcher begins by sending the events that there are so far. It is stopped,
 * which closes its input, at which it will not look before those are sent; and
 * the one who stopped it takes none. Fixed: there is room for all of them.
 *
 * Shape   kubernetes#38669, communication (channel)
 * Expect  leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

enum {
	EVENTS = 2,
};

struct watcher {
	struct goro_chan *input, *result; /* of int */
};

static void
process(void *arg)
{
	struct watcher *w = arg;

	for (int event = 0; event < EVENTS; event++)
		goro_chan_send(w->result, &event);
	while (goro_chan_recv(w->input, NULL))
		;
	goro_chan_close(w->result);
	drop(w->input, w->result);
	free(w);
}

static struct goro_chan *
watch(void)
{
	struct watcher *w = make(sizeof(*w));
	struct goro_chan *input = goro_chan_create(sizeof(int), 0);

	w->input = goro_chan_ref(input);
	w->result = goro_chan_create(sizeof(int), fixed ? EVENTS : 0);
	goro_go(process, w);
	return input;
}

int
story(void)
{
	struct goro_chan *input = watch();

	goro_chan_close(input);
	drop(input);
	return fixed ? 0 : 1;
}
