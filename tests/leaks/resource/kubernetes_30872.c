// SPDX-License-Identifier: MIT
/*
 * kubernetes_30872.c - clusters that come while it is asked whether all have come
 *
 * A queue hands out what it holds with its lock taken, and the function that
 * it hands to locks the informer, to add a cluster. Whoever asks whether all
 * clusters have come locks the informer first and then the queue. Stopping the
 * informer, which locks it too, waits for both.
 * Fixed: the question is put to the queue before the informer is locked.
 *
 * Shape   kubernetes#30872, resource (AB-BA)
 * Expect  deadlock 3
 */
#include "leaks.h"

#include <stdlib.h>

struct informer {
	struct goro_mutex lock;
	struct goro_rwmutex queue;
	struct goro_chan *cue; /* both hold their first lock */
	int clusters, waiting;
	bool stopped;
};

static void
add_cluster(struct informer *i)
{
	goro_mutex_lock(&i->lock);
	i->clusters++;
	goro_mutex_unlock(&i->lock);
}

static void
pop(void *arg)
{
	struct informer *i = arg;

	goro_rwmutex_lock(&i->queue);
	i->waiting--;
	goro_chan_recv(i->cue, NULL);
	add_cluster(i);
	goro_rwmutex_unlock(&i->queue);
}

static bool
queue_has_synced(struct informer *i)
{
	bool synced;

	goro_rwmutex_rlock(&i->queue);
	synced = i->waiting == 0;
	goro_rwmutex_runlock(&i->queue);
	return synced;
}

static void
clusters_synced(void *arg)
{
	struct informer *i = arg;
	bool synced = fixed && queue_has_synced(i);

	goro_mutex_lock(&i->lock);
	goro_chan_recv(i->cue, NULL);
	if (!fixed)
		synced = queue_has_synced(i);
	if (synced && i->stopped)
		fail("synced after the end");
	goro_mutex_unlock(&i->lock);
}

static void
stop(void *arg)
{
	struct informer *i = arg;

	goro_mutex_lock(&i->lock);
	i->stopped = true;
	goro_mutex_unlock(&i->lock);
}

int
story(void)
{
	struct informer *i = make(sizeof(*i));

	i->waiting = 1;
	i->cue = goro_chan_create(0, 0);
	goro_go(clusters_synced, i);
	settle();
	goro_go(pop, i);
	settle();
	goro_go(stop, i);
	settle();
	goro_chan_close(i->cue);
	settle();
	if (!fixed)
		return 3;
	drop(i->cue);
	free(i);
	return 0;
}
