// SPDX-License-Identifier: MIT
/*
 * roots.c - the memory that everybody can get at
 *
 * Idea       All mappings that can be written to, less holes: what is known to
 *            be the runtime's own, dead, or to be found otherwise. So memory
 *            of which nothing is known counts, whoever has mapped it.
 * Reading    Memory of unknown origin is copied by the kernel: what cannot be
 *            read (a guard, the end of a file, a device) is passed over.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "chan_slab.h"
#include "leak/left.h"
#include "leak/roots.h"
#include "leak/test.h"
#include "runtime.h"
#include "san.h"
#include "sched.h"
#include "stack.h"

enum {
	CHUNK_HEADER = 7, /* M_MMAPPED and the like: bits of a size */
	MMAPPED = 2,
	OTHER_ARENA = 4,
	ARENA_HEAD = 256, /* what it begins with is shorter */
};
#define ARENA_BYTES (1ul << GORO_HEAP_ARENA_LOG2)
#define USER_END (UINT64_C(1) << 47)

/* --- Reading -------------------------------------------------------------- */

static size_t
view(void *arg, uintptr_t addr, size_t bytes, bool root, const uintptr_t **ret)
{
	struct gr_census *c = arg;
	struct iovec local = { c->window, GR_MIN(bytes, sizeof(c->window)) };
	struct iovec remote = { (void *)addr, local.iov_len };
	ssize_t n;

#ifndef GR_ASAN /* which would not have us look at everything */
	if (!root) {
		*ret = (const uintptr_t *)addr;
		return bytes;
	}
#endif
	(void)root;
	n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	*ret = c->window;
	if (n >= (ssize_t)sizeof(uintptr_t))
		return (size_t)n & ~(sizeof(uintptr_t) - 1);
	if (n < 0 && (errno == EPERM || errno == ENOSYS)) {
		*ret = (const uintptr_t *)addr;
		return local.iov_len;
	}
	*ret = NULL;
	return GR_MIN(bytes, GR_PAGE - addr % GR_PAGE);
}

static bool
block(void *arg, uintptr_t addr, uintptr_t *lo, uintptr_t *hi)
{
	return gr_heap_find(((struct gr_census *)arg)->heap, addr, lo, hi);
}

static bool
mark(void *arg, uintptr_t lo)
{
	return gr_heap_mark(((struct gr_census *)arg)->heap, lo);
}

/* --- Holes ---------------------------------------------------------------- */

void
gr_roots_hole(struct gr_census *c, uintptr_t lo, uintptr_t hi)
{
	struct gr_reach_span *s;

	if (lo >= hi)
		return;
	s = gr_vec_push(&c->holes);
	if (s)
		*s = (struct gr_reach_span){ lo, hi };
	else
		c->reach.failed = true;
}

static void
hole_vec(struct gr_census *c, const struct gr_vec *v)
{
	gr_roots_hole(c, (uintptr_t)v->p, (uintptr_t)v->p + v->mapped);
}

/* The kernel's mapping of a large block. Where the blocks of others lie has
 * been noted. */
static void
hole_block(struct gr_census *c, uintptr_t p)
{
	/* glibc's chunk: two words before the block. */
	const size_t *chunk = (const size_t *)p - 2;
	size_t bytes = chunk[1] & ~(size_t)CHUNK_HEADER;

	if (chunk[1] & MMAPPED)
		gr_roots_hole(c, (uintptr_t)chunk - chunk[0],
			      (uintptr_t)chunk + bytes);
}

/*
 * Is what was a part of an arena of glibc's one still? One with a block is. The
 * first part stays when its last block is freed, and may be full of old words;
 * it begins with a pointer to what follows that.
 */
static bool
is_arena(struct gr_census *c, uintptr_t base)
{
	uintptr_t next = gr_heap_next(c->heap, base);
	const uintptr_t *first;

	if (next && next - base < ARENA_BYTES)
		return ((const size_t *)next)[-1] & OTHER_ARENA;
	return view(c, base, sizeof(*first), true, &first) >= sizeof(*first) &&
	       first && *first - base < ARENA_HEAD;
}

/*
 * All that malloc() has from the kernel. Its blocks are found by the table, and
 * what lies between them is old.
 */
static void
find_heap(struct gr_census *c, struct gr_reach_memory *memory)
{
	const struct goro_heap_table *t = c->heap;
	uintptr_t p = gr_heap_next(t, 0);

	memory->heap_lo = p;
	for (; p; p = gr_heap_next(t, p + 1)) {
		memory->heap_hi = p + t->usable((void *)p);
		hole_block(c, p);
	}
	for (uintptr_t i = 0; i < GORO_HEAP_LEAVES; i++) {
		const struct goro_heap_leaf *leaf = t->leaf[i];
		uintptr_t base = i << GORO_HEAP_LEAF_LOG2;

		if (!leaf)
			continue;
		gr_roots_hole(c, (uintptr_t)leaf, (uintptr_t)(leaf + 1));
		for (uint64_t left = leaf->arenas; left; left &= left - 1) {
			uintptr_t lo = base + ((uintptr_t)__builtin_ctzll(left)
					       << GORO_HEAP_ARENA_LOG2);

			if (is_arena(c, lo))
				gr_roots_hole(c, lo, lo + ARENA_BYTES);
		}
	}
}

/* Blocks of the runtime's own lead from goroutine to goroutine. One that is
 * marked already is not looked into. */
static void
hide_block(struct gr_census *c, const void *p, size_t bytes)
{
	uintptr_t lo, hi;

	if (!c->heap)
		gr_roots_hole(c, (uintptr_t)p, (uintptr_t)p + bytes);
	else if (p && gr_heap_find(c->heap, (uintptr_t)p, &lo, &hi))
		gr_heap_mark(c->heap, lo);
}

static void
hide_blocks(struct gr_census *c)
{
	/* [pair threads] all stand still. */
	for (struct gr_m *m = gr_load_acq(&gr_threads); m; m = m->next)
		hide_block(c, m, sizeof(*m));
	for (uint32_t i = 0; i < gr_procs_ever; i++) {
		const struct gr_timer_heap *h = &gr_procs[i]->timers;

		hide_block(c, gr_procs[i], sizeof(*gr_procs[i]));
		hide_block(c, h->slots, h->room * sizeof(*h->slots));
	}
}

static void
hide_runtime(struct gr_census *c)
{
	/* [pair chunks] [pair slabs] all stand still. */
	for (struct gr_chunk *k = gr_load_acq(&gr_chunks); k; k = k->next) {
		gr_roots_hole(c, (uintptr_t)k->base,
			      (uintptr_t)k->base + k->slots * k->slot_bytes);
		gr_roots_hole(c, (uintptr_t)k,
			      (uintptr_t)(k->words + k->slots));
	}
	for (struct gr_chan_slab *s = gr_load_acq(&gr_chan_slabs); s;
	     s = s->next)
		gr_roots_hole(c, (uintptr_t)s,
			      (uintptr_t)s->base + s->count * s->stride);
	hide_blocks(c);
}

/* AddressSanitizer's notes on memory: terabytes, with no address in them, of
 * which to ask what is there takes seconds. */
static void
hide_shadow(struct gr_census *c)
{
#ifdef GR_ASAN
	size_t scale, offset;

	__asan_get_shadow_mapping(&scale, &offset);
	gr_roots_hole(c, offset, offset + (USER_END >> scale));
#endif
	(void)c;
}

static void
hide_ourselves(struct gr_census *c)
{
	const struct gr_vec *all[] = {
		&c->g,
		&c->obj,
		&c->by_addr,
		&c->by_id,
		&c->maps,
		&c->holes,
		&c->on_stack,
		&c->low,
		&c->world->threads,
		c->proven,
		gr_leak_dropped_all(),
		gr_leak_left_all(),
		&c->reach.g,
		&c->reach.obj,
		&c->reach.link,
		&c->reach.grid,
		&c->reach.ids,
		&c->reach.root,
		&c->reach.work,
		&c->reach.by_place,
		&c->reach.released,
	};

	gr_roots_hole(c, c->own_lo, c->own_hi);
	gr_roots_hole(c, (uintptr_t)c, (uintptr_t)(c + 1));
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		hole_vec(c, all[i]);
}

static void
add_timers(struct gr_census *c)
{
	for (uint32_t i = 0; i < gr_procs_ever; i++) {
		const struct gr_timer_heap *h = &gr_procs[i]->timers;

		gr_reach_add_root(&c->reach, (uintptr_t)h->slots,
				  (uintptr_t)(h->slots + h->n));
	}
	/* [pair threads] what a callback has put off. */
	for (struct gr_m *m = gr_load_acq(&gr_threads); m; m = m->next)
		gr_reach_add_root(&c->reach, (uintptr_t)&m->deferred,
				  (uintptr_t)(&m->deferred + 1));
}

void
gr_roots_init(struct gr_census *c, struct gr_reach_memory *ret)
{
	c->maps = GR_VEC(struct gr_roots_map);
	c->holes = GR_VEC(struct gr_reach_span);
	c->on_stack = GR_VEC(struct gr_roots_on_stack);
	c->low = GR_VEC(struct gr_reach_span);
	c->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	c->heap = gr_heap_table();
	*ret = (struct gr_reach_memory){
		.view = view, .block = block, .mark = mark, .arg = c
	};
	if (c->heap)
		find_heap(c, ret);
}

void
gr_roots_add(struct gr_census *c)
{
	if (c->reach.failed)
		return;
	hide_runtime(c);
	add_timers(c);
	for (size_t i = 0; i < c->extra.n; i++) {
		const struct gr_reach_span *s = gr_vec_at(
			&c->extra, struct gr_reach_span, i);

		gr_reach_add_root(&c->reach, s->lo, s->hi);
	}
	/* Room for what follows, so that nothing of ours moves any more. */
	gr_vec_reserve(&c->maps, 4096);
	gr_vec_reserve(&c->holes, 4096 + 32);
	hide_shadow(c);
	hide_ourselves(c);
	gr_roots_read_maps(c);
	for (size_t i = 0; i < c->low.n; i++) {
		const struct gr_reach_span *low = gr_vec_at(
			&c->low, struct gr_reach_span, i);

		gr_roots_trim_stack(c, low->lo, low->hi);
	}
	for (size_t i = 0; i < c->maps.n; i++) {
		const struct gr_roots_map *m = gr_vec_at(
			&c->maps, struct gr_roots_map, i);

		if (m->heap && c->heap && !c->heap->foreign_break)
			gr_roots_hole(c, m->lo, m->hi);
	}
	gr_roots_add_maps(c);
}

void
gr_roots_unmark(struct gr_census *c)
{
	if (!c->heap)
		return;
	gr_heap_unmark_all(c->heap);
	hide_blocks(c);
}

void
gr_roots_fini(struct gr_census *c)
{
	if (c->heap)
		gr_heap_unmark_all(c->heap);
	if (c->pagemap >= 0)
		close(c->pagemap);
	gr_vec_fini(&c->maps);
	gr_vec_fini(&c->holes);
	gr_vec_fini(&c->on_stack);
	gr_vec_fini(&c->low);
}
