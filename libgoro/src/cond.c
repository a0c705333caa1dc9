// SPDX-License-Identifier: MIT
/*
 * cond.c - waiting for what another goroutine says has happened
 *
 * Idea       A waiter is in the queue before it unlocks the mutex, so that
 *            whoever locks it next and signals finds it. It unlocks only after
 *            it has left its stack, in the finish of its park: a signal that
 *            comes at once can then make it run at once.
 * Locks      c->lock_. Released before the mutex is unlocked.
 */
#include "leak/left.h"
#include "sync.h"

/* Where a waiting goroutine parks; on its stack. */
struct place {
	struct gr_waiter w;
	struct gr_lock *lock;
	struct goro_mutex *mutex;
};

/* With the lock released @g may be on its way, and @arg gone; the mutex is
 * there as long as it is locked. */
static void
finish_wait(struct gr_m *m, struct gr_g *g, void *arg)
{
	struct place p = *(struct place *)arg;

	gr_g_set_state(g, GORO_ABI_WAITING);
	gr_unlock(p.lock);
	gr_mutex_release(m, p.mutex);
}

void
goro_cond_wait(struct goro_cond *c, struct goro_mutex *mutex)
{
	struct gr_m *m = gr_m_goroutine("goro_cond_wait");
	struct place p = { GR_SYNC_WAITER(m, c), gr_sync_lock(&c->lock_),
			   mutex };

	gr_mutex_check_owner(m, mutex);
	gr_leak_note_unlocked(m->g, mutex);
	gr_lock(p.lock);
	gr_waitq_push(gr_sync_queue(&c->waiters_), &p.w);
	gr_g_will_wait(m->g, GORO_WAIT_COND, (uintptr_t)c, &p.w, 1);
	gr_park(m, finish_wait, &p);
	goro_mutex_lock(mutex);
}

/* Does anybody wait? [pair chan-peek] relaxed: whoever was in the queue before
 * we were told of a reason to signal is seen, since that told us as well. */
static inline bool
anybody(struct goro_cond *c)
{
	return gr_load_rlx(&gr_sync_queue(&c->waiters_)->first);
}

void
goro_cond_signal(struct goro_cond *c)
{
	struct gr_lock *lock = gr_sync_lock(&c->lock_);
	struct gr_waiter *w;

	if (!anybody(c))
		return;
	gr_lock(lock);
	w = gr_sync_take(gr_sync_queue(&c->waiters_));
	gr_unlock(lock);
	if (w)
		gr_ready(gr_m_self(), w->g);
}

void
goro_cond_broadcast(struct goro_cond *c)
{
	struct gr_lock *lock = gr_sync_lock(&c->lock_);
	struct gr_sync_woken list;

	if (!anybody(c))
		return;
	gr_lock(lock);
	gr_sync_take_all(gr_sync_queue(&c->waiters_), &list);
	gr_unlock(lock);
	gr_sync_ready(gr_m_self(), &list);
}
