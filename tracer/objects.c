// SPDX-License-Identifier: MIT
/*
 * objects.c - what goroutines wait for
 *
 * 1. Every wait, sorted by the object's address: a run of them is an object.
 * 2. The objects' own fields, in batches.
 * 3. Who holds them: owners by id, and the lists of read locks.
 * All of it is sorting and searching in arrays, so a million goroutines at a
 * million channels are no worse than at one.
 */
#include "objects.h"

#include <stdlib.h>
#include <string.h>

#include "sort.h"

enum { READ_BATCH = 256 };
#define FD_KEY (UINT64_C(1) << 63) /* descriptors sort behind addresses */

enum gt_kind
gt_kind_of(enum goro_abi_reason reason)
{
	switch (reason) {
	case GORO_WAIT_CHAN_RECV:
	case GORO_WAIT_CHAN_SEND:
	case GORO_WAIT_SELECT:
		return GT_KIND_CHAN;
	case GORO_WAIT_MUTEX:
		return GT_KIND_MUTEX;
	case GORO_WAIT_RLOCK:
	case GORO_WAIT_WLOCK:
		return GT_KIND_RWMUTEX;
	case GORO_WAIT_GROUP:
		return GT_KIND_WAITGROUP;
	case GORO_WAIT_COND:
		return GT_KIND_COND;
	case GORO_WAIT_ONCE:
		return GT_KIND_ONCE;
	case GORO_WAIT_IO:
		return GT_KIND_FD;
	default:
		return GT_KIND_UNKNOWN;
	}
}

const char *
gt_kind_name(enum gt_kind kind)
{
	static const char *const names[] = {
		[GT_KIND_UNKNOWN] = "unknown",
		[GT_KIND_CHAN] = "chan",
		[GT_KIND_MUTEX] = "mutex",
		[GT_KIND_RWMUTEX] = "rwmutex",
		[GT_KIND_WAITGROUP] = "waitgroup",
		[GT_KIND_COND] = "cond",
		[GT_KIND_ONCE] = "once",
		[GT_KIND_FD] = "fd",
	};

	return names[kind];
}

uint32_t
gt_model_find(const struct gt_model *model, uint64_t id)
{
	size_t lo = 0, hi = model->goroutines_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (model->goroutines[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < model->goroutines_n && model->goroutines[lo].id == id ?
		       lo :
		       UINT32_MAX;
}

static uint64_t
key_of(const struct gt_object *o)
{
	return o->kind == GT_KIND_FD ? o->addr | FD_KEY : o->addr;
}

static struct gt_object *
find(const struct gt_objects *objects, uint64_t key)
{
	size_t lo = 0, hi = objects->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (key_of(&objects->v[mid]) < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < objects->n && key_of(&objects->v[lo]) == key ?
		       &objects->v[lo] :
		       NULL;
}

struct gt_object *
gt_objects_find(const struct gt_objects *objects, uint64_t addr)
{
	return find(objects, addr & ~FD_KEY);
}

/* ---- 1: objects from waits ---- */

struct collected {
	struct gt_sort_item *items; /* by key; .index: into parties */
	struct gt_party *parties;
	size_t n;
};

/* A party with g UINT32_MAX waits for nothing: it stands for a channel. */
static bool
collect(const struct gt_model *model, bool all, struct collected *c)
{
	size_t n = model->waits_n + (all ? model->channels_n : 0);

	c->n = 0;
	c->items = malloc((2 * n + 1) * sizeof(*c->items));
	c->parties = malloc((n + 1) * sizeof(*c->parties));
	if (!c->items || !c->parties)
		return false;
	for (size_t i = 0; i < model->goroutines_n; i++) {
		const struct gt_goroutine *g = &model->goroutines[i];

		for (uint32_t k = 0; k < g->waits_n; k++) {
			const struct gt_wait *w = &model->waits[g->waits + k];
			bool fd = g->reason == GORO_WAIT_IO;

			c->parties[c->n] = (struct gt_party){ i, w->dir };
			c->items[c->n] = (struct gt_sort_item){
				.key = fd ? w->obj | FD_KEY : w->obj & ~FD_KEY,
				.index = c->n,
			};
			c->n++;
		}
	}
	for (size_t i = 0; all && i < model->channels_n; i++) {
		c->parties[c->n] = (struct gt_party){ .g = UINT32_MAX };
		c->items[c->n] = (struct gt_sort_item){
			.key = model->channels[i].addr & ~FD_KEY,
			.index = c->n,
		};
		c->n++;
	}
	gt_sort(c->items, c->items + n, c->n);
	return true;
}

static bool
make_objects(const struct gt_model *model, const struct collected *c,
	     struct gt_objects *ret)
{
	size_t room = 0, at = 0;

	ret->waits = malloc((c->n + 1) * sizeof(*ret->waits));
	if (!ret->waits)
		return false;
	for (size_t i = 0; i < c->n; i++) {
		const struct gt_party *p = &c->parties[c->items[i].index];
		const struct gt_goroutine *g = p->g == UINT32_MAX ?
						       NULL :
						       &model->goroutines[p->g];

		if (i == 0 || c->items[i].key != c->items[i - 1].key) {
			if (!gt_grow((void **)&ret->v, ret->n, 1, &room,
				     sizeof(*ret->v)))
				return false;
			ret->v[ret->n++] = (struct gt_object){
				.addr = c->items[i].key & ~FD_KEY,
				.kind = g ? gt_kind_of(g->reason) :
					    GT_KIND_CHAN,
				.parties[GT_ROLE_WAITS].v = ret->waits + at,
			};
		}
		if (!g)
			continue;
		struct gt_object *o = &ret->v[ret->n - 1];
		ret->waits[at++] = *p;
		o->parties[GT_ROLE_WAITS].n++;
		if (g->wait_ns > o->max_wait_ns)
			o->max_wait_ns = g->wait_ns;
	}
	return true;
}

/* ---- 2: what they say of themselves ---- */

static uint32_t
bytes_of(const struct goro_abi_table *t, enum gt_kind kind)
{
	switch (kind) {
	case GT_KIND_MUTEX:
		return t->mutex.bytes;
	case GT_KIND_RWMUTEX:
		return t->rwmutex.bytes;
	case GT_KIND_WAITGROUP:
		return t->waitgroup.bytes;
	case GT_KIND_ONCE:
		return t->once.bytes;
	default:
		return 0; /* there is nothing in it for us */
	}
}

static void
decode(const struct goro_abi_table *t, const void *p, struct gt_object *o)
{
	uint64_t state;

	o->known = true;
	switch (o->kind) {
	case GT_KIND_MUTEX:
		o->owner = gt_abi_load(p, t->mutex.owner);
		break;
	case GT_KIND_RWMUTEX:
		state = gt_abi_load(p, t->rwmutex.state);
		o->writer = GORO_ABI_RW_WRITER(state);
		o->count = GORO_ABI_RW_READERS(state);
		if (o->writer)
			o->owner = gt_abi_load(p, t->rwmutex.owner);
		break;
	case GT_KIND_WAITGROUP:
		state = gt_abi_load(p, t->waitgroup.state);
		o->count = GORO_ABI_WG_COUNT(state);
		break;
	case GT_KIND_ONCE:
		o->owner = gt_abi_load(p, t->once.owner);
		break;
	}
}

static struct gt_error *
read_batch(struct gt_target *t, const struct gt_abi *abi,
	   struct gt_object *const *batch, size_t n, unsigned char *buf)
{
	struct gt_span spans[READ_BATCH];

	for (size_t i = 0; i < n; i++)
		spans[i] = (struct gt_span){
			.addr = batch[i]->addr,
			.buf = buf + i * GT_ABI_STRUCT_MAX,
			.bytes = bytes_of(&abi->t, batch[i]->kind),
		};
	struct gt_error *err = t->ops->read(t, spans, n);
	for (size_t i = 0; i < n && !err; i++)
		if (spans[i].ok)
			decode(&abi->t, spans[i].buf, batch[i]);
	return err;
}

static struct gt_error *
read_objects(struct gt_target *t, const struct gt_abi *abi,
	     struct gt_objects *objects)
{
	struct gt_object *batch[READ_BATCH];
	GT_CLEANUP(gt_freep)
	unsigned char *buf = malloc(READ_BATCH * GT_ABI_STRUCT_MAX);
	struct gt_error *err = buf ? NULL : &gt_enomem;
	size_t n = 0;

	for (size_t i = 0; i < objects->n && !err; i++) {
		if (bytes_of(&abi->t, objects->v[i].kind))
			batch[n++] = &objects->v[i];
		if (n == READ_BATCH || i + 1 == objects->n) {
			err = read_batch(t, abi, batch, n, buf);
			n = 0;
		}
	}
	return err;
}

static void
match_channels(const struct gt_model *model, struct gt_objects *objects)
{
	for (size_t i = 0; i < model->channels_n; i++) {
		struct gt_object *o = gt_objects_find(objects,
						      model->channels[i].addr);

		if (!o || o->kind != GT_KIND_CHAN)
			continue;
		o->known = true;
		o->channel = i;
	}
}

/* ---- 3: who holds them ---- */

/* The owner's party; the id of one that has ended leads to none. */
static size_t
put_owner(const struct gt_model *model, const struct gt_object *o,
	  struct gt_party *to)
{
	uint32_t g = o->owner ? gt_model_find(model, o->owner) : UINT32_MAX;

	if (g != UINT32_MAX)
		*to = (struct gt_party){ .g = g };
	return g != UINT32_MAX;
}

static bool
find_holders(const struct gt_model *model, struct gt_objects *objects)
{
	size_t n = model->holds_n, found = 0, used = 0, next = 0;
	GT_CLEANUP(gt_freep)
	struct gt_sort_item *items = malloc((2 * n + 1) * sizeof(*items));

	objects->holds = malloc((n + objects->n + 1) * sizeof(*objects->holds));
	if (!items || !objects->holds)
		return false;
	for (size_t i = 0; i < model->goroutines_n; i++) {
		const struct gt_goroutine *g = &model->goroutines[i];

		for (uint32_t k = 0; k < g->holds_n; k++) {
			struct gt_object *o = gt_objects_find(
				objects, model->holds[g->holds + k].obj);

			if (o && o->kind == GT_KIND_RWMUTEX)
				items[found++] = (struct gt_sort_item){
					.key = o - objects->v,
					.index = i,
				};
		}
	}
	gt_sort(items, items + n, found);
	for (size_t i = 0; i < objects->n; i++) {
		struct gt_object *o = &objects->v[i];
		struct gt_parties *p = &o->parties[GT_ROLE_HOLDS];

		p->v = objects->holds + used;
		p->n = put_owner(model, o, p->v);
		for (; next < found && items[next].key == i; next++)
			p->v[p->n++] = (struct gt_party){
				.g = items[next].index,
			};
		used += p->n;
	}
	return true;
}

struct gt_error *
gt_objects_load(struct gt_target *t, struct gt_model *model, bool all,
		struct gt_objects *ret)
{
	struct collected c = { 0 };

	*ret = (struct gt_objects){ 0 };
	bool ok = collect(model, all, &c) && make_objects(model, &c, ret);
	free(c.items);
	free(c.parties);
	if (!ok)
		return &gt_enomem;
	match_channels(model, ret);
	/* What could be read counts, if the target ended meanwhile. */
	struct gt_error *err = read_objects(t, model->abi, ret);
	if (!find_holders(model, ret)) {
		if (err)
			gt_error_free(err);
		err = &gt_enomem;
	}
	return err;
}

void
gt_objects_fini(struct gt_objects *objects)
{
	free(objects->v);
	free(objects->waits);
	free(objects->holds);
	free(objects->knows);
	free(objects->still);
	*objects = (struct gt_objects){ 0 };
}
