/* SPDX-License-Identifier: MIT */
/*
 * leak/heap.h - which addresses are heap blocks: the side table of malloc()
 *
 * Idea       A library that is preloaded stands before malloc() and notes, in
 *            a bitmap, where each block begins: a bit for 16 bytes, so two
 *            bits of bookkeeping for the smallest block. How long one is the
 *            allocator knows. Nothing is stored that could be wrong: a block
 *            that is freed is no block any more, and never looked into.
 * Found by   a call that other allocators refuse: malloc_info() with options
 *            that are not 0. It needs no symbol, so static programs link.
 * Without    the table the heap is memory like any other: all of it is a
 *            root. That proves less, and is as true.
 */
#ifndef GR_LEAK_HEAP_H
#define GR_LEAK_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GORO_HEAP_OPTIONS 0x676f726f /* "goro" */
#define GORO_HEAP_VERSION 2

enum {
	GORO_HEAP_GRAIN_LOG2 = 4,
	GORO_HEAP_LEAF_LOG2 = 30, /* bytes of heap that a leaf stands for */
	GORO_HEAP_SPAN_LOG2 = 16, /* and a bit of its summary */
	GORO_HEAP_ARENA_LOG2 = 26, /* glibc's HEAP_MAX_SIZE; aligned to that */
	GORO_HEAP_ADDRESS_LOG2 = 47,
	GORO_HEAP_LEAVES = 1 << (GORO_HEAP_ADDRESS_LOG2 - GORO_HEAP_LEAF_LOG2),
	GORO_HEAP_WORDS = 1 << (GORO_HEAP_LEAF_LOG2 - GORO_HEAP_GRAIN_LOG2 - 6),
	GORO_HEAP_SUMMARY = 1
			    << (GORO_HEAP_LEAF_LOG2 - GORO_HEAP_SPAN_LOG2 - 6),
};

struct goro_heap_leaf {
	uint64_t begins[GORO_HEAP_WORDS];    /* [pair heap-bit] */
	uint64_t marked[GORO_HEAP_WORDS];    /* the check's own */
	uint64_t summary[GORO_HEAP_SUMMARY]; /* a span had a block, once */
	uint64_t arenas; /* bits: it was in an arena of glibc's, not the main */
};

struct goro_heap_table {
	uint32_t version;
	/* The program itself moves the break, so not all behind it is ours;
	 * [relaxed] only ever set. */
	uint32_t foreign_break;
	size_t (*usable)(void *block); /* takes no lock */
	uint64_t largest; /* block there ever was; [relaxed] only ever raised */
	/* [pair heap-leaf] */
	struct goro_heap_leaf *leaf[GORO_HEAP_LEAVES];
};

/* --- heap.c: reading it, while everybody stands still --------------------- */

/* The table of this process, or NULL. */
struct goro_heap_table *gr_heap_table(void);

/* The block that holds @at; false: none does. */
bool gr_heap_find(const struct goro_heap_table *t, uintptr_t at,
		  uintptr_t *ret_lo, uintptr_t *ret_hi);
/* Mark a block that gr_heap_find() gave; false: it is marked. */
bool gr_heap_mark(struct goro_heap_table *t, uintptr_t lo);
void gr_heap_unmark_all(struct goro_heap_table *t);
/* The first block at or behind @at; 0: there is none. */
uintptr_t gr_heap_next(const struct goro_heap_table *t, uintptr_t at);

#endif
