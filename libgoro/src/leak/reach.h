/* SPDX-License-Identifier: MIT */
/*
 * reach.h - what can still be woken: the proof behind a leak
 *
 * Idea       A goroutine that is parked on a channel or a lock can only be
 *            woken by somebody who has the address of that object. Whoever
 *            may run has only addresses that lie in memory it can get at. So
 *            mark from all that may run, as a garbage collector does, and let
 *            each parked goroutine whose object is marked run too, its stack
 *            included; those that are left when nothing more happens can
 *            never go on. As in Go's leak profile (GOLF), but for three
 *            things: one worklist instead of a round for each link of a
 *            chain, owners of locks, and C's conservative words.
 * Locks      Only its owner unlocks a lock. One that waits for it is live if
 *            the lock is marked and all its owners are live; so two that wait
 *            for each other are found even where the locks are global.
 * Queues     A lock or channel points to those who wait for it, and would
 *            keep alive what it is to prove dead: words that point to a
 *            goroutine's waiters are passed over.
 * Proof      Suppose that of those left, g is the first to be woken, by w. At
 *            the snapshot w was live, or was started by one that was, and
 *            knows g's object. None of those left has run since, so w has the
 *            address from memory that live ones could get at; the marking
 *            went there, so g was marked. With locks w is the owner: live, so
 *            g was released. Hence the verdict stays true for ever.
 * Words      An address that a program keeps lies in memory as a whole,
 *            aligned, untransformed word, in memory that is scanned. Programs
 *            that hide one otherwise must name it: goro_leak_root().
 * Memory     that is looked at comes through struct gr_reach_memory, so the
 *            same code serves inside the process and on a copy of another.
 *            Its own is by mmap() (vec.h). O(bytes scanned + waiters) time.
 * Files      reach.c builds, places.c finds locks by where they lie, mark.c
 *            marks, path.c says how something was reached.
 * Not here   which memory is a root, who waits for what: world.h, census.h
 */
#ifndef GR_LEAK_REACH_H
#define GR_LEAK_REACH_H

#include "leak/vec.h"

/* The memory that is scanned. */
struct gr_reach_memory {
	/* Words from @addr on: how many bytes of them, at most @bytes and at
	 * least one word's. *ret is NULL where they cannot be read and are to
	 * be passed over. @root: what is said to be there need not be. */
	size_t (*view)(void *arg, uintptr_t addr, size_t bytes, bool root,
		       const uintptr_t **ret);
	/* The heap block that @addr points into; false: into none. */
	bool (*block)(void *arg, uintptr_t addr, uintptr_t *ret_lo,
		      uintptr_t *ret_hi);
	/* Mark the block that begins at @lo; false: it was. */
	bool (*mark)(void *arg, uintptr_t lo);
	void *arg;
	/* All blocks lie in here; both 0: there is no telling heap blocks,
	 * and what would be one is a root. */
	uintptr_t heap_lo, heap_hi;
};

#define GR_REACH_NONE UINT32_MAX

/* A span of memory that is scanned from the start. */
struct gr_reach_span {
	uintptr_t lo, hi;
};

/* Places of one size, in a row: the stacks of a chunk, the channels of a
 * slab. `id` has a goroutine's or an object's index for each, or NONE. */
struct gr_reach_grid {
	uintptr_t lo, hi;
	uintptr_t each;
	size_t ids; /* index of its first in `ids` */
	bool stacks;
};

struct gr_reach_g {
	uintptr_t lo, hi;           /* what of its stack is in use */
	uintptr_t hide_lo, hide_hi; /* its waiters, on that stack */
	uint32_t owns;              /* list of links, to objects */
	uint32_t by;                /* what released it: an object, or NONE */
	bool live;
	bool runs;   /* live from the start */
	bool lost;   /* known never to go on */
	bool marked; /* its stack */
	bool wanted; /* to be explained */
};

/* What can be waited for. */
struct gr_reach_obj {
	uintptr_t lo, hi;              /* where it lies */
	struct gr_reach_span items[2]; /* what a channel's buffer holds */
	uint32_t waiters;              /* list of links, to goroutines */
	uint32_t owners;  /* that are not live; 0 for what has no owner */
	uint32_t holders; /* those, before anybody was released */
	bool channel;     /* found by its grid, not by where it lies */
	bool marked;
};

struct gr_reach_link {
	uint32_t to, next;
};

/* How something was marked: the word that pointed there. */
struct gr_reach_why {
	uintptr_t what; /* where the block, stack or channel begins */
	uintptr_t from; /* of a stack that was released, what did so; 0: nothing,
			 * it was live from the start */
};

struct gr_reach {
	struct gr_reach_memory memory;
	struct gr_vec g, obj, link, grid, ids, root;
	struct gr_vec by_place; /* objects that are no channels, by address */
	struct gr_vec work;     /* spans to scan */
	struct gr_vec released; /* goroutines to scan */
	size_t work_at; /* the next of them, when the ways are to be short */
	struct gr_vec why;
	bool explain;    /* keep `why` */
	uint64_t wanted; /* that are still to be released */
	uintptr_t at;    /* the word that is looked at, or 0 */
	uintptr_t grid_lo, grid_hi;
	uint64_t scanned; /* bytes */
	bool failed;      /* out of memory: there is no verdict */
	bool measuring;   /* the verdict stands: nobody is released any more */
	/* Which pages hold objects, by a hash: most blocks hold none. */
	uint64_t pages[1024];
};

void gr_reach_init(struct gr_reach *r, const struct gr_reach_memory *memory);
void gr_reach_fini(struct gr_reach *r);

/* Build: goroutines and objects are known by the index that is returned. */
uint32_t gr_reach_add_g(struct gr_reach *r, const struct gr_reach_g *g);
uint32_t gr_reach_add_obj(struct gr_reach *r, const struct gr_reach_obj *o);
void gr_reach_add_root(struct gr_reach *r, uintptr_t lo, uintptr_t hi);
/* @g waits for @obj; for any of them when it is called for several. */
void gr_reach_waits(struct gr_reach *r, uint32_t g, uint32_t obj);
/* @obj is a lock that @g has; GR_REACH_NONE: one that has ended. */
void gr_reach_owns(struct gr_reach *r, uint32_t g, uint32_t obj);
/* @n places; returns the index of the first in `ids`, all NONE. */
size_t gr_reach_add_grid(struct gr_reach *r, uintptr_t lo, uintptr_t each,
			 size_t n, bool stacks);

/* Mark. Goroutines that are `live` beforehand are where it begins. False when
 * memory was short, and nothing is known. */
bool gr_reach_run(struct gr_reach *r);

/* After that: bytes of heap blocks and stack that only @g can get at, and none
 * that this was called for before. */
uint64_t gr_reach_held(struct gr_reach *r, uint32_t g);

/* After that, and as the last: mark anew, breadth first, until each goroutine
 * that is `wanted` is released, and keep how. The caller has unmarked all
 * blocks. False: no memory for it. */
bool gr_reach_explain(struct gr_reach *r);

/* path.c: one step on the way from memory that all can get at. */
enum gr_reach_where {
	GR_REACH_OPEN, /* in no block or stack: a root */
	GR_REACH_BLOCK,
	GR_REACH_STACK,
	GR_REACH_OBJ,
};
struct gr_reach_step {
	enum gr_reach_where where;
	uintptr_t lo, hi; /* OPEN: the word, or the object that lies there */
	uint32_t id;      /* of the goroutine or object */
};

/*
 * After gr_reach_explain(): the way to what released @g, that one first and the
 * root last. What does not fit is left out before the root.
 *
 * Returns how many steps there are; 0: it was not released
 */
size_t gr_reach_path(const struct gr_reach *r, uint32_t g,
		     struct gr_reach_step *ret, size_t room);

/* What @addr lies in, and from where to where that is; GR_REACH_OBJ is none. */
enum gr_reach_where gr_reach_place(const struct gr_reach *r, uintptr_t addr,
				   uintptr_t *ret_lo, uintptr_t *ret_hi);

/* The grid that @addr lies in, or NULL; and what is there, or NONE. */
const struct gr_reach_grid *gr_reach_grid_at(const struct gr_reach *r,
					     uintptr_t addr);

static inline uint32_t *
gr_reach_id_at(const struct gr_reach *r, const struct gr_reach_grid *grid,
	       uintptr_t addr)
{
	return gr_vec_at(&r->ids, uint32_t,
			 grid->ids + (addr - grid->lo) / grid->each);
}

static inline struct gr_reach_g *
gr_reach_g(const struct gr_reach *r, uint32_t i)
{
	return gr_vec_at(&r->g, struct gr_reach_g, i);
}

static inline struct gr_reach_obj *
gr_reach_obj(const struct gr_reach *r, uint32_t i)
{
	return gr_vec_at(&r->obj, struct gr_reach_obj, i);
}

static inline struct gr_reach_link *
gr_reach_link(const struct gr_reach *r, uint32_t i)
{
	return gr_vec_at(&r->link, struct gr_reach_link, i);
}

#endif
