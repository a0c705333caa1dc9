// SPDX-License-Identifier: MIT
/*
 * grpc_795.c - a server that stops gracefully, then at once
 *
 * graceful_stop() locks the server, and returns early, without unlocking, when
 * no connection is left. Whoever calls stop() after it, as a test does to be
 * sure, locks the same mutex again. Fixed: it unlocks on every way out.
 *
 * Shape   grpc#795, resource (double locking)
 * Expect  deadlock 1
 */
#include "leaks.h"

#include <stdlib.h>

struct server {
	struct goro_mutex lock;
	int connections;
	bool stopped;
};

static void
graceful_stop(struct server *s)
{
	goro_mutex_lock(&s->lock);
	if (s->connections == 0) {
		if (fixed)
			goro_mutex_unlock(&s->lock);
		return;
	}
	s->connections = 0;
	goro_mutex_unlock(&s->lock);
}

static void
stop(struct server *s)
{
	goro_mutex_lock(&s->lock);
	s->stopped = true;
	goro_mutex_unlock(&s->lock);
}

int
story(void)
{
	struct server *s = make(sizeof(*s));

	graceful_stop(s);
	stop(s); /* never returns */
	free(s);
	return 0;
}
