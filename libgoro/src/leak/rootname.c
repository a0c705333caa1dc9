// SPDX-License-Identifier: MIT
/*
 * rootname.c - what a word that all can get at belongs to
 *
 * Only for the report: where nothing is known of it, it is memory.
 */
#include "leak/rootname.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "leak/roots.h"
#include "runtime.h"
#include "sched.h"
#include "stack.h"

enum { THREAD_BYTES = 4096 }; /* glibc's own, above a thread pointer */

static bool
within(uintptr_t at, uintptr_t lo, uintptr_t hi)
{
	return at >= lo && at < hi;
}

static bool
found(struct gr_leak_step *s, enum gr_leak_step_kind kind, uint64_t id)
{
	s->kind = kind;
	s->id = id;
	return true;
}

static const struct gr_roots_map *
map_of(const struct gr_census *c, uintptr_t at)
{
	for (size_t i = 0; i < c->maps.n; i++) {
		const struct gr_roots_map *m = gr_vec_at(
			&c->maps, struct gr_roots_map, i);

		if (within(at, m->lo, m->hi))
			return m;
	}
	return NULL;
}

/* Is it on the stack or in the thread-locals of the thread @tid? */
static bool
name_thread(const struct gr_census *c, struct gr_leak_step *s, uintptr_t sp,
	    uintptr_t tp, int32_t tid)
{
	const struct gr_roots_map *m = map_of(c, s->addr);

	if (within(s->addr, tp - c->tls_bytes, tp + THREAD_BYTES))
		return found(s, GR_LEAK_THREAD_LOCAL, (uint64_t)tid);
	/* A stack is a mapping of its own, with the thread's end on top. */
	if (m && within(sp, m->lo, m->hi) && !gr_stack_chunk_of(sp))
		return found(s, GR_LEAK_THREAD_STACK, (uint64_t)tid);
	return false;
}

static bool
name_runner(const struct gr_census *c, struct gr_leak_step *s)
{
	for (size_t i = 0; i < c->world->threads.n; i++) {
		const struct gr_world_thread *t = gr_vec_at(
			&c->world->threads, struct gr_world_thread, i);

		if (t->gone)
			continue;
		if (within(s->addr, (uintptr_t)t, (uintptr_t)(t + 1)) ||
		    within(s->addr, t->more_lo, t->more_hi))
			return found(s, GR_LEAK_REGISTER, (uint64_t)t->tid);
		if (name_thread(c, s, t->sp, t->tp, t->tid))
			return true;
	}
	return false;
}

static bool
name_caller(const struct gr_census *c, struct gr_leak_step *s)
{
	int32_t tid = (int32_t)syscall(SYS_gettid);

	if (within(s->addr, c->own_lo, c->own_hi))
		return found(s, GR_LEAK_REGISTER, (uint64_t)tid);
	return name_thread(c, s, c->caller_sp,
			   (uintptr_t)__builtin_thread_pointer(), tid);
}

static bool
name_timer(struct gr_leak_step *s)
{
	for (uint32_t i = 0; i < gr_procs_ever; i++) {
		const struct gr_timer_heap *h = &gr_procs[i]->timers;

		if (within(s->addr, (uintptr_t)h->slots,
			   (uintptr_t)(h->slots + h->n)))
			return found(s, GR_LEAK_TIMER, 0);
	}
	return false;
}

/* Beside the stacks there are the goroutines' records. */
static bool
name_argument(struct gr_leak_step *s)
{
	struct gr_chunk *k = gr_stack_chunk_of(s->addr);

	if (!k)
		return false;
	return found(s, GR_LEAK_ARGUMENT,
		     gr_chunk_g(k,
				(s->addr - (uintptr_t)k->base) / k->slot_bytes)
			     ->id);
}

static bool
name_mapping(const struct gr_census *c, struct gr_leak_step *s)
{
	const struct gr_roots_map *m = map_of(c, s->addr);

	if (!m || (!m->data && !m->heap))
		return false;
	return found(s, m->data ? GR_LEAK_DATA : GR_LEAK_HEAP, 0);
}

static bool
name_extra(const struct gr_census *c, struct gr_leak_step *s)
{
	for (size_t i = 0; i < c->extra.n; i++) {
		const struct gr_reach_span *e = gr_vec_at(
			&c->extra, struct gr_reach_span, i);

		if (within(s->addr, e->lo, e->hi))
			return found(s, GR_LEAK_NAMED, 0);
	}
	return false;
}

void
gr_root_name(const struct gr_census *c, struct gr_leak_step *s)
{
	if (!name_timer(s) && !name_argument(s) && !name_runner(c, s) &&
	    !name_caller(c, s) && !name_extra(c, s) && !name_mapping(c, s))
		found(s, GR_LEAK_MEMORY, 0);
}

bool
gr_root_is_variable(const struct gr_census *c, uintptr_t addr)
{
	const struct gr_roots_map *m = map_of(c, addr);

	return m && m->data;
}
