// SPDX-License-Identifier: MIT
/*
 * cockroach_24808.c - a start that finds its own channel full
 *
 * Suggestions go into a channel with room for one, which the compactor's loop
 * takes them from. Before it starts that loop, start() puts a suggestion in
 * itself; another one came earlier, and now there is no room, and no loop.
 * Fixed: the loop is started first.
 *
 * Shape   cockroach#24808, communication (channel)
 * Expect  leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct compactor {
	struct goro_chan *suggestions; /* of int */
};

static void
loop(void *arg)
{
	struct compactor *c = arg;

	while (goro_chan_recv(c->suggestions, NULL))
		;
}

static void
suggest(struct compactor *c, int range)
{
	goro_chan_send(c->suggestions, &range);
}

static void
start(struct compactor *c)
{
	if (fixed)
		goro_go(loop, c);
	suggest(c, 2);
	if (!fixed)
		goro_go(loop, c);
}

int
story(void)
{
	struct compactor *c = make(sizeof(*c));

	c->suggestions = goro_chan_create(sizeof(int), 1);
	suggest(c, 1);
	start(c); /* never returns */
	goro_chan_close(c->suggestions);
	settle();
	drop(c->suggestions);
	free(c);
	return 0;
}
