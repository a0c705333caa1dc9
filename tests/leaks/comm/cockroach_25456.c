// SPDX-License-Identifier: MIT
/*
 * cockroach_25456.c - an error that is logged only by a store that is stopping
 *
 * The consistency queue wants to know whether the store is stopping before it
 * logs an error, and asks by receiving from the stopper's channel: which gives
 * an answer when the store stops, and not before.
 * Fixed: it asks by trying.
 *
 * Shape   cockroach#25456, communication (channel)
 * Expect  leaked 1
 */
#include "leaks.h"

#include <errno.h>
#include <stdlib.h>

struct store {
	struct goro_chan *should_quiesce; /* closed when the store stops */
	int errors_logged;
};

static bool
is_stopping(struct store *s)
{
	if (fixed)
		return goro_chan_try_recv(s->should_quiesce, NULL) != -EAGAIN;
	goro_chan_recv(s->should_quiesce, NULL);
	return true;
}

static void
process(struct store *s)
{
	if (!is_stopping(s))
		s->errors_logged++;
}

int
story(void)
{
	struct store *s = make(sizeof(*s));

	s->should_quiesce = goro_chan_create(0, 0);
	process(s); /* never returns */
	goro_chan_close(s->should_quiesce);
	drop(s->should_quiesce);
	free(s);
	return 0;
}
