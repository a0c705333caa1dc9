// SPDX-License-Identifier: MIT
/*
 * mutex.c - mutual exclusion between goroutines
 */
#include "sync.h"

enum {
	FREE,
	LOCKED,
	WAITED, /* locked, and the unlocker has to look into the queue */
};

enum { PATIENCE_NS = 1000000 };

/* One that waits for a mutex. */
struct contender {
	struct gr_waiter w; /* first: the queue holds these */
	uint64_t since;     /* cycles, when it came */
};

static inline void
own(struct goro_mutex *mu, struct gr_m *m)
{
	/* [relaxed] to others these are hints. */
	gr_store_rlx(&mu->owner_, m->g->id);
	gr_store_rlx(&mu->worker_, m->p->id);
}

static __attribute__((noinline)) void
lock_slow(struct goro_mutex *mu, struct gr_m *m)
{
	struct contender c = { GR_SYNC_WAITER(m, mu), gr_cycles() };
	struct gr_waitq *q = gr_sync_queue(&mu->waiters_);
	struct gr_lock *lock = gr_sync_lock(&mu->lock_);
	bool again = false;

	for (;; again = true) {
		gr_lock(lock);
		/* [pair mutex] acquire, as in goro_mutex_lock(). */
		if (!gr_xchg_acq(&mu->locked_, WAITED))
			break;
		if (again)
			gr_waitq_push_first(q, &c.w);
		else
			gr_waitq_push(q, &c.w);
		m = gr_sync_park(m, GORO_WAIT_MUTEX, &c.w, lock);
		if (c.w.ok)
			return;
	}
	gr_unlock(lock);
	own(mu, m);
}

void
goro_mutex_lock(struct goro_mutex *mu)
{
	struct gr_m *m = gr_m_goroutine("goro_mutex_lock");

	/* [pair mutex] acquire: sees all that the last owner wrote. */
	if (__builtin_expect(gr_xchg_acq(&mu->locked_, LOCKED), FREE) == FREE)
		own(mu, m);
	else
		lock_slow(mu, m);
}

bool
goro_mutex_try_lock(struct goro_mutex *mu)
{
	struct gr_m *m = gr_m_goroutine("goro_mutex_try_lock");

	/* [pair mutex] acquire. Not an exchange: it could turn WAITED into
	 * LOCKED, which only a contender may, who then puts it right. */
	if (gr_load_rlx(&mu->locked_) ||
	    !gr_cas_acq_rel(&mu->locked_, FREE, LOCKED))
		return false;
	own(mu, m);
	return true;
}

/* Some wait, or did. We still have the mutex. */
static __attribute__((noinline)) void
unlock_slow(struct goro_mutex *mu, struct gr_m *m)
{
	struct gr_lock *lock = gr_sync_lock(&mu->lock_);
	struct gr_waiter *w;
	struct gr_g *g;

	do {
		gr_lock(lock);
		w = gr_sync_take(gr_sync_queue(&mu->waiters_));
		if (w)
			break;
		gr_store_rlx(&mu->locked_, LOCKED);
		gr_unlock(lock);
	} while (!gr_cas_acq_rel(&mu->locked_, LOCKED, FREE));
	if (!w)
		return;
	g = w->g;
	w->ok = gr_cycles() - ((struct contender *)w)->since >
		gr_cycles_in(PATIENCE_NS);
	if (w->ok) {
		gr_store_rlx(&mu->owner_, g->id);
		gr_store_rlx(&mu->worker_, m->p->id);
		gr_unlock(lock);
	} else {
		gr_unlock(lock);
		gr_store_rel(&mu->locked_, FREE); /* [pair mutex] */
	}
	gr_ready(m, g);
}

static _Noreturn __attribute__((noinline)) void
misuse(struct goro_mutex *mu)
{
	goro_panic(gr_load_rlx(&mu->locked_) ?
			   "sync: unlock of mutex locked by another goroutine" :
			   "sync: unlock of unlocked mutex");
}

void
goro_mutex_unlock(struct goro_mutex *mu)
{
	struct gr_m *m = gr_m_goroutine("goro_mutex_unlock");

	if (__builtin_expect(gr_load_rlx(&mu->owner_) != m->g->id, 0))
		misuse(mu);
	gr_store_rlx(&mu->owner_, 0);
	/* [pair mutex] release: see goro_mutex_lock(). */
	if (!gr_cas_acq_rel(&mu->locked_, LOCKED, FREE))
		unlock_slow(mu, m);
}
