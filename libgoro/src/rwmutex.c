// SPDX-License-Identifier: MIT
/*
 * rwmutex.c - many readers or one writer
 *
 * Idea       One word, changed by one compare-and-swap as long as nobody
 *            waits. Once somebody does, it is only handed on: the last reader
 *            hands it to the writer that has waited longest, a writer to all
 *            readers that wait by then, and if there are none to the next
 *            writer. So readers and writers take turns, as in Go, and neither
 *            can keep the others out.
 * Holders    A writer is in `owner_`. Readers are too many for the object: each
 *            goroutine keeps a list of what it holds for reading (g.h), which
 *            costs plain stores only, and finds a foreign unlock as well.
 * Invariants 1. WAITED is set while a queue has somebody in it; it changes
 *               under the lock.
 *            2. While it is set, only a release without the lock and a grant
 *               under it change the rest of the word.
 * Locks      rw->lock_.
 */
#include <stdlib.h>

#include "fatal.h"
#include "leak/left.h"
#include "profile_events.h"
#include "sync.h"

/* The word: two flags, and the number of readers above them. */
enum { WRITER = 1, WAITED = 2, READER = 4 };
_Static_assert(GORO_ABI_RW_WRITER(WRITER) && GORO_ABI_RW_READERS(READER) == 1,
	       "the debug ABI says otherwise");

/* --- What a goroutine holds for reading ----------------------------------- */

static struct gr_hold *
find_hold(struct gr_g *g, const void *obj)
{
	struct gr_hold *h = &g->hold;

	while (h && h->obj != obj)
		h = h->next;
	return h;
}

static __attribute__((noinline)) struct gr_hold *
another_hold(struct gr_g *g)
{
	struct gr_hold *h = find_hold(g, NULL);

	if (h)
		return h;
	h = calloc(1, sizeof(*h));
	if (!h)
		gr_fatal("out of memory for a read lock");
	h->next = g->hold.next;
	g->hold.next = h;
	return h;
}

static inline void
note_hold(struct gr_g *g, void *obj)
{
	struct gr_hold *h = &g->hold;

	/* Mostly it is the only one, and there is nothing else to look at. */
	if (__builtin_expect(h->obj || h->next, 0)) {
		h = find_hold(g, obj);
		if (!h)
			h = another_hold(g);
	}
	h->obj = obj;
	h->n++;
}

static inline bool
drop_hold(struct gr_g *g, void *obj)
{
	struct gr_hold *h = find_hold(g, obj);

	if (!h)
		return false;
	if (--h->n == 0)
		h->obj = NULL;
	return true;
}

/* @g ends, or is dropped. What it held nobody can unlock any more. */
void
gr_holds_forget(struct gr_g *g)
{
	struct gr_hold *h;

	while ((h = g->hold.next)) {
		g->hold.next = h->next;
		free(h);
	}
	g->hold = (struct gr_hold){ 0 };
}

/* --- The word ------------------------------------------------------------- */

/* What there must not be of it for one to enter. A waiting writer bars new
 * readers; readers that wait bar others only as long as a writer is inside. */
enum { BARS_READER = WRITER | WAITED, BARS_WRITER = -1 };

static inline bool
enter(struct goro_rwmutex *rw, uint32_t bars, uint32_t what)
{
	uint32_t s;

	/* [relaxed] the exchange decides. */
	while (!((s = gr_load_rlx(&rw->state_)) & bars))
		/* [pair rwmutex] acquire: sees what was written inside. */
		if (gr_cas_acq_rel(&rw->state_, s, s + what))
			return true;
	return false;
}

/* Enter, or make sure that whoever leaves knows that somebody waits. */
static bool
enter_locked(struct goro_rwmutex *rw, uint32_t bars, uint32_t what)
{
	uint32_t s;

	do {
		if (enter(rw, bars, what))
			return true;
		/* [pair rwmutex] whoever leaves after this sees WAITED. */
		s = gr_load_rlx(&rw->state_);
	} while (!(s & bars) || !gr_cas_acq_rel(&rw->state_, s, s | WAITED));
	return false;
}

/* Enter, after a wait if need be. */
static __attribute__((noinline)) void
enter_slow(struct gr_m *m, struct goro_rwmutex *rw, uint32_t bars,
	   uint32_t what)
{
	struct gr_lock *lock = gr_sync_lock(&rw->lock_);
	struct gr_waiter w = GR_SYNC_WAITER(m, rw);
	bool writer = what == WRITER;

	gr_lock(lock);
	if (enter_locked(rw, bars, what)) {
		gr_unlock(lock);
		return;
	}
	gr_waitq_push(gr_sync_queue(writer ? &rw->writers_ : &rw->readers_),
		      &w);
	gr_sync_park(m, writer ? GORO_WAIT_WLOCK : GORO_WAIT_RLOCK, &w, lock);
}

/*
 * Nobody is inside any more, and somebody waits: let them in, readers before a
 * writer or after. After the last reader there is a writer, since readers do
 * not wait for readers. There is nobody where a run ended while they waited.
 */
static __attribute__((noinline)) void
hand_on(struct gr_m *m, struct goro_rwmutex *rw, bool readers_first)
{
	struct gr_waitq *readers = gr_sync_queue(&rw->readers_);
	struct gr_waitq *writers = gr_sync_queue(&rw->writers_);
	struct gr_lock *lock = gr_sync_lock(&rw->lock_);
	struct gr_sync_woken list = { 0 };
	uint32_t state = 0;
	uint64_t waited = 0;

	gr_lock(lock);
	if (gr_profile_wants(GR_EVENTS_UNLOCKS))
		waited = gr_profile_charge(readers) +
			 gr_profile_charge(writers);
	if (readers_first && readers->first) {
		gr_sync_take_all(readers, &list);
		state = list.n * READER;
	} else if (writers->first) {
		gr_sync_take_first(writers, &list);
		/* [relaxed] only the owner itself relies on it. */
		gr_store_rlx(&rw->owner_, list.first->id);
		state = WRITER;
	}
	if (readers->first || writers->first)
		state |= WAITED;
	/* [pair rwmutex] release: to those who come later; those let in now
	 * see it all because we make them ready. */
	gr_store_rel(&rw->state_, state);
	gr_unlock(lock);
	gr_sync_ready(m, &list);
	if (waited)
		gr_profile_unlocked(m, waited);
}

/* Why one that is not ours cannot be unlocked. [relaxed] it is a bug anyway. */
static const char *
whose(const struct goro_rwmutex *rw, uint32_t locked)
{
	return gr_load_rlx(&rw->state_) & locked ? "another goroutine's" :
						   "unlocked";
}

/* --- Readers -------------------------------------------------------------- */

void
goro_rwmutex_rlock(struct goro_rwmutex *rw)
{
	struct gr_m *m = gr_m_goroutine("goro_rwmutex_rlock");
	struct gr_g *g = m->g;

	if (__builtin_expect(!enter(rw, BARS_READER, READER), 0))
		enter_slow(m, rw, BARS_READER, READER);
	note_hold(g, rw);
}

bool
goro_rwmutex_try_rlock(struct goro_rwmutex *rw)
{
	struct gr_m *m = gr_m_goroutine("goro_rwmutex_try_rlock");

	if (!enter(rw, BARS_READER, READER))
		return false;
	note_hold(m->g, rw);
	return true;
}

void
goro_rwmutex_runlock(struct goro_rwmutex *rw)
{
	struct gr_m *m = gr_m_goroutine("goro_rwmutex_runlock");

	if (__builtin_expect(!drop_hold(m->g, rw), 0))
		goro_panic("sync: RUnlock of %s RWMutex",
			   whose(rw, ~(WRITER | WAITED)));
	/* [pair rwmutex] release: a writer sees that we have read. */
	if (gr_add_acq_rel(&rw->state_, -READER) == READER + WAITED)
		hand_on(m, rw, false);
}

/* --- Writers -------------------------------------------------------------- */

void
goro_rwmutex_lock(struct goro_rwmutex *rw)
{
	struct gr_m *m = gr_m_goroutine("goro_rwmutex_lock");
	struct gr_g *g = m->g;
	uint64_t id = g->id;

	if (__builtin_expect(!enter(rw, BARS_WRITER, WRITER), 0))
		enter_slow(m, rw, BARS_WRITER, WRITER);
	gr_store_rlx(&rw->owner_, id); /* [relaxed] as in hand_on() */
	gr_leak_note_locked(g, rw, GORO_WAIT_WLOCK);
}

bool
goro_rwmutex_try_lock(struct goro_rwmutex *rw)
{
	struct gr_m *m = gr_m_goroutine("goro_rwmutex_try_lock");

	if (!enter(rw, BARS_WRITER, WRITER))
		return false;
	gr_store_rlx(&rw->owner_, m->g->id); /* [relaxed] as in hand_on() */
	gr_leak_note_locked(m->g, rw, GORO_WAIT_WLOCK);
	return true;
}

void
goro_rwmutex_unlock(struct goro_rwmutex *rw)
{
	struct gr_m *m = gr_m_goroutine("goro_rwmutex_unlock");

	if (__builtin_expect(gr_load_rlx(&rw->owner_) != m->g->id, 0))
		goro_panic("sync: Unlock of %s RWMutex", whose(rw, WRITER));
	gr_leak_note_unlocked(m->g, rw);
	gr_store_rlx(&rw->owner_, 0); /* [relaxed] as in hand_on() */
	/* [pair rwmutex] release: whoever is next sees what we wrote. */
	if (__builtin_expect(!gr_cas_acq_rel(&rw->state_, WRITER, 0), 0))
		hand_on(m, rw, true);
}
