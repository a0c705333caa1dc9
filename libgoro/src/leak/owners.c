// SPDX-License-Identifier: MIT
/*
 * owners.c - who holds what others wait for
 *
 * A mutex, a writer's lock and a once name their owner; of readers each has a
 * list of its own (rwmutex.c).
 */
#include "goro/sync.h"
#include "leak/census.h"
#include "sched.h"

/* Main is still there when it has returned, but gives nothing back. */
static bool
has_ended(const struct gr_census *c, uint64_t id)
{
	return gr_census_by_id(c, id) == GR_REACH_NONE ||
	       (c->caller_ended && c->caller && c->caller->id == id);
}

static void
add_owner(struct gr_census *c, uint32_t obj, uint64_t id)
{
	struct gr_census_obj *o = gr_census_obj(c, obj);

	if (!id)
		return; /* on its way from one to the next, who runs */
	o->owner = id;
	o->ended = has_ended(c, id);
	gr_reach_owns(&c->reach,
		      o->ended ? GR_REACH_NONE : gr_census_by_id(c, id), obj);
}

static void
add_owners(struct gr_census *c, uint32_t obj)
{
	const struct gr_census_obj *o = gr_census_obj(c, obj);
	const struct goro_rwmutex *rw = (const void *)o->addr;
	const struct goro_mutex *mu = (const void *)o->addr;
	const struct goro_once *once = (const void *)o->addr;

	switch (o->reason) {
	case GORO_WAIT_MUTEX:
		if (mu->locked_)
			add_owner(c, obj, mu->owner_);
		break;
	case GORO_WAIT_RLOCK:
	case GORO_WAIT_WLOCK:
		if (GORO_ABI_RW_WRITER(rw->state_))
			add_owner(c, obj, rw->owner_);
		break;
	case GORO_WAIT_ONCE:
		add_owner(c, obj, once->owner_);
		break;
	default:
		break;
	}
}

/* What each goroutine holds for reading, and by how many it is held. */
static void
add_readers(struct gr_census *c, uint32_t *found)
{
	for (uint32_t i = 0; i < c->g.n; i++) {
		const struct gr_g *g = gr_census_g(c, i)->g;

		for (const struct gr_hold *h = &g->hold; h; h = h->next) {
			uint32_t obj;

			if (!h->obj || !h->n)
				continue;
			obj = gr_census_obj_at(c, (uintptr_t)h->obj);
			if (obj == GR_REACH_NONE)
				continue;
			found[obj] += h->n;
			gr_census_obj(c, obj)->owner = g->id;
			gr_census_obj(c, obj)->ended |= has_ended(c, g->id);
			gr_reach_owns(&c->reach,
				      has_ended(c, g->id) ? GR_REACH_NONE : i,
				      obj);
		}
	}
}

/*
 * Where more read than are to be found, some have ended without unlocking; or
 * are just on their way in or out, and those are not at rest.
 */
static void
add_lost_readers(struct gr_census *c, const uint32_t *found)
{
	for (uint32_t i = 0; i < c->obj.n; i++) {
		struct gr_census_obj *o = gr_census_obj(c, i);
		const struct goro_rwmutex *rw = (const void *)o->addr;

		if (o->reason != GORO_WAIT_RLOCK &&
		    o->reason != GORO_WAIT_WLOCK)
			continue;
		if (GORO_ABI_RW_READERS(rw->state_) <= found[i] + c->unsettled)
			continue;
		o->ended = true;
		gr_reach_owns(&c->reach, GR_REACH_NONE, i);
	}
}

void
gr_census_add_owners(struct gr_census *c)
{
	struct gr_vec found = GR_VEC(uint32_t);

	if (!gr_vec_reserve(&found, c->obj.n + 1)) {
		c->reach.failed = true;
		return;
	}
	for (uint32_t i = 0; i < c->obj.n; i++)
		if (gr_census_obj(c, i)->reason != GORO_WAIT_CHAN_RECV)
			add_owners(c, i);
	add_readers(c, gr_vec_at(&found, uint32_t, 0));
	add_lost_readers(c, gr_vec_at(&found, uint32_t, 0));
	gr_vec_fini(&found);
}
