// SPDX-License-Identifier: MIT
/*
 * moby_25384.c - plugins that are waited for one too early
 *
 * A wait group is to count all plugins down. It is added to once, for all, and
 * waited for in each turn of the loop that starts them: after the first one the
 * loop waits for those that it has not started.
 * Fixed: it waits after the loop.
 *
 * Shape   moby#25384, mixed (misuse of a wait group)
 * Expect  leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

enum {
	PLUGINS = 3,
};

static void
shut_down(void *arg)
{
	struct goro_waitgroup *group = arg;

	goro_waitgroup_done(group);
}

int
story(void)
{
	struct goro_waitgroup *group = make(sizeof(*group));

	goro_waitgroup_add(group, PLUGINS);
	for (int i = 0; i < PLUGINS; i++) {
		goro_go(shut_down, group);
		if (!fixed)
			goro_waitgroup_wait(group); /* never returns */
	}
	goro_waitgroup_wait(group);
	settle();
	free(group);
	return 0;
}
