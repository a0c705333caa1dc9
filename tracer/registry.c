// SPDX-License-Identifier: MIT
/*
 * registry.c - walking the runtime's lists
 *
 * The three lists are walked by one function: read the structure, check it,
 * go on to the next. A node is never unlinked while the runtime lives, new
 * ones come at the front, so a walk beside a running target is safe.
 */
#include "registry.h"

#include <stdlib.h>
#include <string.h>

struct walk {
	struct gt_target *t;
	const char *what; /* for messages: "chunk" */
	uint64_t root;    /* address of the pointer to the first */
	struct goro_abi_field next;
	uint32_t bytes;
	size_t max;
	/* Take the node in, or return false when it cannot be true. */
	bool (*take)(const void *node, uint64_t addr, void *slot, void *arg);
	void *arg;
	size_t elem_bytes;
};

static struct gt_error *
leads_nowhere(const struct walk *w, uint64_t addr, struct gt_error *err)
{
	if (err->code != GT_FAULT)
		return err;
	gt_error_free(err);
	return gt_damaged(addr,
			  "the list of %ss is damaged: it leads to 0x%llx, "
			  "where nothing is",
			  w->what, (unsigned long long)addr);
}

/* Fill a growing array; the caller frees *ret_v. */
static struct gt_error *
walk_list(const struct walk *w, void **ret_v, size_t *ret_n)
{
	unsigned char node[GT_ABI_STRUCT_MAX];
	uint64_t addr, mark = 0;
	size_t n = 0, room = 0, mark_at = 1;
	char *v = NULL;
	struct gt_error *err = gt_target_read(w->t, w->root, &addr,
					      sizeof(addr));

	if (err)
		err = leads_nowhere(w, w->root, err);
	while (!err && addr) {
		/* Brent: a list that goes round meets its own mark. */
		if (addr == mark || n == w->max) {
			err = gt_damaged(addr,
					 "the list of %ss is damaged: it has "
					 "no end",
					 w->what);
			break;
		}
		if (n == mark_at) {
			mark = addr;
			mark_at *= 2;
		}
		if (n == room) {
			room = room ? room * 2 : 64;
			char *more = realloc(v, room * w->elem_bytes);
			if (!more) {
				err = &gt_enomem;
				break;
			}
			v = more;
		}
		err = gt_target_read(w->t, addr, node, w->bytes);
		if (err) {
			err = leads_nowhere(w, addr, err);
			break;
		}
		if (!w->take(node, addr, v + n * w->elem_bytes, w->arg)) {
			err = gt_damaged(addr,
					 "the list of %ss is damaged: the one "
					 "at 0x%llx cannot be true",
					 w->what, (unsigned long long)addr);
			break;
		}
		n++;
		addr = gt_abi_load(node, w->next);
	}
	*ret_v = v;
	*ret_n = n;
	return err;
}

/* [base, base + n * each) without wrapping round. */
static bool
fits(uint64_t base, uint64_t n, uint64_t each)
{
	uint64_t bytes, end;

	return !__builtin_mul_overflow(n, each, &bytes) &&
	       !__builtin_add_overflow(base, bytes, &end);
}

static bool
take_chunk(const void *node, uint64_t addr, void *slot, void *arg)
{
	const struct gt_abi *abi = arg;
	struct gt_chunk *c = slot;
	uint64_t top = abi->t.g.bytes + (uint64_t)abi->t.chunk.colours *
						abi->t.chunk.colour_bytes;

	(void)addr;
	c->base = gt_abi_load(node, abi->t.chunk.base);
	c->slot_bytes = gt_abi_load(node, abi->t.chunk.slot_bytes);
	c->slots = gt_abi_load(node, abi->t.chunk.slots);
	c->carved = gt_abi_load(node, abi->t.chunk.carved);
	c->words = gt_abi_load(node, abi->t.chunk.words);
	return c->slots && c->slots <= GT_CHUNK_SLOTS_MAX &&
	       !(c->slots & (c->slots - 1)) && c->carved <= c->slots &&
	       c->slot_bytes >= top && c->words % 8 == 0 &&
	       fits(c->base, c->slots, c->slot_bytes) &&
	       fits(c->words, c->slots, 8);
}

static bool
take_thread(const void *node, uint64_t addr, void *slot, void *arg)
{
	const struct gt_abi *abi = arg;
	struct gt_thread *th = slot;

	th->addr = addr;
	th->tid = (int)gt_abi_load(node, abi->t.thread.tid);
	th->g = gt_abi_load(node, abi->t.thread.g);
	return true;
}

static bool
take_slab(const void *node, uint64_t addr, void *slot, void *arg)
{
	const struct gt_abi *abi = arg;
	struct gt_slab *s = slot;

	(void)addr;
	s->base = gt_abi_load(node, abi->t.slab.base);
	s->stride = gt_abi_load(node, abi->t.slab.stride);
	s->count = gt_abi_load(node, abi->t.slab.count);
	s->carved = gt_abi_load(node, abi->t.slab.carved);
	return s->stride >= abi->t.chan.bytes &&
	       s->stride <= GT_ABI_STRUCT_MAX && s->carved <= s->count &&
	       s->count <= GT_SLAB_COUNT_MAX &&
	       fits(s->base, s->count, s->stride);
}

static uint64_t
chunk_bytes(const void *chunk)
{
	const struct gt_chunk *c = chunk;

	return c->slots * c->slot_bytes;
}

static uint64_t
slab_bytes(const void *slab)
{
	const struct gt_slab *s = slab;

	return s->count * s->stride;
}

/* Both begin with it. */
static uint64_t
base_of(const void *area)
{
	return *(const uint64_t *)area;
}

static int
by_base(const void *a, const void *b)
{
	return (base_of(a) > base_of(b)) - (base_of(a) < base_of(b));
}

/* A stack lies in one chunk only, a channel in one slab: areas that overlap
 * would be an endless supply of the same. */
static struct gt_error *
drop_overlaps(const struct walk *w, char *v, size_t *n,
	      uint64_t (*bytes_of)(const void *area))
{
	size_t each = w->elem_bytes, kept = 0;

	if (*n)
		qsort(v, *n, each, by_base);
	for (size_t i = 0; i < *n; i++) {
		const char *area = v + i * each;
		const char *last = v + (kept ? kept - 1 : 0) * each;

		if (kept && base_of(area) - base_of(last) < bytes_of(last))
			continue;
		memmove(v + kept++ * each, area, each);
	}
	size_t all = *n;
	*n = kept;
	return kept == all ? NULL :
			     gt_damaged(0,
					"the list of %ss is damaged: some of "
					"them overlap",
					w->what);
}

/* A list of areas of memory, each of which is there once. */
static struct gt_error *
walk_areas(const struct walk *w, void **ret_v, size_t *ret_n,
	   uint64_t (*bytes_of)(const void *area))
{
	struct gt_error *err = walk_list(w, ret_v, ret_n);
	struct gt_error *overlap = drop_overlaps(w, *ret_v, ret_n, bytes_of);

	if (!err)
		return overlap;
	gt_error_free(overlap);
	return err;
}

struct gt_error *
gt_registry_chunks(struct gt_target *t, const struct gt_abi *abi,
		   struct gt_chunks *ret)
{
	struct walk w = {
		.t = t,
		.what = "chunk",
		.root = abi->t.chunks,
		.next = abi->t.chunk.next,
		.bytes = abi->t.chunk.bytes,
		.max = GT_CHUNKS_MAX,
		.take = take_chunk,
		.arg = (void *)abi,
		.elem_bytes = sizeof(*ret->v),
	};

	return walk_areas(&w, (void **)&ret->v, &ret->n, chunk_bytes);
}

struct gt_error *
gt_registry_threads(struct gt_target *t, const struct gt_abi *abi,
		    struct gt_threads *ret)
{
	struct walk w = {
		.t = t,
		.what = "thread",
		.root = abi->t.threads,
		.next = abi->t.thread.next,
		.bytes = abi->t.thread.bytes,
		.max = GT_THREADS_MAX,
		.take = take_thread,
		.arg = (void *)abi,
		.elem_bytes = sizeof(*ret->v),
	};

	return walk_list(&w, (void **)&ret->v, &ret->n);
}

struct gt_error *
gt_registry_slabs(struct gt_target *t, const struct gt_abi *abi,
		  struct gt_slabs *ret)
{
	struct walk w = {
		.t = t,
		.what = "channel slab",
		.root = abi->t.slabs,
		.next = abi->t.slab.next,
		.bytes = abi->t.slab.bytes,
		.max = GT_SLABS_MAX,
		.take = take_slab,
		.arg = (void *)abi,
		.elem_bytes = sizeof(*ret->v),
	};

	return walk_areas(&w, (void **)&ret->v, &ret->n, slab_bytes);
}
