// SPDX-License-Identifier: MIT
/*
 * moby_30408.c - a plugin whose activation has failed before anyone waited
 *
 * Users of a plugin wait on a condition until it has a manifest. Activation
 * fails: there is an error and will never be a manifest. The one who waits
 * looks for the manifest only, and a test waits for that one.
 * Fixed: the loop looks at the error too.
 *
 * Shape   moby#30408, communication (condition variable)
 * Expect  leaked 2
 */
#include "leaks.h"

#include <stdlib.h>

struct plugin {
	struct goro_mutex lock;
	struct goro_cond activate_wait;
	int activate_err;
	const char *manifest;
	struct goro_chan *done;
};

static void
wait_active(void *arg)
{
	struct plugin *p = arg;

	goro_mutex_lock(&p->lock);
	while (!p->manifest && !(fixed && p->activate_err))
		goro_cond_wait(&p->activate_wait, &p->lock);
	goro_mutex_unlock(&p->lock);
	goro_chan_close(p->done);
}

int
story(void)
{
	struct plugin *p = make(sizeof(*p));

	p->activate_err = -5;
	p->done = goro_chan_create(0, 0);
	goro_go(wait_active, p);
	goro_chan_recv(p->done, NULL); /* never returns */
	settle();
	drop(p->done);
	free(p);
	return 0;
}
