/* SPDX-License-Identifier: MIT */
/*
 * census.h - this process as the check sees it: who waits, for what, and which
 * memory those who run can get at
 *
 * Idea       Everybody stands still; what is read here is as true as the
 *            instant. A thread may have been stopped inside the runtime, with
 *            something half done: then the goroutines that it has in hand are
 *            not in the state WAITING, or are in no queue, and count as live.
 * Live       All that are not parked without a deadline on a channel, a select
 *            or a lock: those that run or could, sleep, wait for I/O, are in a
 *            blocking section, and parks of any kind that is not known here.
 * Roots      the stacks, registers and thread-locals of all threads; the data
 *            of all modules; every other mapping that can be written to;
 *            timers that are armed; what goro_leak_root() has named.
 * No roots   what the runtime keeps to itself (stacks, channels, its timers'
 *            heaps); blocks of malloc() where the side table tells them; the
 *            part of a stack that is not in use.
 * Not seen   what the kernel keeps for the program (epoll's user data), and
 *            what is not an address: goro_leak_root() again.
 */
#ifndef GR_LEAK_CENSUS_H
#define GR_LEAK_CENSUS_H

#include "arch/regs.h"
#include "leak/heap.h"
#include "leak/reach.h"
#include "leak/world.h"
#include "modules.h"

struct goro_chan;
struct gr_g;

/* Beside the goroutine of the same index in `reach`. */
struct gr_census_g {
	struct gr_g *g;
	uint64_t id, word;
	bool parked; /* where only others' doing can wake it */
};

/* Beside the object of the same index. */
struct gr_census_obj {
	uintptr_t addr;
	uint64_t owner; /* of a lock: an id, 0 none or several */
	uint8_t reason; /* enum goro_abi_reason: what sort of a thing it is */
	bool ended;     /* a goroutine has ended without giving it back */
	bool told;      /* of a channel: see hints.c */
};

struct gr_census {
	struct gr_reach reach;
	struct gr_world *world;
	struct goro_heap_table *heap; /* NULL: all of the heap is a root */
	struct gr_vec g;              /* struct gr_census_g */
	struct gr_vec obj;            /* struct gr_census_obj */
	struct gr_vec by_addr, by_id; /* uint32_t: index + 1, by hash */
	struct gr_vec extra;          /* struct gr_reach_span: named roots */
	const struct gr_vec *proven;  /* the check's own: no root */
	const struct gr_g *caller;    /* the goroutine that checks, or NULL */
	bool caller_ended;            /* its function has returned */
	uint32_t unsettled; /* that may be inside of a lock's operation */

	/* roots.c */
	struct gr_vec maps, holes, on_stack, low;
	struct gr_maps lines;
	uintptr_t own_lo, own_hi; /* the stack that the check runs on */
	uintptr_t tls_bytes, caller_sp;
	int pagemap;
	uintptr_t window[8192]; /* what was copied to be scanned */
};

/* @c is zeroed but for `world`, `extra`, `proven`, `caller_ended` and `own_*`. @here: where the check was
 * called, by somebody who runs on. False: no memory. */
bool gr_census_take(struct gr_census *c, const struct gr_regs *here);
void gr_census_fini(struct gr_census *c);

/* The goroutine of that id; GR_REACH_NONE: it has ended. */
uint32_t gr_census_by_id(const struct gr_census *c, uint64_t id);
/* What @g waits for first; GR_REACH_NONE: nothing that is known. */
uint32_t gr_census_obj_at(const struct gr_census *c, uintptr_t addr);

static inline struct gr_census_g *
gr_census_g(const struct gr_census *c, uint32_t i)
{
	return gr_vec_at(&c->g, struct gr_census_g, i);
}

static inline struct gr_census_obj *
gr_census_obj(const struct gr_census *c, uint32_t i)
{
	return gr_vec_at(&c->obj, struct gr_census_obj, i);
}

/* owners.c: when all are known who wait. */
void gr_census_add_owners(struct gr_census *c);

/* roots.c: the memory that is scanned, and how. */
void gr_roots_init(struct gr_census *c, struct gr_reach_memory *ret);
bool gr_roots_would_settle(const struct gr_world *w);
void gr_roots_threads(struct gr_census *c, const struct gr_regs *here);
uintptr_t gr_roots_stack_pointer(const struct gr_census *c,
				 const struct gr_g *g);
void gr_roots_add(struct gr_census *c);
/* As it was before gr_reach_run(). */
void gr_roots_unmark(struct gr_census *c);
void gr_roots_fini(struct gr_census *c);

#endif
