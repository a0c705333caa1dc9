// SPDX-License-Identifier: MIT
/*
 * etcd_6708.c - a client that asks itself while it is locked
 *
 * sync() locks the cluster's client to set its endpoints. With the leader to
 * come first it has to ask who that is, and asks through the same client, which
 * locks itself for reading. Fixed: it asks before it locks.
 *
 * Shape   etcd#6708, resource (double locking)
 * Expect  deadlock 1
 */
#include "leaks.h"

#include <stdlib.h>

struct client {
	struct goro_rwmutex lock;
	int leader, first_endpoint;
};

static int
ask(struct client *c)
{
	int leader;

	goro_rwmutex_rlock(&c->lock);
	leader = c->leader;
	goro_rwmutex_runlock(&c->lock);
	return leader;
}

static void
sync_endpoints(struct client *c)
{
	int leader = fixed ? ask(c) : -1;

	goro_rwmutex_lock(&c->lock);
	if (leader == -1)
		leader = ask(c); /* never returns */
	c->first_endpoint = leader;
	goro_rwmutex_unlock(&c->lock);
}

int
story(void)
{
	struct client *c = make(sizeof(*c));

	c->leader = 2;
	sync_endpoints(c);
	free(c);
	return 0;
}
