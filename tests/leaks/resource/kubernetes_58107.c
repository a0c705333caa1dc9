// SPDX-License-Identifier: MIT
/*
 * kubernetes_58107.c - workers that sleep with a read lock held
 *
 * Two queues have workers, which lock the list of workers for reading while
 * they fetch a job. The first queue is empty: its worker sleeps on a condition,
 * read lock and all. Then someone wants to write the list and waits for him;
 * and the worker of the second queue, which has a job that will put one into
 * the first, waits behind the writer.
 * Fixed: a job is fetched before the list is locked.
 *
 * Shape   kubernetes#58107, resource (read, write, read)
 * Expect  deadlock 2, leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct queue {
	struct goro_mutex lock;
	struct goro_cond more;
	int jobs;
};

struct controller {
	struct goro_rwmutex workers;
	struct queue first, second;
	int synced;
};

static void
put(struct queue *q)
{
	goro_mutex_lock(&q->lock);
	q->jobs++;
	goro_cond_signal(&q->more);
	goro_mutex_unlock(&q->lock);
}

static void
get(struct queue *q)
{
	goro_mutex_lock(&q->lock);
	while (!q->jobs)
		goro_cond_wait(&q->more, &q->lock);
	q->jobs--;
	goro_mutex_unlock(&q->lock);
}

static void
fetch(struct controller *c, struct queue *q)
{
	if (fixed)
		get(q);
	goro_rwmutex_rlock(&c->workers);
	if (!fixed)
		get(q);
	goro_rwmutex_runlock(&c->workers);
}

static void
work_on_first(void *arg)
{
	struct controller *c = arg;

	fetch(c, &c->first);
}

static void
work_on_second(void *arg)
{
	struct controller *c = arg;

	fetch(c, &c->second);
	put(&c->first);
}

static void
sync_workers(void *arg)
{
	struct controller *c = arg;

	goro_rwmutex_lock(&c->workers);
	c->synced++;
	goro_rwmutex_unlock(&c->workers);
}

int
story(void)
{
	struct controller *c = make(sizeof(*c));

	put(&c->second);
	goro_go(work_on_first, c);
	settle();
	goro_go(sync_workers, c);
	settle();
	goro_go(work_on_second, c);
	settle();
	if (!fixed)
		return 3;
	free(c);
	return 0;
}
