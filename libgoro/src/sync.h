/* SPDX-License-Identifier: MIT */
/*
 * sync.h - what mutex, rwmutex, waitgroup, once and cond have in common
 *
 * Idea       Each object has a lock of the runtime's, a queue under it, and a
 *            word that the short paths use without either. An object may be
 *            freed by whoever it lets go on, while the call that did so still
 *            runs. Therefore: a waker takes waiters out of the queue, releases
 *            the lock, and only then makes them ready; and where a word alone
 *            lets others go on, its store is the last access.
 */
#ifndef GR_SYNC_H
#define GR_SYNC_H

#include "goro/sync.h"
#include "lock.h"
#include "sched.h"
#include "waitq.h"

static inline struct gr_lock *
gr_sync_lock(uint32_t *field)
{
	return (struct gr_lock *)field;
}

static inline struct gr_waitq *
gr_sync_queue(struct goro_waitq_ *field)
{
	return (struct gr_waitq *)field;
}

/* The calling goroutine as one that waits for @obj. */
#define GR_SYNC_WAITER(m, object) \
	((struct gr_waiter){      \
		.g = (m)->g, .obj = (object), .dir = GR_WAITER_OTHER })

/* Park in the queue that @w was put into; its lock, which is held, is released
 * when the stack is left. */
static inline struct gr_m *
gr_sync_park(struct gr_m *m, enum goro_abi_reason reason, struct gr_waiter *w,
	     struct gr_lock *lock)
{
	gr_g_will_wait(m->g, reason, (uintptr_t)w->obj, w, 1);
	return gr_park(m, gr_finish_wait_unlock, lock);
}

/* Take the first waiter out, or NULL. The queue's lock is held. */
static inline struct gr_waiter *
gr_sync_take(struct gr_waitq *q)
{
	struct gr_waiter *w = q->first;

	if (w) {
		gr_waitq_remove(w);
		/* Until it is ready its stack is ours to write to. */
		gr_g_set_state(w->g, GORO_ABI_CLAIMED);
	}
	return w;
}

/* Goroutines to make ready once the lock is released, in order. */
struct gr_sync_woken {
	struct gr_g *first, **tail;
	uint32_t n;
};

static inline void
gr_sync_take_all(struct gr_waitq *q, struct gr_sync_woken *list)
{
	struct gr_waiter *w;

	list->n = 0;
	for (list->tail = &list->first; (w = gr_sync_take(q)); list->n++) {
		*list->tail = w->g;
		list->tail = &w->g->next;
	}
	*list->tail = NULL;
}

static inline void
gr_sync_take_first(struct gr_waitq *q, struct gr_sync_woken *list)
{
	list->first = gr_sync_take(q)->g;
	list->n = 1;
}

static inline void
gr_sync_ready(struct gr_m *m, const struct gr_sync_woken *list)
{
	if (list->n == 1)
		gr_ready(m, list->first); /* the only one: it runs next */
	else
		gr_ready_list(m, list->first, list->n);
}

/* mutex.c, for cond.c */
void gr_mutex_check_owner(struct gr_m *m, const struct goro_mutex *mutex);
void gr_mutex_release(struct gr_m *m, struct goro_mutex *mutex);

/* once.c and rwmutex.c: what @g leaves undone when it ends. */
void gr_once_settle_all(struct gr_m *m, struct gr_g *g);
void gr_holds_forget(struct gr_g *g);

#endif
