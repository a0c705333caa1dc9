// SPDX-License-Identifier: MIT
/*
 * etcd_5509.c - a failure that keeps its read lock
 *
 * acquire() returns with the client locked for reading, which its caller undoes
 * when it is through. It does so when it fails too; and a caller that got an
 * error undoes nothing. Closing the client waits for that reader for ever: it
 * is the same goroutine. Fixed: acquire() unlocks when it fails.
 *
 * Shape   etcd#5509, resource (double locking)
 * Expect  deadlock 1
 */
#include "leaks.h"

#include <stdlib.h>

struct client {
	struct goro_rwmutex lock;
	bool connected, closed;
};

static int
acquire(struct client *c)
{
	goro_rwmutex_rlock(&c->lock);
	if (c->connected)
		return 0;
	if (fixed)
		goro_rwmutex_runlock(&c->lock);
	return -107;
}

static int
put(struct client *c)
{
	int err = acquire(c);

	if (err)
		return err;
	goro_rwmutex_runlock(&c->lock);
	return 0;
}

static void
close_client(struct client *c)
{
	goro_rwmutex_lock(&c->lock);
	c->closed = true;
	goro_rwmutex_unlock(&c->lock);
}

int
story(void)
{
	struct client *c = make(sizeof(*c));

	if (put(c) == 0)
		fail("put without a connection");
	close_client(c); /* never returns */
	free(c);
	return 0;
}
