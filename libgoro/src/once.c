// SPDX-License-Identifier: MIT
/*
 * once.c - doing something once, before anybody goes on
 *
 * Idea       Done is read by one load. The first caller runs the function
 *            with no lock held; the others wait in the queue until it is done.
 * Exit       The function may end its goroutine: in Go its deferred calls
 *            would then say that it is done. So each goroutine knows the calls
 *            that it is in, and settles them when it ends.
 * Locks      once->lock_. Not held while the function runs.
 */
#include "sync.h"

enum { NEW, RUNNING, DONE };

/* A call that runs its function; on the goroutine's stack. */
struct gr_once_call {
	struct goro_once *once;
	struct gr_once_call *outer; /* that this one is inside of, or NULL */
};

/* The innermost call of @g is over. */
static void
settle(struct gr_m *m, struct gr_g *g)
{
	struct goro_once *once = g->once->once;
	struct gr_lock *lock = gr_sync_lock(&once->lock_);
	struct gr_sync_woken list;

	g->once = g->once->outer;
	gr_lock(lock);
	once->owner_ = 0;
	/* [pair once] release: whoever finds it done sees what was done. */
	gr_store_rel(&once->state_, DONE);
	gr_sync_take_all(gr_sync_queue(&once->waiters_), &list);
	gr_unlock(lock);
	gr_sync_ready(m, &list);
}

/* The goroutine @g ends, inside of the functions of some. */
void
gr_once_settle_all(struct gr_m *m, struct gr_g *g)
{
	while (g->once)
		settle(m, g);
}

/* True: it is ours to run. False: it is done, by now. */
static bool
begin(struct gr_m *m, struct goro_once *once)
{
	struct gr_lock *lock = gr_sync_lock(&once->lock_);
	struct gr_waiter w = GR_SYNC_WAITER(m, once);

	gr_lock(lock);
	switch (once->state_) {
	case NEW:
		/* [relaxed] to those without the lock it is not done. */
		gr_store_rlx(&once->state_, RUNNING);
		once->owner_ = m->g->id;
		gr_unlock(lock);
		return true;
	case RUNNING:
		gr_waitq_push(gr_sync_queue(&once->waiters_), &w);
		gr_sync_park(m, GORO_WAIT_ONCE, &w, lock);
		return false;
	default:
		gr_unlock(lock);
		return false;
	}
}

static __attribute__((noinline)) void
do_slow(struct goro_once *once, void (*fn)(void *arg), void *arg)
{
	struct gr_m *m = gr_m_goroutine("goro_once_do");
	struct gr_g *g = m->g;
	struct gr_once_call call = { once, g->once };

	if (!begin(m, once))
		return;
	g->once = &call;
	fn(arg);
	settle(gr_m_self(), g);
}

void
goro_once_do(struct goro_once *once, void (*fn)(void *arg), void *arg)
{
	/* [pair once] acquire: see settle(). */
	if (__builtin_expect(gr_load_acq(&once->state_) == DONE, 1))
		return;
	do_slow(once, fn, arg);
}
