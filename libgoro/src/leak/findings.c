// SPDX-License-Identifier: MIT
/*
 * findings.c - which goroutines are a finding, of what kind, and what is to be
 * said of them
 *
 * Idea       A million that leaked have done so at a handful of places: what is
 *            alike is one group from the start, by a hash of what it shows.
 */
#include <errno.h>
#include <string.h>

#include "chan.h"
#include "leak/work.h"

static struct gr_leak_other
other(const struct gr_leak_work *w, uint64_t id, uintptr_t pc)
{
	return (struct gr_leak_other){
		id, pc, gr_census_by_id(&w->census, id) == GR_REACH_NONE
	};
}

void
gr_leak_describe(struct gr_leak_work *w, uint32_t i, struct gr_leak_obj *ret)
{
	const struct gr_census_obj *o;
	const struct goro_chan *ch;

	memset(ret, 0, sizeof(*ret));
	if (i == GR_REACH_NONE)
		return;
	o = gr_census_obj(&w->census, i);
	ret->addr = o->addr;
	ret->reason = o->reason;
	if (!gr_reach_obj(&w->census.reach, i)->channel)
		return;
	ch = (const struct goro_chan *)o->addr;
	ret->id = ch->id;
	ret->creator_id = ch->creator_id;
	ret->creator_pc = ch->creator_pc;
	ret->elem_bytes = ch->elem_bytes;
	ret->cap = ch->cap;
	ret->len = ch->len;
	ret->closed = ch->closed;
	if (ch->kind == GORO_ABI_CHAN_PLAIN) {
		ret->last_sender = other(w, ch->last_sender, 0);
		ret->last_receiver = other(w, ch->last_receiver, 0);
	}
	ret->left = other(w, ch->left_id, ch->left_pc);
	if (ch->name)
		strncpy(ret->name, ch->name, sizeof(ret->name) - 1);
}

/* The lock or channel that @g waits for; the first, if it is a select. */
static uint32_t
object_of(struct gr_leak_work *w, const struct gr_g *g)
{
	if (g->wait_reason == GORO_WAIT_SELECT) {
		for (unsigned i = 0; i < g->wait_n; i++)
			if (g->waiters[i].obj)
				return gr_census_obj_at(
					&w->census,
					(uintptr_t)g->waiters[i].obj);
		return GR_REACH_NONE;
	}
	if (!g->wait_n)
		return GR_REACH_NONE;
	return gr_census_obj_at(&w->census, g->wait_obj);
}

static bool
is_lock(unsigned reason)
{
	return reason == GORO_WAIT_MUTEX || reason == GORO_WAIT_RLOCK ||
	       reason == GORO_WAIT_WLOCK || reason == GORO_WAIT_ONCE;
}

/* The goroutine that has to move before @i can; NONE: no single one. */
static uint32_t
waits_for(struct gr_leak_work *w, uint32_t i)
{
	const struct gr_g *g = gr_census_g(&w->census, i)->g;
	uint32_t obj = is_lock(g->wait_reason) ? object_of(w, g) :
						 GR_REACH_NONE;

	if (obj == GR_REACH_NONE || !gr_census_obj(&w->census, obj)->owner)
		return GR_REACH_NONE;
	return gr_census_by_id(&w->census,
			       gr_census_obj(&w->census, obj)->owner);
}

/* If who waits for whom comes back to @i, the ids on the way. */
static unsigned
find_cycle(struct gr_leak_work *w, uint32_t i, uint64_t *ret)
{
	unsigned n = 0;

	for (uint32_t at = i; n < GR_LEAK_CYCLE;) {
		if (!gr_leak_is_stuck(w, at))
			return 0;
		ret[n++] = gr_census_g(&w->census, at)->id;
		at = waits_for(w, at);
		if (at == i)
			return n;
		if (at == GR_REACH_NONE)
			return 0;
	}
	return 0;
}

static void
copy_frames(struct gr_leak_work *w, struct gr_leak_group *to)
{
	const struct gr_snapshot *s = &w->leak.snapshot;

	to->exact = s->flags & GORO_ABI_G_FRESH;
	to->cut = s->frames.n > GR_LEAK_FRAMES;
	for (uint64_t i = 0; i < s->frames.n && i < GR_LEAK_FRAMES; i++)
		to->frame[to->frames_n++] = gr_frames_get(&s->frames, i)->pc;
}

static uint64_t
mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

/* What makes goroutines alike: where they stand, who made them and what. */
static uint64_t
hash_of(const struct gr_leak_group *g)
{
	uint64_t h = mix(g->kind, g->reason);

	h = mix(mix(mix(h, g->creator_pc), g->obj.creator_pc), g->entry);
	for (unsigned i = 0; i < g->frames_n; i++)
		h = mix(h, g->frame[i]);
	/* Channels are told one by one, and so are locks. */
	if (g->kind == GORO_LEAK_UNCLOSED_CHAN)
		h = mix(h, g->obj.id);
	if (g->kind == GORO_LEAK_LOCKED_BY_ENDED)
		h = mix(h, g->obj.addr);
	return h;
}

void
gr_leak_add_id(struct gr_leak_work *w, struct gr_leak_group *g, uint64_t id)
{
	struct gr_leak_id *new = gr_vec_push(&w->leak.id);

	if (!new) {
		w->leak.err = -ENOMEM;
		return;
	}
	*new = (struct gr_leak_id){ id, GR_REACH_NONE };
	if (g->ids == GR_REACH_NONE)
		g->ids = (uint32_t)(w->leak.id.n - 1);
	else
		gr_vec_at(&w->leak.id, struct gr_leak_id, g->last_id)->next =
			(uint32_t)(w->leak.id.n - 1);
	g->last_id = (uint32_t)(w->leak.id.n - 1);
}

struct gr_leak_group *
gr_leak_told(struct gr_leak_work *w, struct gr_leak_group *like)
{
	uint32_t i;

	like->hash = hash_of(like);
	i = w->leak.bucket[like->hash % GR_LEAK_BUCKETS];
	for (; i; i = gr_leak_group(&w->leak, i - 1)->next)
		if (gr_leak_group(&w->leak, i - 1)->hash == like->hash)
			return gr_leak_group(&w->leak, i - 1);
	return NULL;
}

struct gr_leak_group *
gr_leak_group_of(struct gr_leak_work *w, struct gr_leak_group *like)
{
	struct gr_leak_group *group = gr_leak_told(w, like);
	uint32_t *bucket = &w->leak.bucket[like->hash % GR_LEAK_BUCKETS];

	if (group)
		return group;
	group = gr_vec_push(&w->leak.group);
	if (!group) {
		w->leak.err = -ENOMEM;
		return NULL;
	}
	like->next = *bucket;
	like->ids = GR_REACH_NONE;
	*group = *like;
	*bucket = (uint32_t)w->leak.group.n;
	return group;
}

/* A service's main may wait for nothing, while the others serve. */
static bool
is_resting_main(const struct gr_leak_work *w, const struct gr_g *g)
{
	return g->id == 1 && g->wait_reason == GORO_WAIT_SELECT_EMPTY &&
	       !w->leak.ask.all_stuck;
}

/* Which goroutines are a finding, and of what kind? */
bool
gr_leak_classify(struct gr_leak_work *w, uint32_t i, enum goro_leak_kind *ret)
{
	const struct gr_census_g *g = gr_census_g(&w->census, i);
	uint32_t obj;

	if (g->id == w->caller || (g->g->flags & GORO_ABI_G_SYSTEM))
		return false;
	if (w->leak.ask.test && g->g->test != w->leak.ask.test)
		return false;
	if (is_resting_main(w, g->g))
		return false;
	if (!gr_leak_is_stuck(w, i)) {
		/* Main is what the others are left over from, be it that
		 * another one ends the program while it goes on. */
		*ret = GORO_LEAK_LEFTOVER;
		return w->leak.ask.leftovers && g->id != 1;
	}
	*ret = GORO_LEAK_PROVEN;
	obj = is_lock(g->g->wait_reason) ? object_of(w, g->g) : GR_REACH_NONE;
	if (obj != GR_REACH_NONE &&
	    gr_reach_obj(&w->census.reach, obj)->owners &&
	    !gr_census_obj(&w->census, obj)->ended)
		*ret = GORO_LEAK_DEADLOCK;
	return true;
}

static void
add_goroutine(struct gr_leak_work *w, uint32_t i)
{
	const struct gr_walker walker = { &w->leak.modules, &w->leak.rows };
	const struct gr_census_g *g = gr_census_g(&w->census, i);
	struct gr_snapshot *s = &w->leak.snapshot;
	struct gr_leak_group like = { 0 }, *group;
	uint32_t obj;

	if (!gr_leak_classify(w, i, &like.kind))
		return;
	if (!gr_snapshot(&walker, g->g, s))
		return;
	like.state = s->state;
	like.reason = s->state == GORO_ABI_WAITING ? s->reason : 0;
	like.creator_id = s->creator_id;
	like.creator_pc = s->creator_pc;
	like.entry = s->entry;
	memcpy(like.name, s->name, sizeof(like.name));
	copy_frames(w, &like);
	if (s->state == GORO_ABI_WAITING) {
		obj = object_of(w, g->g);
		gr_leak_describe(w, obj, &like.obj);
		if (obj != GR_REACH_NONE) {
			like.owner = gr_census_obj(&w->census, obj)->owner;
			like.owner_ended =
				gr_census_obj(&w->census, obj)->ended;
		}
	}
	if (like.kind == GORO_LEAK_DEADLOCK)
		like.cycle_n = find_cycle(w, i, like.cycle);
	if (gr_leak_is_ignored(&w->leak, &like))
		return;
	like.first = i;
	like.waits = g->parked;
	group = gr_leak_group_of(w, &like);
	if (!group)
		return;
	group->n++;
	w->leak.count[like.kind]++;
	if (like.kind != GORO_LEAK_LEFTOVER) {
		group->held += gr_reach_held(&w->census.reach, i);
		gr_leak_remember(w, i);
	}
	gr_leak_add_id(w, group, g->id);
}

void
gr_leak_find_goroutines(struct gr_leak_work *w)
{
	for (uint32_t i = 0; i < w->census.g.n && !w->leak.err; i++)
		add_goroutine(w, i);
}
