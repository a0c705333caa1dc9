// SPDX-License-Identifier: MIT
/*
 * moby_29733.c - a plugin that becomes active without saying so
 *
 * Whoever uses a plugin waits on a condition until it is active. Activation
 * sets the flag and forgets the signal: those who wait sleep on.
 * Fixed: it broadcasts.
 *
 * Shape   moby#29733, communication (condition variable)
 * Expect  leaked 2
 */
#include "leaks.h"

#include <stdlib.h>

struct plugin {
	struct goro_mutex lock;
	struct goro_cond activated;
	bool active;
};

static void
use(void *arg)
{
	struct plugin *p = arg;

	goro_mutex_lock(&p->lock);
	while (!p->active)
		goro_cond_wait(&p->activated, &p->lock);
	goro_mutex_unlock(&p->lock);
}

static void
activate(void *arg)
{
	struct plugin *p = arg;

	goro_mutex_lock(&p->lock);
	p->active = true;
	if (fixed)
		goro_cond_broadcast(&p->activated);
	goro_mutex_unlock(&p->lock);
}

int
story(void)
{
	struct plugin *p = make(sizeof(*p));

	goro_go(use, p);
	goro_go(use, p);
	settle();
	goro_go(activate, p);
	settle();
	if (!fixed)
		return 2;
	free(p);
	return 0;
}
