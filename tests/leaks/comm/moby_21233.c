// SPDX-License-Identifier: MIT
/*
 * moby_21233.c - progress that ends without a word
 *
 * A transfer reports its progress, and a watcher reads the reports until their
 * channel is closed. Reports may overwrite each other; a test that wants to see
 * each of them gives up on the first that is missing, and with it goes the one
 * who would have closed the channel. The watcher ranges over it for ever, and
 * who waits for the watcher waits too. Fixed: it is closed whatever happens.
 *
 * Shape   moby#21233, communication (channel)
 * Expect  leaked 2, unclosed-channel 1
 */
#include "leaks.h"

#include <stdlib.h>

struct transfer {
	struct goro_chan *progress; /* of int, percent; ends by being closed */
	struct goro_chan *watched;
};

static void
write_progress(void *arg)
{
	struct transfer *t = arg;

	for (int percent = 0; percent < 100; percent += 10) {
		if (percent == 50) /* "report 40 is missing!" */
			break;
		goro_chan_send(t->progress, &percent);
	}
	if (fixed)
		goro_chan_close(t->progress);
}

static void
watch(void *arg)
{
	struct transfer *t = arg;

	while (goro_chan_recv(t->progress, NULL))
		;
	goro_chan_close(t->watched);
}

int
story(void)
{
	struct transfer *t = make(sizeof(*t));

	t->progress = goro_chan_create(sizeof(int), 0);
	t->watched = goro_chan_create(0, 0);
	goro_go(watch, t);
	goro_go(write_progress, t);
	goro_chan_recv(t->watched, NULL); /* never returns */
	settle();
	drop(t->progress, t->watched);
	free(t);
	return 0;
}
