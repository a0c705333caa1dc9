// SPDX-License-Identifier: MIT
/*
 * cockroach_9935.c - a log whose last words need its lock
 *
 * An entry is written to the log with the log's lock held. Writing fails, which
 * is fatal; the function that ends everything locks the log for its last words.
 * Fixed: it is called after unlocking.
 *
 * Shape   cockroach#9935, resource (double locking)
 * Expect  deadlock 1
 */
#include "leaks.h"

#include <stdlib.h>

struct log {
	struct goro_mutex lock;
	int entries;
	bool exited;
};

static void
log_exit(struct log *l)
{
	goro_mutex_lock(&l->lock);
	l->exited = true;
	goro_mutex_unlock(&l->lock);
}

static int
log_write(struct log *l)
{
	return l->entries++ ? -28 : 0; /* there is room for one */
}

static void
log_output(void *arg)
{
	struct log *l = arg;
	int err = 0;

	while (!err) {
		goro_mutex_lock(&l->lock);
		err = log_write(l);
		if (err && !fixed)
			log_exit(l); /* never returns */
		goro_mutex_unlock(&l->lock);
	}
	log_exit(l);
}

int
story(void)
{
	struct log *l = make(sizeof(*l));

	goro_go(log_output, l);
	settle();
	if (!fixed)
		return 1;
	free(l);
	return 0;
}
