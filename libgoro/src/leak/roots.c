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
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "chan_slab.h"
#include "leak/census.h"
#include "runtime.h"
#include "san.h"
#include "sched.h"
#include "stack.h"
#include "thread.h"

enum {
	RED_ZONE = 128,
	CHUNK_HEADER = 7, /* M_MMAPPED and the like: bits of a size */
	MMAPPED = 2,
	OTHER_ARENA = 4,
	TLS_MAX = 1 << 20,      /* static; more has not been taken right */
	SPARSE_BYTES = 1 << 20, /* worth to ask what of it is there */
};
#define ARENA_BYTES (64ul << 20) /* glibc's HEAP_MAX_SIZE; aligned to that */
#define USER_END (UINT64_C(1) << 47)
#define PAGES_PRESENT (UINT64_C(3) << 62) /* or swapped out */

struct map {
	uintptr_t lo, hi;
	bool root;      /* readable, and somebody may write to it */
	bool anonymous; /* and private: what is not there is zero */
	bool heap, main_stack, readable;
};

struct on_stack {
	const struct gr_g *g;
	uintptr_t sp;
};

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

static void
hole(struct gr_census *c, uintptr_t lo, uintptr_t hi)
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
	hole(c, (uintptr_t)v->p, (uintptr_t)v->p + v->mapped);
}

/*
 * All that malloc() has from the kernel. Its blocks are found by the table, and
 * what lies between them is old.
 */
static void
find_heap(struct gr_census *c, struct gr_reach_memory *memory)
{
	const struct goro_heap_table *t = c->heap;
	uintptr_t p = gr_heap_next(t, 0), arena = 0;

	memory->heap_lo = p;
	for (; p; p = gr_heap_next(t, p + 1)) {
		/* glibc's chunk: two words before the block. */
		const size_t *chunk = (const size_t *)p - 2;
		size_t bytes = chunk[1] & ~(size_t)CHUNK_HEADER;

		memory->heap_hi = p + t->usable((void *)p);
		if (chunk[1] & MMAPPED)
			hole(c, (uintptr_t)chunk - chunk[0],
			     (uintptr_t)chunk + bytes);
		else if ((chunk[1] & OTHER_ARENA) &&
			 (p & ~(ARENA_BYTES - 1)) != arena) {
			arena = p & ~(ARENA_BYTES - 1);
			hole(c, arena, arena + ARENA_BYTES);
		}
	}
	for (size_t i = 0; i < GORO_HEAP_LEAVES; i++)
		if (t->leaf[i])
			hole(c, (uintptr_t)t->leaf[i],
			     (uintptr_t)(t->leaf[i] + 1));
}

/* Blocks of the runtime's own lead from goroutine to goroutine. */
static void
hide_block(struct gr_census *c, const void *p, size_t bytes)
{
	uintptr_t lo, hi;

	if (!c->heap)
		hole(c, (uintptr_t)p, (uintptr_t)p + bytes);
	else if (p && gr_heap_find(c->heap, (uintptr_t)p, &lo, &hi))
		gr_heap_mark(c->heap, lo);
}

static void
hide_runtime(struct gr_census *c)
{
	/* [pair chunks] [pair slabs] [pair threads] all stand still. */
	for (struct gr_chunk *k = gr_load_acq(&gr_chunks); k; k = k->next) {
		hole(c, (uintptr_t)k->base,
		     (uintptr_t)k->base + k->slots * k->slot_bytes);
		hole(c, (uintptr_t)k, (uintptr_t)(k->words + k->slots));
	}
	for (struct gr_chan_slab *s = gr_load_acq(&gr_chan_slabs); s;
	     s = s->next)
		hole(c, (uintptr_t)s,
		     (uintptr_t)s->base + s->count * s->stride);
	for (struct gr_m *m = gr_load_acq(&gr_threads); m; m = m->next)
		hide_block(c, m, sizeof(*m));
	for (uint32_t i = 0; i < gr_procs_ever; i++) {
		const struct gr_timer_heap *h = &gr_procs[i]->timers;

		hide_block(c, gr_procs[i], sizeof(*gr_procs[i]));
		hide_block(c, h->slots, h->room * sizeof(*h->slots));
	}
}

/* AddressSanitizer's notes on memory: terabytes, with no address in them, of
 * which to ask what is there takes seconds. */
static void
hide_shadow(struct gr_census *c)
{
#ifdef GR_ASAN
	size_t scale, offset;

	__asan_get_shadow_mapping(&scale, &offset);
	hole(c, offset, offset + (USER_END >> scale));
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

	hole(c, c->own_lo, c->own_hi);
	hole(c, (uintptr_t)c, (uintptr_t)(c + 1));
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		hole_vec(c, all[i]);
}

/* --- Threads -------------------------------------------------------------- */

static const struct gr_m *
m_of(int32_t tid)
{
	struct gr_m *m = gr_load_acq(&gr_threads); /* [pair threads] */

	while (m && m->tid != tid)
		m = m->next;
	return m;
}

/* Does it sleep for want of work? Then its stack and registers have nothing of
 * the program's but old words, as the stack of a thread which runs a goroutine
 * elsewhere: what a scheduler does for others it does to the end. */
static bool
is_idle(const struct gr_m *m)
{
	uint32_t status;

	if (m->g)
		return false;
	if (!m->p)
		return gr_load_acq(&m->resting); /* [pair rest] */
	status = gr_load_acq(&m->p->status);     /* [pair p-status] */
	return status == GR_P_IDLE || status == GR_P_OFF;
}

/*
 * Is it worth to wait a moment? A worker that looks for work may have a timer in
 * hand, so all that it has counts, and most of that is old; one that is being
 * started has its creator's registers. If nobody works, they will soon sleep.
 */
bool
gr_roots_would_settle(const struct gr_world *w)
{
	int workers = gr_m_self() ? 1 : 0, restless = 0;

	for (size_t i = 0; i < w->threads.n; i++) {
		const struct gr_world_thread *t = gr_vec_at(
			&w->threads, struct gr_world_thread, i);
		const struct gr_m *m = t->gone ? NULL : m_of(t->tid);

		if (!m)
			continue;
		workers++;
		if (!gr_stack_chunk_of(t->sp))
			restless += !is_idle(m);
		else if (!m->section_depth)
			return false;
	}
	return restless || workers != gr_threads_alive();
}

/* Somebody runs at @sp; on the thread @m of the runtime, unless it is NULL. */
static void
add_runner(struct gr_census *c, uintptr_t sp, uintptr_t tp,
	   const struct gr_m *m)
{
	struct gr_chunk *k = gr_stack_chunk_of(sp);
	struct gr_reach_span *low;
	struct on_stack *on;

	if (k && (on = gr_vec_push(&c->on_stack)))
		*on = (struct on_stack){ gr_chunk_g(k,
						    (sp - (uintptr_t)k->base) /
							    k->slot_bytes),
					 sp - RED_ZONE };
	if (gr_world_is_own(tp) || (m && (k || is_idle(m))))
		sp = tp - c->tls_bytes + RED_ZONE;
	else if (k)
		return; /* the thread's own stack is a root as a whole */
	if ((low = gr_vec_push(&c->low)))
		*low = (struct gr_reach_span){ sp - RED_ZONE, tp };
}

/* How far the static thread-local storage reaches below a thread pointer. */
static uintptr_t
tls_bytes(void)
{
	const struct gr_m *m = gr_load_acq(&gr_threads); /* [pair threads] */

	for (; m; m = m->next) {
		uintptr_t bytes = m->tls_hi - GR_TLS_ABOVE - m->tls_lo;

		if (m->tls_hi && bytes < TLS_MAX)
			return bytes;
	}
	return TLS_MAX; /* then nothing is trimmed */
}

void
gr_roots_threads(struct gr_census *c, const struct gr_regs *here)
{
	const struct gr_m *self = gr_m_self();
	uintptr_t sp = here->r[GR_REG_SP], alt;
	stack_t ours;

	c->tls_bytes = tls_bytes();
	c->caller = self ? self->g : NULL;
	for (size_t i = 0; i < c->world->threads.n; i++) {
		const struct gr_world_thread *t = gr_vec_at(
			&c->world->threads, struct gr_world_thread, i);
		const struct gr_m *m = t->gone ? NULL : m_of(t->tid);

		if (t->gone)
			continue;
		add_runner(c, t->sp, t->tp, m);
		if (!gr_world_is_own(t->tp) && !(m && is_idle(m))) {
			gr_reach_add_root(&c->reach, (uintptr_t)&t->regs,
					  (uintptr_t)(&t->regs + 1));
			gr_reach_add_root(&c->reach, t->more_lo, t->more_hi);
		}
		if (t->sp < t->alt_lo || t->sp >= t->alt_hi)
			hole(c, t->alt_lo, t->alt_hi);
	}
	for (unsigned i = 0; (alt = gr_world_aside(i)); i++)
		add_runner(c, alt - 1, alt, NULL);
	add_runner(c, sp, (uintptr_t)__builtin_thread_pointer(), self);
	alt = !sigaltstack(NULL, &ours) ? (uintptr_t)ours.ss_sp : 0;
	if (alt && sp - alt >= ours.ss_size)
		hole(c, alt, alt + ours.ss_size);
	gr_reach_add_root(&c->reach, (uintptr_t)here->r,
			  (uintptr_t)(here->r + GR_REGS));
}

/* Where the part of its stack that is in use begins. */
uintptr_t
gr_roots_stack_pointer(const struct gr_census *c, const struct gr_g *g)
{
	for (size_t i = 0; i < c->on_stack.n; i++) {
		struct on_stack *on = gr_vec_at(&c->on_stack, struct on_stack,
						i);

		if (on->g == g)
			return on->sp;
	}
	return (uintptr_t)g->sp & ~(uintptr_t)7;
}

/* --- Mappings ------------------------------------------------------------- */

static bool
path_is(const struct gr_mapping *mp, const char *s)
{
	return mp->path_bytes == strlen(s) && !memcmp(mp->path, s, strlen(s));
}

static void
read_maps(struct gr_census *c)
{
	struct gr_mapping mp;

	if (!gr_maps_open(&c->lines)) {
		c->reach.failed = true;
		return;
	}
	while (gr_maps_next(&c->lines, &mp)) {
		struct map *m = gr_vec_push(&c->maps);
		bool named = mp.path_bytes && mp.path[0] != '[';

		if (!m) {
			c->reach.failed = true;
			continue;
		}
		*m = (struct map){
			.lo = mp.start,
			.hi = mp.end,
			.readable = mp.readable,
			.anonymous = !named,
			.heap = path_is(&mp, "[heap]"),
			.main_stack = path_is(&mp, "[stack]"),
		};
		/* What is protected from writing now need not always be so,
		 * but of a file it is the file's. */
		m->root = mp.readable && (mp.writable || !named) &&
			  !path_is(&mp, "[vvar]") && !path_is(&mp, "[vdso]") &&
			  !path_is(&mp, "[vsyscall]");
	}
}

/*
 * What lies below a thread's stack pointer is dead. But where does the stack
 * end, and other memory begin? glibc puts a guard below a stack and the
 * thread's control block above it; anything else is left alone.
 */
static void
trim_stack(struct gr_census *c, uintptr_t sp, uintptr_t tp)
{
	for (size_t i = 0; i < c->maps.n; i++) {
		struct map *m = gr_vec_at(&c->maps, struct map, i);
		bool guarded = i && m[-1].hi == m->lo && !m[-1].readable;

		if (sp < m->lo || sp >= m->hi)
			continue;
		if (m->main_stack || (guarded && tp > sp && tp < m->hi))
			hole(c, m->lo, sp);
		return;
	}
}

static void
sort_holes(struct gr_census *c)
{
	struct gr_reach_span *v = gr_vec_at(&c->holes, struct gr_reach_span, 0);

	/* Shell's sort: few, and mostly in order. */
	for (size_t gap = c->holes.n / 2; gap; gap /= 2)
		for (size_t i = gap; i < c->holes.n; i++) {
			struct gr_reach_span x = v[i];
			size_t k = i;

			for (; k >= gap && v[k - gap].lo > x.lo; k -= gap)
				v[k] = v[k - gap];
			v[k] = x;
		}
}

/* Of a large, sparse mapping only the pages that are there: a look at the
 * others would make them be there. */
static void
add_present(struct gr_census *c, uintptr_t lo, uintptr_t hi)
{
	uint64_t *page = (uint64_t *)c->window;
	enum { PAGES = sizeof(c->window) / sizeof(*page) };

	while (lo < hi) {
		size_t n = GR_MIN((hi - lo) / GR_PAGE, (size_t)PAGES);
		ssize_t got = pread(c->pagemap, page, n * sizeof(*page),
				    (off_t)(lo / GR_PAGE * sizeof(*page)));

		if (got != (ssize_t)(n * sizeof(*page))) {
			gr_reach_add_root(&c->reach, lo, hi);
			return;
		}
		for (size_t i = 0, k; i < n; i = k) {
			bool there = page[i] & PAGES_PRESENT;

			for (k = i + 1;
			     k < n && !!(page[k] & PAGES_PRESENT) == there; k++)
				;
			if (there)
				gr_reach_add_root(&c->reach, lo + i * GR_PAGE,
						  lo + k * GR_PAGE);
		}
		lo += n * GR_PAGE;
	}
}

static void
add_span(struct gr_census *c, const struct map *m, uintptr_t lo, uintptr_t hi)
{
	if (m->anonymous && hi - lo >= SPARSE_BYTES && c->pagemap >= 0 &&
	    lo % GR_PAGE == 0 && hi % GR_PAGE == 0)
		add_present(c, lo, hi);
	else
		gr_reach_add_root(&c->reach, lo, hi);
}

static void
add_maps(struct gr_census *c)
{
	const struct gr_reach_span *v = gr_vec_at(&c->holes,
						  struct gr_reach_span, 0);
	size_t first = 0;

	for (size_t i = 0; i < c->maps.n; i++) {
		const struct map *m = gr_vec_at(&c->maps, struct map, i);
		uintptr_t at = m->lo;

		if (!m->root)
			continue;
		/* Holes may overlap, so only what ends before is past. */
		while (first < c->holes.n && v[first].hi <= m->lo)
			first++;
		for (size_t k = first; k < c->holes.n && v[k].lo < m->hi; k++) {
			if (v[k].hi <= at)
				continue;
			if (v[k].lo > at)
				add_span(c, m, at, v[k].lo);
			at = v[k].hi;
		}
		if (at < m->hi)
			add_span(c, m, at, m->hi);
	}
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
	c->maps = GR_VEC(struct map);
	c->holes = GR_VEC(struct gr_reach_span);
	c->on_stack = GR_VEC(struct on_stack);
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
	read_maps(c);
	for (size_t i = 0; i < c->low.n; i++) {
		const struct gr_reach_span *low = gr_vec_at(
			&c->low, struct gr_reach_span, i);

		trim_stack(c, low->lo, low->hi);
	}
	for (size_t i = 0; i < c->maps.n; i++) {
		const struct map *m = gr_vec_at(&c->maps, struct map, i);

		if (m->heap && c->heap && !c->heap->foreign_break)
			hole(c, m->lo, m->hi);
	}
	sort_holes(c);
	add_maps(c);
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
