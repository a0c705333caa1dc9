// SPDX-License-Identifier: MIT
/*
 * look.c - the goroutines once more: who knows of an object, who is still
 *
 * Who could send on a channel, or call done() on a wait group? Whoever can
 * reach it; and most who can have its address on their stack, in a variable or
 * as an argument. One whose only way there leads through the heap is not found,
 * so that nobody is found proves nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "objects.h"

/* Somebody knows an object. */
struct sighting {
	uint32_t object, g;
};

/* Objects by address; the address of object 0 may well be there. */
struct set {
	uint32_t *slots; /* object + 1, 0 empty */
	uint32_t mask;
	uint64_t lo, hi; /* all addresses are in between */
};

struct look {
	const struct gt_model *model;
	struct gt_objects *objects;
	struct set set;
	struct sighting *seen;
	size_t seen_n, seen_room;
	uint32_t *last; /* by object: the one that was seen last, + 1 */
};

static uint32_t
hash(uint64_t addr)
{
	return (uint32_t)((addr * 0x9e3779b97f4a7c15ull) >> 32);
}

static bool
make_set(const struct gt_objects *objects, struct set *s)
{
	uint32_t size = 64;

	while (size < 2 * objects->n)
		size *= 2;
	*s = (struct set){
		.slots = calloc(size, sizeof(*s->slots)),
		.mask = size - 1,
		.lo = UINT64_MAX,
	};
	if (!s->slots)
		return false;
	for (size_t i = 0; i < objects->n; i++) {
		const struct gt_object *o = &objects->v[i];

		if (o->kind == GT_KIND_FD)
			continue;
		uint32_t h = hash(o->addr);
		while (s->slots[h & s->mask])
			h++;
		s->slots[h & s->mask] = i + 1;
		if (o->addr < s->lo)
			s->lo = o->addr;
		if (o->addr > s->hi)
			s->hi = o->addr;
	}
	return true;
}

/* The object's number + 1, or 0. */
static uint32_t
lookup(const struct look *l, uint64_t addr)
{
	if (addr < l->set.lo || addr > l->set.hi)
		return 0;
	for (uint32_t h = hash(addr);; h++) {
		uint32_t i = l->set.slots[h & l->set.mask];

		if (!i || l->objects->v[i - 1].addr == addr)
			return i;
	}
}

static bool
has_party(const struct gt_object *o, enum gt_role role, uint32_t g)
{
	for (uint32_t i = 0; i < o->parties[role].n; i++)
		if (o->parties[role].v[i].g == g)
			return true;
	return false;
}

/* Does it wait for the object itself? Its own list of waits is short. */
static bool
waits_for(const struct gt_model *model, uint32_t g, uint64_t addr)
{
	const struct gt_goroutine *it = &model->goroutines[g];

	for (uint32_t i = 0; i < it->waits_n; i++)
		if (model->waits[it->waits + i].obj == addr)
			return true;
	return false;
}

static bool
note(struct look *l, uint32_t object, uint32_t g)
{
	struct gt_object *o = &l->objects->v[object];

	/* Once a goroutine, however often it is there. */
	if (l->last[object] == g + 1)
		return true;
	l->last[object] = g + 1;
	if (waits_for(l->model, g, o->addr) ||
	    (o->kind != GT_KIND_CHAN && o->parties[GT_ROLE_HOLDS].n < 64 &&
	     has_party(o, GT_ROLE_HOLDS, g)))
		return true;
	if (o->knows_n++ >= GT_KNOWS_MAX)
		return true;
	if (!gt_grow((void **)&l->seen, l->seen_n, 1, &l->seen_room,
		     sizeof(*l->seen)))
		return false;
	l->seen[l->seen_n++] = (struct sighting){ object, g };
	return true;
}

static struct gt_error *
take(const struct gt_copy *copy, void *arg)
{
	struct look *l = arg;
	const struct goro_abi_table *t = &l->model->abi->t;
	uint32_t g = gt_model_find(l->model,
				   gt_abi_load(copy->record, t->g.id));
	bool ok = true;

	if (g == UINT32_MAX)
		return NULL; /* it was not there before */
	l->objects->still[g] = copy->exact &&
			       copy->word == l->model->goroutines[g].word &&
			       !GORO_ABI_UNSTABLE(copy->word);
	for (size_t at = 0; at + 8 <= copy->stack_bytes && ok; at += 8) {
		uint64_t word;

		memcpy(&word, copy->stack + at, sizeof(word));
		uint32_t object = lookup(l, word);
		if (object)
			ok = note(l, object - 1, g);
	}
	for (unsigned i = 0; copy->regs && i < GT_ARCH_REGS && ok; i++) {
		uint32_t object = copy->regs->valid >> i & 1 ?
					  lookup(l, copy->regs->r[i]) :
					  0;
		if (object)
			ok = note(l, object - 1, g);
	}
	return ok ? NULL : &gt_enomem;
}

/* Give each object those who know it. */
static bool
deal_out(struct look *l)
{
	struct gt_objects *objects = l->objects;
	size_t at = 0;

	objects->knows = malloc((l->seen_n + 1) * sizeof(*objects->knows));
	if (!objects->knows)
		return false;
	for (size_t i = 0; i < objects->n; i++) {
		struct gt_object *o = &objects->v[i];
		uint32_t n = o->knows_n < GT_KNOWS_MAX ? o->knows_n :
							 GT_KNOWS_MAX;

		o->parties[GT_ROLE_KNOWS].v = objects->knows + at;
		at += n;
	}
	for (size_t i = 0; i < l->seen_n; i++) {
		struct gt_parties *p =
			&objects->v[l->seen[i].object].parties[GT_ROLE_KNOWS];

		p->v[p->n++] = (struct gt_party){ .g = l->seen[i].g };
	}
	return true;
}

struct gt_error *
gt_objects_look(struct gt_target *t, const struct gt_model *model,
		struct gt_objects *objects)
{
	struct look l = { .model = model, .objects = objects };
	struct gt_snapshot_stats stats;
	struct gt_error *err = &gt_enomem;

	objects->still = calloc(model->goroutines_n + 1, 1);
	l.last = calloc(objects->n + 1, sizeof(*l.last));
	if (objects->still && l.last && make_set(objects, &l.set))
		err = gt_snapshot(t, model->abi, take, &l, &stats);
	if (err != &gt_enomem) {
		gt_error_free(stats.problem);
		objects->looked = !err;
		if (!deal_out(&l)) {
			gt_error_free(err);
			err = &gt_enomem;
		}
	}
	free(l.set.slots);
	free(l.last);
	free(l.seen);
	return err;
}
