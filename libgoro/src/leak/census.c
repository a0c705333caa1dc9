// SPDX-License-Identifier: MIT
/*
 * census.c - who waits for what
 */
#include "leak/census.h"

#include <string.h>

#include "chan.h"
#include "chan_slab.h"
#include "runtime.h"
#include "stack.h"
#include "sync.h"

/* --- Hashes: an index by an address or an id ------------------------------ */

static bool
hash_init(struct gr_vec *v, size_t n)
{
	size_t room = 64;

	while (room < 2 * n)
		room *= 2;
	*v = GR_VEC(uint32_t);
	if (!gr_vec_reserve(v, room)) /* zeroes */
		return false;
	v->n = room;
	return true;
}

/* Where @key is or would be: the slot of the first that @same says yes to. */
#define HASH_FIND(v, key, i, same)                                         \
	({                                                                 \
		uint64_t h_ = (key)*0x9e3779b97f4a7c15ull >> 24;           \
		uint32_t *slot_, i;                                        \
		for (;; h_++) {                                            \
			slot_ = gr_vec_at(v, uint32_t, h_ & ((v)->n - 1)); \
			i = *slot_ - 1;                                    \
			(void)i;                                           \
			if (!*slot_ || (same))                             \
				break;                                     \
		}                                                          \
		slot_;                                                     \
	})

uint32_t
gr_census_by_id(const struct gr_census *c, uint64_t id)
{
	return *HASH_FIND(&c->by_id, id, i, gr_census_g(c, i)->id == id) - 1;
}

/* --- Goroutines ----------------------------------------------------------- */

/* Parked where only another goroutine's doing can wake it, and nobody is
 * about to? */
static bool
may_be_stuck(const struct gr_g *g, uint64_t word)
{
	if (GORO_ABI_STATE(word) != GORO_ABI_WAITING ||
	    (g->flags & GORO_ABI_G_SYSTEM) || g->timer.heap)
		return false;
	switch (g->wait_reason) {
	case GORO_WAIT_CHAN_RECV_NIL:
	case GORO_WAIT_CHAN_SEND_NIL:
	case GORO_WAIT_SELECT_EMPTY:
		return true;
	case GORO_WAIT_CHAN_RECV:
	case GORO_WAIT_CHAN_SEND:
	case GORO_WAIT_SELECT:
	case GORO_WAIT_MUTEX:
	case GORO_WAIT_RLOCK:
	case GORO_WAIT_WLOCK:
	case GORO_WAIT_GROUP:
	case GORO_WAIT_COND:
	case GORO_WAIT_ONCE:
		break;
	default:
		return false;
	}
	for (unsigned i = 0; i < g->wait_n; i++) {
		const struct gr_waiter *w = &g->waiters[i];

		if (w->obj && (!w->queue || (w->shared && g->claim)))
			return false; /* a waker has it in hand */
	}
	return true;
}

static bool
add_goroutine(struct gr_g *g, uint64_t word, void *arg)
{
	struct gr_census *c = arg;
	struct gr_census_g *mine = gr_vec_push(&c->g);
	struct gr_reach_g r = { .hi = g->stack_hi };
	const struct gr_reach_grid *grid = gr_reach_grid_at(&c->reach,
							    g->stack_lo);
	uintptr_t sp = gr_roots_stack_pointer(c, g);
	uint32_t id;

	if (!mine || !grid)
		return !(c->reach.failed = true);
	*mine = (struct gr_census_g){ g, g->id, word, may_be_stuck(g, word) };
	r.lo = sp >= g->stack_lo && sp <= g->stack_hi ? sp : g->stack_lo;
	r.live = !mine->parked;
	if (!r.live && g->wait_n) {
		r.hide_lo = (uintptr_t)g->waiters;
		r.hide_hi = (uintptr_t)(g->waiters + g->wait_n);
	}
	if (GORO_ABI_STATE(word) != GORO_ABI_WAITING && g != c->caller)
		c->unsettled++;
	if (g->flags & GORO_ABI_G_FRESH)
		gr_reach_add_root(&c->reach, (uintptr_t)&g->arg,
				  (uintptr_t)(&g->arg + 1));
	id = gr_reach_add_g(&c->reach, &r);
	if (id != GR_REACH_NONE)
		*gr_reach_id_at(&c->reach, grid, g->stack_lo) = id;
	return !c->reach.failed;
}

static void
add_goroutines(struct gr_census *c)
{
	/* [pair chunks] [pair carved] everybody stands still. */
	for (struct gr_chunk *k = gr_load_acq(&gr_chunks); k; k = k->next)
		if (k->carved)
			gr_reach_add_grid(&c->reach, (uintptr_t)k->base,
					  k->slot_bytes, k->carved, true);
	gr_g_each(add_goroutine, c);
	if (!hash_init(&c->by_id, c->g.n)) {
		c->reach.failed = true;
		return;
	}
	for (uint32_t k = 0; k < c->g.n; k++) {
		uint64_t id = gr_census_g(c, k)->id;

		*HASH_FIND(&c->by_id, id, i, false) = k + 1;
	}
}

/* --- Objects -------------------------------------------------------------- */

static uint32_t
add_object(struct gr_census *c, const struct gr_reach_obj *o,
	   enum goro_abi_reason reason)
{
	struct gr_census_obj *mine = gr_vec_push(&c->obj);

	if (!mine) {
		c->reach.failed = true;
		return GR_REACH_NONE;
	}
	*mine = (struct gr_census_obj){ .addr = o->lo, .reason = reason };
	return gr_reach_add_obj(&c->reach, o);
}

/* The items of a channel: a ring, in up to two pieces. */
static void
items_of(const struct goro_chan *ch, struct gr_reach_span ret[2])
{
	uint64_t to_end = ch->cap - ch->recv_at;
	uint64_t first = GR_MIN(ch->len, to_end);
	uintptr_t buf = (uintptr_t)ch->buf;
	uintptr_t at = buf + ch->recv_at * ch->elem_bytes;

	if (!ch->elem_bytes)
		return;
	ret[0] = (struct gr_reach_span){ at, at + first * ch->elem_bytes };
	ret[1] = (struct gr_reach_span){ buf, buf + (ch->len - first) *
							      ch->elem_bytes };
}

static void
add_channels(struct gr_census *c)
{
	struct gr_chan_slab *s = gr_load_acq(&gr_chan_slabs); /* [pair slabs] */

	for (; s && !c->reach.failed; s = s->next) {
		/* [pair slab-carved] everybody stands still. */
		size_t ids = gr_reach_add_grid(&c->reach, (uintptr_t)s->base,
					       s->stride, s->carved, false);

		for (uint64_t i = 0; i < s->carved && !c->reach.failed; i++) {
			const struct goro_chan *ch =
				(const struct goro_chan *)(s->base +
							   i * s->stride);
			struct gr_reach_obj o = {
				.lo = (uintptr_t)ch,
				.hi = (uintptr_t)(ch + 1),
				.channel = true,
			};

			if (!ch->id) /* [pair chan-id] */
				continue;
			items_of(ch, o.items);
			*gr_vec_at(&c->reach.ids, uint32_t, ids + i) =
				add_object(c, &o, GORO_WAIT_CHAN_RECV);
		}
	}
}

static uint32_t
channel_at(const struct gr_census *c, uintptr_t addr)
{
	const struct gr_reach_grid *grid = gr_reach_grid_at(&c->reach, addr);

	if (!grid || grid->stacks)
		return GR_REACH_NONE;
	return *gr_reach_id_at(&c->reach, grid, addr);
}

static uint32_t *
find_by_addr(const struct gr_census *c, uintptr_t addr)
{
	return HASH_FIND(&c->by_addr, addr, i,
			 gr_census_obj(c, i)->addr == addr);
}

uint32_t
gr_census_obj_at(const struct gr_census *c, uintptr_t addr)
{
	uint32_t found = channel_at(c, addr);

	return found != GR_REACH_NONE ? found : *find_by_addr(c, addr) - 1;
}

static uint32_t
lock_at(struct gr_census *c, uintptr_t addr, size_t bytes,
	enum goro_abi_reason reason)
{
	struct gr_reach_obj o = { .lo = addr, .hi = addr + bytes };
	uint32_t *slot = find_by_addr(c, addr);

	if (!*slot)
		*slot = add_object(c, &o, reason) + 1;
	return *slot - 1;
}

static size_t
bytes_of(enum goro_abi_reason reason)
{
	switch (reason) {
	case GORO_WAIT_MUTEX:
		return sizeof(struct goro_mutex);
	case GORO_WAIT_RLOCK:
	case GORO_WAIT_WLOCK:
		return sizeof(struct goro_rwmutex);
	case GORO_WAIT_GROUP:
		return sizeof(struct goro_waitgroup);
	case GORO_WAIT_COND:
		return sizeof(struct goro_cond);
	default:
		return sizeof(struct goro_once);
	}
}

static void
add_waits(struct gr_census *c, uint32_t i)
{
	const struct gr_g *g = gr_census_g(c, i)->g;

	switch (g->wait_reason) {
	case GORO_WAIT_CHAN_RECV_NIL:
	case GORO_WAIT_CHAN_SEND_NIL:
	case GORO_WAIT_SELECT_EMPTY:
		return;
	case GORO_WAIT_CHAN_RECV:
	case GORO_WAIT_CHAN_SEND:
	case GORO_WAIT_SELECT:
		for (unsigned k = 0; k < g->wait_n; k++)
			if (g->waiters[k].obj)
				gr_reach_waits(
					&c->reach, i,
					channel_at(
						c,
						(uintptr_t)g->waiters[k].obj));
		return;
	default:
		gr_reach_waits(&c->reach, i,
			       lock_at(c, g->wait_obj, bytes_of(g->wait_reason),
				       g->wait_reason));
	}
}

static void
add_locks(struct gr_census *c)
{
	if (!hash_init(&c->by_addr, c->g.n)) {
		c->reach.failed = true;
		return;
	}
	for (uint32_t i = 0; i < c->g.n && !c->reach.failed; i++)
		if (!gr_reach_g(&c->reach, i)->live)
			add_waits(c, i);
	if (!c->reach.failed)
		gr_census_add_owners(c);
}

bool
gr_census_take(struct gr_census *c, const struct gr_regs *here)
{
	struct gr_reach_memory memory;

	c->g = GR_VEC(struct gr_census_g);
	c->obj = GR_VEC(struct gr_census_obj);
	gr_roots_init(c, &memory);
	gr_reach_init(&c->reach, &memory);
	gr_roots_threads(c, here);
	add_goroutines(c);
	if (!c->reach.failed)
		add_channels(c);
	if (!c->reach.failed)
		add_locks(c);
	/* Last: whatever mapping of ours moves after this would be taken for
	 * the program's. */
	gr_roots_add(c);
	return !c->reach.failed;
}

void
gr_census_fini(struct gr_census *c)
{
	gr_reach_fini(&c->reach);
	gr_vec_fini(&c->g);
	gr_vec_fini(&c->obj);
	gr_vec_fini(&c->by_addr);
	gr_vec_fini(&c->by_id);
	gr_roots_fini(c);
}
