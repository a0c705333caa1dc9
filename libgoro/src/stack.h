/* SPDX-License-Identifier: MIT */
/*
 * stack.h - goroutine stacks: slots in large chunks
 *
 * Idea       A stack is a slot of a chunk of reserved address space; it grows
 *            by being touched, page by page, to the slot's size, and never
 *            moves. Adjacent chunks merge in the kernel's books, so a million
 *            stacks are a handful of mappings.
 * Layout     low                                                        high
 *            | guard page | ... free ... stack | record | colour |
 *            The record (g.h) ends `colour` bytes below the slot's end, 0 to
 *            23 cache lines by slot number: without it, the hot lines of all
 *            goroutines fall into the same sets of the cache (2.7 times
 *            slower at 1,000 goroutines).
 * Sizes      Powers of two from 64 KiB; a class of chunks for each size.
 * Guards     One inaccessible page at the bottom of each slot, see guard.c.
 * Reuse      Last in, first out, so that the warmest pages are used first.
 *            What nobody has needed for a second is trimmed to a page.
 * Locks      class->lock; a P's own cache (sched.h) needs none.
 */
#ifndef GR_STACK_H
#define GR_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "g.h"
#include "lock.h"

enum {
	GR_STACK_MIN_LOG2 = 16,
	GR_STACK_CLASSES = 16, /* 64 KiB .. 2 GiB */
	GR_PAGE = 4096,
	GR_COLOURS = 24,
	GR_COLOUR_BYTES = 64,
	/* Odd, so that it permutes the slots of a chunk: neighbours' state
	 * words lie in different cache lines. */
	GR_WORD_STRIDE = 9,
};
#define GR_STACK_DEFAULT_BYTES ((size_t)256 << 10)
#define GR_STACK_MAIN_BYTES ((size_t)8 << 20) /* as a process's main thread */

struct gr_chunk {
	struct gr_chunk *next; /* in all chunks */
	char *base;
	uint64_t slot_bytes;
	uint64_t slots;  /* a power of two */
	uint64_t carved; /* slots that were ever handed out; [pair carved] */
	uint64_t *words; /* state words, see GR_WORD_STRIDE */
	uint32_t class;
	uint32_t pad;
};

/* Free goroutines of one size, linked by ->next. */
struct gr_freelist {
	struct gr_g *first;
	uint32_t n;
};

extern struct gr_chunk *gr_chunks; /* published with release; [pair chunks] */

unsigned gr_stack_class(size_t bytes);
uint32_t gr_stack_take(unsigned class, struct gr_freelist *to, uint32_t n);
void gr_stack_give(unsigned class, struct gr_freelist *from, uint32_t n);
bool gr_stack_help(void);
int64_t gr_stack_trim(int64_t now_ns);
void gr_stack_release_all(void);
void gr_stack_slot(const struct gr_g *g, char **ret_base, size_t *ret_bytes);
struct gr_chunk *gr_stack_chunk_of(uintptr_t addr);
void gr_g_each(bool (*fn)(struct gr_g *g, uint64_t word, void *arg),
	       void *arg);

static inline size_t
gr_class_bytes(unsigned class)
{
	return (size_t)1 << (GR_STACK_MIN_LOG2 + class);
}

static inline struct gr_g *
gr_chunk_g(const struct gr_chunk *c, uint64_t i)
{
	return (struct gr_g *)(c->base + (i + 1) * c->slot_bytes -
			       (i % GR_COLOURS) * GR_COLOUR_BYTES -
			       sizeof(struct gr_g));
}

static inline uint64_t *
gr_chunk_word(const struct gr_chunk *c, uint64_t i)
{
	return &c->words[(i * GR_WORD_STRIDE) & (c->slots - 1)];
}

/* guard.c */
enum gr_guard {
	GR_GUARD_NONE,    /* no page to be had: a canary word is checked */
	GR_GUARD_PROTECT, /* mprotect: two mappings a guard */
	GR_GUARD_INSTALL, /* MADV_GUARD_INSTALL: no mapping, Linux 6.13 */
};
bool gr_guard_slot(const struct gr_chunk *c, uint64_t slot);
bool gr_guard_intact(const struct gr_g *g, const void *sp);
void gr_guard_init(enum gr_guard best);

#endif
