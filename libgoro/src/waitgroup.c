// SPDX-License-Identifier: MIT
/*
 * waitgroup.c - waiting until a counter is zero
 *
 * Idea       One word holds the counter and, below it, how many wait: so an
 *            add is one atomic addition, and it alone can see that it has
 *            reached zero with somebody to wake.
 * Invariants Under the lock the number in the word is the queue's length.
 *            It is raised only while the counter is not zero.
 * Locks      wg->lock_.
 */
#include "sync.h"

static inline int32_t
counter(uint64_t state)
{
	return GORO_ABI_WG_COUNT(state);
}

static inline uint32_t
waiting(uint64_t state)
{
	return GORO_ABI_WG_WAITING(state);
}

/* The counter has become zero, and @state says that some wait. They cannot
 * return before we make them ready, so until then the group is there. */
static void
wake_all(struct goro_waitgroup *wg, uint64_t state)
{
	struct gr_lock *lock = gr_sync_lock(&wg->lock_);
	struct gr_sync_woken list;

	gr_lock(lock);
	/* [pair waitgroup] */
	if (!gr_cas_acq_rel(&wg->state_, state, 0))
		goro_panic("sync: WaitGroup misuse: "
			   "Add called concurrently with Wait");
	gr_sync_take_all(gr_sync_queue(&wg->waiters_), &list);
	gr_unlock(lock);
	gr_sync_ready(gr_m_self(), &list);
}

void
goro_waitgroup_add(struct goro_waitgroup *wg, int delta)
{
	uint64_t change = (uint64_t)(int64_t)delta << 32;
	/* [pair waitgroup] release: who waits sees all that was done before;
	 * acquire: so does the last one, who wakes them. */
	uint64_t state = gr_add_acq_rel(&wg->state_, change) + change;

	if (__builtin_expect(counter(state) < 0, 0))
		goro_panic("sync: negative WaitGroup counter");
	if (!waiting(state) || counter(state) > 0) {
		/* From zero, with somebody who still waits for that zero? */
		if (waiting(state) && delta > 0 && counter(state) == delta)
			goro_panic("sync: WaitGroup misuse: "
				   "Add called concurrently with Wait");
		return;
	}
	wake_all(wg, state);
}

void
goro_waitgroup_done(struct goro_waitgroup *wg)
{
	goro_waitgroup_add(wg, -1);
}

/* Count one more that waits, unless the counter is zero by now. */
static bool
count_waiter(struct goro_waitgroup *wg)
{
	uint64_t state;

	do {
		state = gr_load_acq(&wg->state_); /* [pair waitgroup] */
		if (counter(state) == 0)
			return false;
	} while (!gr_cas_acq_rel(&wg->state_, state, state + 1));
	return true;
}

void
goro_waitgroup_wait(struct goro_waitgroup *wg)
{
	struct gr_m *m = gr_m_goroutine("goro_waitgroup_wait");
	struct gr_lock *lock = gr_sync_lock(&wg->lock_);
	struct gr_waiter w = GR_SYNC_WAITER(m, wg);

	/* [pair waitgroup] acquire: see goro_waitgroup_add(). */
	if (counter(gr_load_acq(&wg->state_)) == 0)
		return;
	gr_lock(lock);
	/* Under the lock: who wakes us looks for us in the queue. */
	if (!count_waiter(wg)) {
		gr_unlock(lock);
		return;
	}
	gr_waitq_push(gr_sync_queue(&wg->waiters_), &w);
	gr_sync_park(m, GORO_WAIT_GROUP, &w, lock);
	/* [pair waitgroup] only to catch a bug, so it may be a glance. */
	if (gr_load_rlx(&wg->state_))
		goro_panic("sync: WaitGroup is reused before previous Wait "
			   "has returned");
}
