// SPDX-License-Identifier: MIT
/*
 * grpc_3017.c - a cache that stays locked when there is nothing to remove
 *
 * An entry that is taken out of the cache is removed for good after a while, by
 * a function that a timer calls. It locks the cache, and when the entry has
 * been taken back meanwhile it returns at once, with the lock held, and so its
 * goroutine ends. The next user waits for one who is no more.
 * Fixed: it unlocks on that way too.
 *
 * Shape   grpc#3017, resource (double locking)
 * Expect  leaked 1, locked-by-ended 1
 */
#include "leaks.h"

#include <stdlib.h>

struct cache {
	struct goro_mutex lock;
	bool removing;
	int entries;
};

static void
remove_now(void *arg)
{
	struct cache *c = arg;

	goro_mutex_lock(&c->lock);
	if (!c->removing) {
		if (fixed)
			goro_mutex_unlock(&c->lock);
		return;
	}
	c->entries--;
	goro_mutex_unlock(&c->lock);
}

static void
add(void *arg)
{
	struct cache *c = arg;

	goro_mutex_lock(&c->lock);
	c->removing = false;
	c->entries++;
	goro_mutex_unlock(&c->lock);
}

int
story(void)
{
	struct cache *c = make(sizeof(*c));

	goro_go(add, c);
	settle();
	goro_go(remove_now, c);
	settle();
	goro_go(add, c);
	settle();
	if (!fixed)
		return 1;
	free(c);
	return 0;
}
