// SPDX-License-Identifier: MIT
/*
 * moby_7559.c - a proxy that goes on to the next packet, lock and all
 *
 * A proxy locks its table for each packet. A packet that cannot be passed on is
 * skipped by going on with the loop, past the unlocking; the next packet's turn
 * locks again. Fixed: it unlocks before it goes on.
 *
 * Shape   moby#7559, resource (double locking)
 * Expect  deadlock 1
 */
#include "leaks.h"

#include <stdlib.h>

struct proxy {
	struct goro_mutex lock;
	int passed;
};

static void
run(void *arg)
{
	struct proxy *p = arg;

	for (int packet = 0; packet < 4; packet++) {
		goro_mutex_lock(&p->lock);
		if (packet == 2) { /* this one is refused */
			if (fixed)
				goro_mutex_unlock(&p->lock);
			continue;
		}
		p->passed++;
		goro_mutex_unlock(&p->lock);
	}
}

int
story(void)
{
	struct proxy *p = make(sizeof(*p));

	goro_go(run, p);
	settle();
	if (!fixed)
		return 1;
	free(p);
	return 0;
}
