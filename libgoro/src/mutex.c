// SPDX-License-Identifier: MIT
/*
 * mutex.c - mutual exclusion between goroutines
 *
 * Idea       One word, taken by an exchange. As with Go's, whoever comes by
 *            while it is free may have it before those that wait: to hand it
 *            to one that has yet to run would make everybody wait for that
 *            one. But who has waited for 1 ms is handed it, so that nobody
 *            waits for ever.
 * Word       WAITED says that the unlocker must look into the queue. Waking
 *            one clears it, and the woken one sets it again when it comes too
 *            late: so those who lock and unlock meanwhile are spared the queue
 *            and do not wake another each time.
 *              An exchange that fails has put LOCKED over WAITED. Whoever did
 *            so exchanges WAITED for the word from then on, until it has the
 *            mutex or waits itself.
 * Unlocking  is a plain store as long as nobody has ever waited, half the
 *            price of another atomic exchange: see tell_unlockers(), which is
 *            what the first one to wait pays for it.
 * Spinning   only while another worker runs the owner, and briefly.
 * Locks      mu->lock_, for the queue. It is released before the word is, as
 *            then the mutex is still there for certain (sync.h).
 * The model in tests/models/mutex.pml checks what follows from all this.
 */
#include "arch/arch.h"
#include "barrier.h"
#include "fatal.h"
#include "leak/left.h"
#include "profile_events.h"
#include "sync.h"

/* The word. */
enum {
	FREE,
	LOCKED,
	WAITED, /* locked, and the unlocker has to look into the queue */
};

/* `waits_`: may somebody be in the queue? */
enum {
	NEVER,
	ANNOUNCED, /* soon; somebody unlocks who does not know yet */
	KNOWN,     /* all who unlock look at the word */
};

enum {
	PATIENCE_NS = 1000000,
	SPINS = 30,     /* as long as Go's: a few microseconds */
	SPINS_BUSY = 6, /* with others to run: as long as a park takes */
	PAUSES = 4,     /* between looks */
};

/* One that waits for a mutex. */
struct contender {
	struct gr_waiter w; /* first: the queue holds these */
	uint64_t since;     /* cycles, when it came */
};

/* Which worker this is, and how often it has changed goroutines. */
static inline uint32_t
moment(const struct gr_p *p)
{
	/* [relaxed] a hint */
	return (uint32_t)gr_load_rlx(&p->tick) << 8 | p->id;
}

#define NO_MOMENT UINT32_MAX

/* [relaxed] only the owner relies on what is stored. */
static inline void
set_owner(struct goro_mutex *mu, uint64_t id, uint32_t moment)
{
	gr_store_rlx(&mu->owner_, id);
	gr_store_rlx(&mu->moment_, moment);
}

static inline void
own(struct goro_mutex *mu, struct gr_m *m)
{
	set_owner(mu, m->g->id, moment(m->p));
	gr_leak_note_locked(m->g, mu, GORO_WAIT_MUTEX);
}

/* --- Locking -------------------------------------------------------------- */

/* Is the worker that it was locked on another one, and has not changed
 * goroutines since? */
static bool
owner_runs(const struct goro_mutex *mu, const struct gr_p *here)
{
	uint32_t then = gr_load_rlx(&mu->moment_); /* [relaxed] a hint */
	uint32_t id = then & (GR_MAX_PROCS - 1);

	return id != here->id && id < gr_load_acq(&gr_procs_ever) &&
	       moment(gr_procs[id]) == then; /* [pair procs] */
}

/* Exchange @mark for the word; true: it was free. */
static inline bool
grab(struct goro_mutex *mu, uint32_t *mark)
{
	/* [pair mutex] acquire: sees all that the last owner wrote. */
	uint32_t before = gr_xchg_acq(&mu->locked_, *mark);

	if (before == FREE)
		return true;
	if (before == WAITED)
		*mark = WAITED;
	return false;
}

static bool
spin(struct goro_mutex *mu, const struct gr_p *here, uint32_t *mark)
{
	/* [relaxed] whether there are others to run is a hint. */
	bool busy = gr_load_rlx(&here->runq.next) || gr_runq_any(&here->runq);
	int spins = busy ? SPINS_BUSY : SPINS;

	for (int i = 0; i < spins && owner_runs(mu, here); i++) {
		for (int k = 0; k < PAUSES; k++)
			gr_arch_relax();
		/* [relaxed] the exchange decides. */
		if (gr_load_rlx(&mu->locked_) == FREE && grab(mu, mark))
			return true;
	}
	return false;
}

/*
 * Somebody is about to wait. From now on who unlocks must see what the word
 * was as it changes it; but somebody may be about to just store.
 *
 *   unlocker                            we
 *   --------                            --
 *   p->unlocking = 1                    waits_ = ANNOUNCED
 *   read waits_                         barrier on all threads
 *   NEVER: word = FREE                  for all P:
 *   p->unlocking = 0                            until !p->unlocking
 *
 * The barrier falls before the unlocker's read, which then sees ANNOUNCED, or
 * after its first store, which then is seen by us; and no unlocker can be
 * preempted, parked or moved to another P on its way.
 */
static void
tell_unlockers(struct goro_mutex *mu)
{
	/* [pair mutex-waits] acquire: whoever says KNOWN has seen to it. */
	if (gr_barrier_missing || gr_load_acq(&mu->waits_) == KNOWN)
		return;
	gr_store_rlx(&mu->waits_, ANNOUNCED); /* [pair mutex-waits] */
	gr_barrier_all();
	/* [pair procs] read now: a P that comes later sees ANNOUNCED. */
	for (uint32_t i = 0, n = gr_load_acq(&gr_procs_ever); i < n; i++)
		/* [pair mutex-waits] acquire: sees the word that it stored. */
		for (int k = 0; gr_load_acq(&gr_procs[i]->unlocking); k++)
			gr_back_off(k);
	gr_store_rel(&mu->waits_, KNOWN); /* [pair mutex-waits] release */
}

/* Behind all that came before; who is here again came before most. */
static void
queue_up(struct gr_waitq *q, struct contender *c)
{
	struct gr_waiter *at = c->since ? q->first : NULL;

	while (at && ((struct contender *)at)->since <= c->since)
		at = at->next;
	if (at)
		gr_waitq_push_before(&c->w, at);
	else
		gr_waitq_push(q, &c->w);
	if (!c->since)
		c->since = gr_cycles();
}

static __attribute__((noinline)) void
lock_slow(struct goro_mutex *mu, struct gr_m *m, uint32_t mark)
{
	struct contender c = { GR_SYNC_WAITER(m, mu), 0 };
	struct gr_lock *lock = gr_sync_lock(&mu->lock_);

	if (spin(mu, m->p, &mark)) {
		own(mu, m);
		return;
	}
	tell_unlockers(mu);
	for (mark = WAITED;;) {
		gr_lock(lock);
		if (grab(mu, &mark))
			break;
		queue_up(gr_sync_queue(&mu->waiters_), &c);
		m = gr_sync_park(m, GORO_WAIT_MUTEX, &c.w, lock);
		if (c.w.ok) { /* it was handed to us */
			own(mu, m);
			return;
		}
	}
	/* [pair mutex] whoever is to be in the queue waits for its lock. */
	if (!gr_sync_queue(&mu->waiters_)->first)
		gr_store_rlx(&mu->locked_, LOCKED);
	gr_unlock(lock);
	own(mu, m);
}

void
goro_mutex_lock(struct goro_mutex *mu)
{
	struct gr_m *m = gr_m_goroutine("goro_mutex_lock");
	uint32_t mark = LOCKED;

	if (__builtin_expect(grab(mu, &mark), 1))
		own(mu, m);
	else
		lock_slow(mu, m, mark);
}

bool
goro_mutex_try_lock(struct goro_mutex *mu)
{
	struct gr_m *m = gr_m_goroutine("goro_mutex_try_lock");

	/* [pair mutex] acquire, as in grab(). Not an exchange: one that fails
	 * has to be put right. */
	if (gr_load_rlx(&mu->locked_) != FREE ||
	    !gr_cas_acq_rel(&mu->locked_, FREE, LOCKED))
		return false;
	own(mu, m);
	return true;
}

/* --- Unlocking ------------------------------------------------------------ */

/* Some wait, or did. We still have the mutex. */
static __attribute__((noinline)) void
unlock_slow(struct goro_mutex *mu, struct gr_m *m)
{
	struct gr_lock *lock = gr_sync_lock(&mu->lock_);
	struct gr_waiter *w;
	uint64_t waited = 0;
	struct gr_g *g;

	gr_lock(lock);
	if (gr_profile_wants(GR_EVENTS_UNLOCKS))
		waited = gr_profile_charge(gr_sync_queue(&mu->waiters_));
	while (!(w = gr_sync_take(gr_sync_queue(&mu->waiters_)))) {
		/* [pair mutex] nobody: as if nobody had been. */
		gr_store_rlx(&mu->locked_, LOCKED);
		gr_unlock(lock);
		if (gr_cas_acq_rel(&mu->locked_, LOCKED, FREE))
			return;
		gr_lock(lock);
	}
	g = w->g;
	w->ok = gr_cycles() - ((struct contender *)w)->since >
		gr_cycles_in(PATIENCE_NS);
	if (w->ok)
		set_owner(mu, g->id, NO_MOMENT);
	gr_unlock(lock);
	if (!w->ok)
		gr_store_rel(&mu->locked_, FREE); /* [pair mutex] release */
	gr_ready(m, g);
	if (waited)
		gr_profile_unlocked(m, waited);
}

static inline void
release(struct goro_mutex *mu, struct gr_m *m)
{
	struct gr_p *p = m->p;

	gr_store_rlx(&mu->owner_, 0); /* [relaxed] see set_owner() */
	/* [pair mutex-waits] in this order; see tell_unlockers(). */
	gr_store_rlx(&p->unlocking, 1);
	gr_barrier_light();
	if (__builtin_expect(!gr_barrier_missing &&
				     gr_load_rlx(&mu->waits_) == NEVER,
			     1)) {
		/* [pair mutex] release: see grab(). */
		gr_store_rel(&mu->locked_, FREE);
		gr_store_rel(&p->unlocking, 0);
		return;
	}
	gr_store_rel(&p->unlocking, 0);
	/* [pair mutex] release: see grab(). */
	if (!gr_cas_acq_rel(&mu->locked_, LOCKED, FREE))
		unlock_slow(mu, m);
}

/* Unlock, on the owner's behalf. */
void
gr_mutex_release(struct gr_m *m, struct goro_mutex *mu)
{
	release(mu, m);
}

void
gr_mutex_check_owner(struct gr_m *m, const struct goro_mutex *mu)
{
	/* [relaxed] it is ours, or else any answer will do. */
	if (__builtin_expect(gr_load_rlx(&mu->owner_) == m->g->id, 1))
		return;
	if (gr_load_rlx(&mu->locked_) != FREE)
		goro_panic("sync: unlock of another goroutine's mutex");
	goro_panic("sync: unlock of unlocked mutex");
}

void
goro_mutex_unlock(struct goro_mutex *mu)
{
	struct gr_m *m = gr_m_goroutine("goro_mutex_unlock");

	gr_mutex_check_owner(m, mu);
	gr_leak_note_unlocked(m->g, mu);
	release(mu, m);
}
