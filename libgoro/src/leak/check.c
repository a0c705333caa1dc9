// SPDX-License-Identifier: MIT
/*
 * check.c - one check, from the stop to the list of what was found
 *
 * Stacks     on a stack of its own, so that what it leaves there is no root.
 * Locks      none while the world stands; `checking` keeps out a second one.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "chan.h"
#include "chan_slab.h"
#include "leak/census.h"
#include "leak/leak.h"
#include "leak/test.h"
#include "san.h"
#include "sync.h"

enum {
	STACK_BYTES = 256 << 10,
	TRIES = 9, /* 25 ms in all */
	FIRST_PAUSE_US = 50,
};

/* Everything that a check needs, in one mapping that is no root. */
struct work {
	struct gr_leak leak; /* first: what is handed out */
	struct gr_census census;
	struct gr_world world;
	struct gr_regs here;
	uint64_t caller; /* id; 0: no goroutine */
	char stack[STACK_BYTES] __attribute__((aligned(64)));
};

static uint32_t checking; /* [pair leak-checking] */

/* Verdicts stand for ever: to be held against what comes. */
struct proven {
	struct gr_g *g;
	uint64_t id, word;
};
static struct gr_vec proven = { .bytes = sizeof(struct proven) };

void
gr_leak_forget(void)
{
	gr_vec_fini(&proven);
}

static bool
is_stuck(const struct work *w, uint32_t i)
{
	if (w->leak.ask.all_stuck)
		return gr_census_g(&w->census, i)->parked;
	return !gr_reach_g(&w->census.reach, i)->live;
}

/* --- Have earlier verdicts held? ------------------------------------------ */

static void
confirm(struct work *w)
{
	for (size_t i = 0; i < proven.n; i++) {
		const struct proven *p = gr_vec_at(&proven, struct proven, i);
		uint32_t now = gr_census_by_id(&w->census, p->id);

		if (now == GR_REACH_NONE ||
		    gr_census_g(&w->census, now)->word != p->word)
			w->leak.unsound = p->id;
	}
}

static void
remember(struct work *w, const struct gr_census_g *g)
{
	struct proven *p;

	for (size_t i = 0; i < proven.n; i++)
		if (gr_vec_at(&proven, struct proven, i)->id == g->id)
			return;
	/* Without memory it is only not checked. */
	if (proven.n < 4096 && (p = gr_vec_push(&proven)))
		*p = (struct proven){ g->g, g->id, g->word };
	(void)w;
}

/* --- What was found ------------------------------------------------------- */

static void
describe_object(struct work *w, uint32_t i, struct gr_leak_obj *ret)
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
	if (ch->name)
		strncpy(ret->name, ch->name, sizeof(ret->name) - 1);
}

/* The lock or channel that @g waits for; the first, if it is a select. */
static uint32_t
object_of(struct work *w, const struct gr_g *g)
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
waits_for(struct work *w, uint32_t i)
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
find_cycle(struct work *w, uint32_t i, uint64_t *ret)
{
	unsigned n = 0;

	for (uint32_t at = i; n < GR_LEAK_CYCLE;) {
		if (!is_stuck(w, at))
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
copy_frames(struct work *w, struct gr_leak_group *to)
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
	/* Channels are told one by one, and so are cycles of locks. */
	if (g->kind == GORO_LEAK_UNCLOSED_CHAN)
		h = mix(h, g->obj.id);
	return h;
}

static void
add_id(struct work *w, struct gr_leak_group *g, uint64_t id)
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

/* Put @like with those that are alike; the group. */
static struct gr_leak_group *
group_of(struct work *w, struct gr_leak_group *like)
{
	uint32_t *bucket, i;
	struct gr_leak_group *new;

	like->hash = hash_of(like);
	bucket = &w->leak.bucket[like->hash % 1024];
	for (i = *bucket; i; i = gr_leak_group(&w->leak, i - 1)->next)
		if (gr_leak_group(&w->leak, i - 1)->hash == like->hash)
			return gr_leak_group(&w->leak, i - 1);
	new = gr_vec_push(&w->leak.group);
	if (!new) {
		w->leak.err = -ENOMEM;
		return NULL;
	}
	like->next = *bucket;
	like->ids = GR_REACH_NONE;
	*new = *like;
	*bucket = (uint32_t)w->leak.group.n;
	return new;
}

/* A service's main may wait for nothing, while the others serve. */
static bool
is_resting_main(const struct work *w, const struct gr_g *g)
{
	return g->id == 1 && g->wait_reason == GORO_WAIT_SELECT_EMPTY &&
	       !w->leak.ask.all_stuck;
}

/* Which goroutines are a finding, and of what kind? */
static bool
classify(struct work *w, uint32_t i, enum goro_leak_kind *ret)
{
	const struct gr_census_g *g = gr_census_g(&w->census, i);
	uint32_t obj;

	if (g->id == w->caller || (g->g->flags & GORO_ABI_G_SYSTEM))
		return false;
	if (w->leak.ask.test && g->g->test != w->leak.ask.test)
		return false;
	if (is_resting_main(w, g->g))
		return false;
	if (!is_stuck(w, i)) {
		*ret = GORO_LEAK_LEFTOVER;
		return w->leak.ask.leftovers;
	}
	*ret = GORO_LEAK_PROVEN;
	obj = is_lock(g->g->wait_reason) ? object_of(w, g->g) : GR_REACH_NONE;
	if (obj != GR_REACH_NONE &&
	    gr_reach_obj(&w->census.reach, obj)->owners &&
	    !gr_census_obj(&w->census, obj)->ended)
		*ret = GORO_LEAK_DEADLOCK;
	return true;
}

/* Will anything move by itself: is it worth to look again? */
static bool
is_restless(const struct work *w)
{
	for (uint32_t i = 0; i < gr_procs_ever; i++)
		if (gr_procs[i]->timers.n)
			return true;
	for (uint32_t i = 0; i < w->census.g.n; i++) {
		const struct gr_census_g *g = gr_census_g(&w->census, i);

		if (!g->parked && g->id != w->caller &&
		    !(g->g->flags & GORO_ABI_G_SYSTEM))
			return true;
	}
	return false;
}

static void
add_goroutine(struct work *w, uint32_t i)
{
	const struct gr_walker walker = { &w->leak.modules, &w->leak.rows };
	const struct gr_census_g *g = gr_census_g(&w->census, i);
	struct gr_snapshot *s = &w->leak.snapshot;
	struct gr_leak_group like = { 0 }, *group;
	uint32_t obj;

	if (!classify(w, i, &like.kind))
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
		describe_object(w, obj, &like.obj);
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
	group = group_of(w, &like);
	if (!group)
		return;
	group->n++;
	w->leak.count[like.kind]++;
	if (like.kind != GORO_LEAK_LEFTOVER) {
		group->held += gr_reach_held(&w->census.reach, i);
		remember(w, g);
	}
	add_id(w, group, g->id);
}

/* --- Channels ------------------------------------------------------------- */

static uint32_t
stuck_in(struct work *w, const struct gr_waitq *q)
{
	uint32_t i = q->first ? gr_census_by_id(&w->census, q->first->g->id) :
				GR_REACH_NONE;

	return i != GR_REACH_NONE && is_stuck(w, i) ? i : GR_REACH_NONE;
}

/* Did somebody forget to close it, or to read what is in it? */
static bool
is_unclosed(struct work *w, uint32_t i)
{
	const struct gr_reach_obj *o = gr_reach_obj(&w->census.reach, i);
	const struct goro_chan *ch = (const struct goro_chan *)o->lo;
	uint32_t receiver;

	if (!o->channel || ch->kind != GORO_ABI_CHAN_PLAIN || ch->closed)
		return false;
	/* Those who are stuck sending are told of by themselves. */
	if (ch->len)
		return !o->marked && !ch->sendq.first;
	receiver = stuck_in(w, &ch->recvq);
	return ch->sent && receiver != GR_REACH_NONE &&
	       gr_census_g(&w->census, receiver)->g->wait_reason ==
		       GORO_WAIT_CHAN_RECV;
}

static void
add_unclosed(struct work *w, uint32_t test, const struct gr_leak_obj *obj)
{
	struct gr_leak_group like = {
		.kind = GORO_LEAK_UNCLOSED_CHAN,
		.n = 1,
		.creator_id = obj->creator_id,
		.creator_pc = obj->creator_pc,
		.obj = *obj,
	};

	if (w->leak.ask.test && test != w->leak.ask.test)
		return;
	if (!gr_leak_is_ignored(&w->leak, &like) && group_of(w, &like))
		w->leak.count[GORO_LEAK_UNCLOSED_CHAN]++;
}

static void
add_channels(struct work *w)
{
	struct gr_leak_obj obj;

	for (uint32_t i = 0; i < w->census.obj.n && !w->leak.err; i++) {
		const struct gr_reach_obj *o = gr_reach_obj(&w->census.reach,
							    i);

		if (!is_unclosed(w, i))
			continue;
		describe_object(w, i, &obj);
		add_unclosed(w, ((const struct goro_chan *)o->lo)->test, &obj);
	}
	for (unsigned i = 0; i < gr_leak_dropped_n() && !w->leak.err; i++) {
		uint32_t test = gr_leak_dropped_get(i, &obj);

		add_unclosed(w, test, &obj);
	}
}

/* --- The check ------------------------------------------------------------ */

static void
find(struct work *w)
{
	struct gr_census *c = &w->census;

	c->world = &w->world;
	c->own_lo = (uintptr_t)w;
	c->own_hi = (uintptr_t)(w + 1);
	c->extra = GR_VEC(struct gr_reach_span);
	gr_leak_copy_roots(&c->extra);
	if (!gr_census_take(c, &w->here) || !gr_reach_run(&c->reach)) {
		w->leak.err = -ENOMEM;
	} else {
		gr_modules_read(&w->leak.modules);
		gr_names_init(&w->leak.names, &w->leak.modules);
		w->leak.rows = (struct gr_rows){
			w->leak.row_slots,
			sizeof(w->leak.row_slots) / sizeof(struct gr_row) - 1
		};
		gr_rows_clear(&w->leak.rows);
		w->leak.exact_heap = c->heap != NULL;
		w->leak.goroutines = c->g.n;
		w->leak.scanned = c->reach.scanned;
		w->leak.restless = is_restless(w);
		confirm(w);
		/* First the channels: what is measured below gets marked. */
		add_channels(w);
		for (uint32_t i = 0; i < c->g.n && !w->leak.err; i++)
			add_goroutine(w, i);
	}
	gr_census_fini(c);
	gr_vec_fini(&c->extra);
}

/* Stop the world, and that at a moment in which its registers say little, if
 * one can be found: a worker that found nothing to do is soon asleep. */
static void
stop(struct work *w)
{
	for (int i = 0;; i++) {
		w->leak.err = gr_world_stop(&w->world);
		if (w->leak.err || i == TRIES ||
		    !gr_roots_would_settle(&w->world))
			return;
		gr_world_start(&w->world);
		gr_vec_fini(&w->world.threads);
		usleep(FIRST_PAUSE_US << i);
	}
}

static void
stop_and_find(void *arg)
{
	struct work *w = arg;
	int64_t start_ns = gr_now_ns();
#ifdef GR_ASAN
	const void *lo;
	size_t bytes;

	__sanitizer_finish_switch_fiber(NULL, &lo, &bytes);
#endif
	stop(w);
	if (!w->leak.err) {
		find(w);
		gr_world_start(&w->world);
	}
	w->leak.culprit = w->world.culprit;
	w->leak.stopped_ns = gr_now_ns() - start_ns;
	gr_vec_fini(&w->world.threads);
#ifdef GR_ASAN
	__sanitizer_start_switch_fiber(NULL, lo, bytes);
#endif
}

struct gr_leak *
gr_leak_run(const struct gr_leak_ask *ask)
{
	struct gr_m *m = gr_m_self();
	struct work *w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (w == MAP_FAILED)
		return NULL;
	w->leak.ask = *ask;
	w->leak.group = GR_VEC(struct gr_leak_group);
	w->leak.id = GR_VEC(struct gr_leak_id);
	w->caller = m && m->g ? m->g->id : 0;
	if (gr_xchg_acq_rel(&checking, 1)) { /* [pair leak-checking] */
		w->leak.err = -EBUSY;
		return &w->leak;
	}
	if (m && m->g)
		m->g->preempt_off++;
	gr_regs_capture(&w->here);
#ifdef GR_ASAN
	void *fake;

	__sanitizer_start_switch_fiber(&fake, w->stack, STACK_BYTES);
#endif
	gr_stack_call(w->stack + STACK_BYTES, stop_and_find, w);
#ifdef GR_ASAN
	__sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
	if (m && m->g)
		m->g->preempt_off--;
	gr_store_rel(&checking, 0); /* [pair leak-checking] */
	return &w->leak;
}

void
gr_leak_free(struct gr_leak *l)
{
	struct work *w = (struct work *)l;

	gr_vec_fini(&l->group);
	gr_vec_fini(&l->id);
	if (l->names.symtab_good)
		gr_symtab_close(&l->names.symtab);
	munmap(w, sizeof(*w));
}
