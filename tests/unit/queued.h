/* SPDX-License-Identifier: MIT */
/*
 * queued.h - who waits, for tests that must not go on before somebody does
 */
#ifndef QUEUED_H
#define QUEUED_H

#include "sync.h"

static inline int
queued(uint32_t *lock, struct goro_waitq_ *queue)
{
	struct gr_waiter *w;
	int n = 0;

	gr_lock(gr_sync_lock(lock));
	for (w = gr_sync_queue(queue)->first; w; w = w->next)
		n++;
	gr_unlock(gr_sync_lock(lock));
	return n;
}

/* How many wait for a mutex, waitgroup, once or cond. */
#define QUEUED(object) queued(&(object)->lock_, &(object)->waiters_)

#endif
