// SPDX-License-Identifier: MIT
/*
 * hints.c - timers that nobody stopped, contexts that nobody cancelled, locks
 * that nobody gave back
 *
 * Idea       They say where the mistake may lie, beside what it has led to:
 *            that a goroutine was left over, or has leaked.
 * Timer      One is told of when it is armed and a goroutine that was left over
 *            waits for it: it keeps that one alive.
 * Context    likewise when nobody has ended it; and whenever nothing live can
 *            reach it any more, so that nobody ever will. One that only
 *            carries a value is ended by the one above it.
 * Lock       as left.c has it, if the memory still says the same. It may have
 *            been given back meanwhile, so it is read with care.
 */
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "chan.h"
#include "leak/left.h"
#include "leak/rootname.h"
#include "leak/work.h"
#include "sync.h"

/* --- Timers and contexts -------------------------------------------------- */

static struct gr_leak_group *
add(struct gr_leak_work *w, struct gr_leak_group *like, uint32_t test)
{
	struct gr_leak_group *group;

	if ((w->leak.ask.test && test != w->leak.ask.test) ||
	    gr_leak_is_ignored(&w->leak, like))
		return NULL;
	like->first = GR_REACH_NONE;
	group = gr_leak_group_of(w, like);
	if (group) {
		group->n++;
		w->leak.count[like->kind]++;
	}
	return group;
}

/* Tell of the channel @i once; whom it keeps is noted each time. */
static void
add_channel(struct gr_leak_work *w, uint32_t i, enum goro_leak_kind kind,
	    uint64_t keeps)
{
	struct gr_census_obj *o = gr_census_obj(&w->census, i);
	const struct goro_chan *ch = (const struct goro_chan *)o->addr;
	struct gr_leak_group like = {
		.kind = kind,
		.creator_id = ch->creator_id,
		.creator_pc = ch->creator_pc,
	}, *group;

	gr_leak_describe(w, i, &like.obj);
	group = o->told ? gr_leak_told(w, &like) : add(w, &like, ch->test);
	o->told = true;
	if (group && keeps)
		gr_leak_add_id(w, group, keeps);
}

static bool
is_uncancelled(const struct goro_chan *ch)
{
	return ch->kind == GORO_ABI_CHAN_CONTEXT && !ch->closed &&
	       !ch->only_value;
}

static bool
is_unstopped(const struct goro_chan *ch)
{
	return ch->kind == GORO_ABI_CHAN_TIMER && ch->timer &&
	       gr_chan_timer_is_armed(ch->timer);
}

/* What keeps @i, which was left over. */
static void
find_keepers(struct gr_leak_work *w, uint32_t i)
{
	const struct gr_census_g *g = gr_census_g(&w->census, i);

	for (unsigned k = 0; k < g->g->wait_n; k++) {
		const struct goro_chan *ch = g->g->waiters[k].obj;
		uint32_t obj = gr_census_obj_at(&w->census, (uintptr_t)ch);

		if (!ch || obj == GR_REACH_NONE ||
		    !gr_reach_obj(&w->census.reach, obj)->channel)
			continue;
		if (is_unstopped(ch))
			add_channel(w, obj, GORO_LEAK_UNSTOPPED_TIMER, g->id);
		else if (is_uncancelled(ch))
			add_channel(w, obj, GORO_LEAK_UNCANCELLED_CTX, g->id);
	}
}

static void
find_lost_contexts(struct gr_leak_work *w)
{
	for (uint32_t i = 0; i < w->census.obj.n && !w->leak.err; i++) {
		const struct gr_reach_obj *o = gr_reach_obj(&w->census.reach,
							    i);

		if (o->channel && !o->marked &&
		    is_uncancelled((const struct goro_chan *)o->lo))
			add_channel(w, i, GORO_LEAK_UNCANCELLED_CTX, 0);
	}
}

/* --- Locks ---------------------------------------------------------------- */

static bool
read_there(uintptr_t addr, void *to, size_t bytes)
{
	struct iovec local = { to, bytes }, remote = { (void *)addr, bytes };

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) ==
	       (ssize_t)bytes;
}

static bool
is_still_locked(uintptr_t addr, const struct gr_leak_left *left)
{
	struct goro_mutex mu;
	struct goro_rwmutex rw;

	if (left->reason == GORO_WAIT_MUTEX)
		return read_there(addr, &mu, sizeof(mu)) && mu.locked_ &&
		       mu.owner_ == left->id;
	if (!read_there(addr, &rw, sizeof(rw)))
		return false;
	return left->reason == GORO_WAIT_WLOCK ?
		       GORO_ABI_RW_WRITER(rw.state_) && rw.owner_ == left->id :
		       GORO_ABI_RW_READERS(rw.state_) != 0;
}

/* Was its block freed? */
static bool
is_gone(const struct gr_census *c, uintptr_t addr)
{
	const struct gr_reach_memory *m = &c->reach.memory;
	uintptr_t lo, hi;

	return addr - m->heap_lo < m->heap_hi - m->heap_lo &&
	       !gr_root_is_variable(c, addr) &&
	       !m->block(m->arg, addr, &lo, &hi);
}

static void
find_left_locked(struct gr_leak_work *w)
{
	for (size_t i = 0; i < gr_leak_left_all()->n && !w->leak.err; i++) {
		const struct gr_leak_left *left = gr_vec_at(
			gr_leak_left_all(), struct gr_leak_left, i);
		uintptr_t addr = ~left->not_lock;
		struct gr_leak_group like = {
			.kind = GORO_LEAK_LOCKED_BY_ENDED,
			.creator_id = left->creator_id,
			.creator_pc = left->creator_pc,
			.entry = left->entry,
			.obj = { .addr = addr, .reason = left->reason },
			.owner = left->id,
			.owner_ended = true,
		};

		if (!is_gone(&w->census, addr) && is_still_locked(addr, left))
			add(w, &like, left->test);
	}
}

void
gr_leak_find_hints(struct gr_leak_work *w)
{
	enum goro_leak_kind kind;

	for (uint32_t i = 0; i < w->census.g.n && !w->leak.err; i++) {
		const struct gr_census_g *mine = gr_census_g(&w->census, i);
		const struct gr_g *g = mine->g;

		if (GORO_ABI_STATE(mine->word) == GORO_ABI_WAITING &&
		    (g->wait_reason == GORO_WAIT_CHAN_RECV ||
		     g->wait_reason == GORO_WAIT_SELECT) &&
		    gr_leak_classify(w, i, &kind) && kind == GORO_LEAK_LEFTOVER)
			find_keepers(w, i);
	}
	find_lost_contexts(w);
	find_left_locked(w);
}
