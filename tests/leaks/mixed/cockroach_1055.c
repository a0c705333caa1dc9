// SPDX-License-Identifier: MIT
/*
 * cockroach_1055.c - a stopper that waits, locked, for one who wants its lock
 *
 * To stop, the stopper locks itself and waits until its workers have stopped. A
 * worker that is about to start a task asks the stopper first whether it may,
 * for which it locks; it would report that it has stopped right after.
 * Fixed: the stopper unlocks before it waits.
 *
 * Shape   cockroach#1055, mixed (wait group and lock)
 * Expect  deadlock 1, leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct stopper {
	struct goro_mutex lock;
	struct goro_waitgroup workers;
	struct goro_chan *stopping;
	bool draining;
	int tasks;
};

static bool
start_task(struct stopper *s)
{
	bool may;

	goro_mutex_lock(&s->lock);
	may = !s->draining;
	s->tasks += may;
	goro_mutex_unlock(&s->lock);
	return may;
}

static void
work(void *arg)
{
	struct stopper *s = arg;

	goro_chan_recv(s->stopping, NULL); /* in the middle of a task */
	if (start_task(s))
		fail("a task was started after the end");
	goro_waitgroup_done(&s->workers);
}

static void
stop(void *arg)
{
	struct stopper *s = arg;

	goro_mutex_lock(&s->lock);
	s->draining = true;
	goro_chan_close(s->stopping);
	if (fixed)
		goro_mutex_unlock(&s->lock);
	goro_waitgroup_wait(&s->workers);
	if (!fixed)
		goro_mutex_unlock(&s->lock);
}

int
story(void)
{
	struct stopper *s = make(sizeof(*s));

	s->stopping = goro_chan_create(0, 0);
	goro_waitgroup_add(&s->workers, 1);
	goro_go(work, s);
	settle();
	goro_go(stop, s);
	settle();
	if (!fixed)
		return 2;
	drop(s->stopping);
	free(s);
	return 0;
}
