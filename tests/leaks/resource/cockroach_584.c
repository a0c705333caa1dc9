// SPDX-License-Identifier: MIT
/*
 * cockroach_584.c - a loop that is left with the lock held
 *
 * The gossip loop locks in each turn and unlocks at the turn's end; when it is
 * told to stop it breaks out between the two. What it does after the loop locks
 * again. Fixed: it unlocks before it breaks.
 *
 * Shape   cockroach#584, resource (double locking)
 * Expect  deadlock 1
 */
#include "leaks.h"

#include <stdlib.h>

struct gossip {
	struct goro_mutex lock;
	bool closed;
	int turns;
};

static void
bootstrap(struct gossip *g)
{
	for (;;) {
		goro_mutex_lock(&g->lock);
		if (g->closed) {
			if (fixed)
				goro_mutex_unlock(&g->lock);
			break;
		}
		g->closed = ++g->turns == 3;
		goro_mutex_unlock(&g->lock);
	}
}

static void
manage(void *arg)
{
	struct gossip *g = arg;

	bootstrap(g);
	goro_mutex_lock(&g->lock);
	g->turns = 0;
	goro_mutex_unlock(&g->lock);
}

int
story(void)
{
	struct gossip *g = make(sizeof(*g));

	goro_go(manage, g);
	settle();
	if (!fixed)
		return 1;
	free(g);
	return 0;
}
