// SPDX-License-Identifier: MIT
/*
 * heap.c - reading malloc()'s side table; see heap.h
 *
 * The first block at or before an address is found by its bit: in the same
 * word most often, else by the summary, so that the middle of a large block is
 * not a long way from its beginning.
 */
#include "leak/heap.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/mman.h>

#define LEAF_BYTES (1ul << GORO_HEAP_LEAF_LOG2)

enum { WORDS_A_SPAN = 1 << (GORO_HEAP_SPAN_LOG2 - GORO_HEAP_GRAIN_LOG2 - 6) };

struct goro_heap_table *
gr_heap_table(void)
{
	struct goro_heap_table *t = NULL;

	if (malloc_info(GORO_HEAP_OPTIONS, (FILE *)&t) || !t ||
	    t->version != GORO_HEAP_VERSION)
		return NULL;
	return t;
}

/* The highest bit of @word at or below @bit, or -1. */
static inline int
highest(uint64_t word, unsigned bit)
{
	word &= UINT64_MAX >> (63 - bit);
	return word ? 63 - __builtin_clzll(word) : -1;
}

static inline int
lowest(uint64_t word, unsigned bit)
{
	word &= UINT64_MAX << bit;
	return word ? __builtin_ctzll(word) : -1;
}

/* The last span before @span that had a block; -1: none. */
static long
span_before(const struct goro_heap_leaf *leaf, long span)
{
	unsigned bit = 63;
	long i;
	int b;

	if (--span < 0)
		return -1;
	bit = span & 63;
	for (i = span >> 6; i >= 0; i--, bit = 63)
		if ((b = highest(leaf->summary[i], bit)) >= 0)
			return i * 64 + b;
	return -1;
}

/* The last block that begins at or before @grain; -1: none in this leaf. */
static long
begin_before(const struct goro_heap_leaf *leaf, uint64_t grain)
{
	long word = (long)(grain >> 6), span = word / WORDS_A_SPAN;
	unsigned bit = grain & 63;
	int b;

	for (; span >= 0; span = span_before(leaf, span)) {
		for (; word >= span * WORDS_A_SPAN; word--, bit = 63)
			if ((b = highest(leaf->begins[word], bit)) >= 0)
				return word * 64 + b;
		word = span_before(leaf, span) * WORDS_A_SPAN + WORDS_A_SPAN -
		       1;
	}
	return -1;
}

bool
gr_heap_find(const struct goro_heap_table *t, uintptr_t at, uintptr_t *ret_lo,
	     uintptr_t *ret_hi)
{
	uintptr_t leaf = at >> GORO_HEAP_LEAF_LOG2;
	uint64_t grain = (at & (LEAF_BYTES - 1)) >> GORO_HEAP_GRAIN_LOG2;
	/* A block may begin in the leaf before; a huge one, further back. */
	long back = 1 + (long)(t->largest >> GORO_HEAP_LEAF_LOG2);

	if (leaf >= GORO_HEAP_LEAVES)
		return false;
	for (;; grain = (LEAF_BYTES >> GORO_HEAP_GRAIN_LOG2) - 1) {
		/* [pair heap-leaf] everybody stands still. */
		const struct goro_heap_leaf *l = t->leaf[leaf];
		long begin = l ? begin_before(l, grain) : -1;

		if (begin >= 0) {
			*ret_lo = leaf * LEAF_BYTES +
				  ((uintptr_t)begin << GORO_HEAP_GRAIN_LOG2);
			*ret_hi = *ret_lo + t->usable((void *)*ret_lo);
			return at < *ret_hi;
		}
		if (!leaf-- || !back--)
			return false;
	}
}

bool
gr_heap_mark(struct goro_heap_table *t, uintptr_t lo)
{
	struct goro_heap_leaf *leaf = t->leaf[lo >> GORO_HEAP_LEAF_LOG2];
	uint64_t grain = (lo & (LEAF_BYTES - 1)) >> GORO_HEAP_GRAIN_LOG2;
	uint64_t bit = UINT64_C(1) << (grain & 63);

	if (leaf->marked[grain >> 6] & bit)
		return false;
	leaf->marked[grain >> 6] |= bit;
	return true;
}

void
gr_heap_unmark_all(struct goro_heap_table *t)
{
	for (size_t i = 0; i < GORO_HEAP_LEAVES; i++)
		if (t->leaf[i])
			/* Fresh zeroes where it was ever touched. */
			madvise(t->leaf[i]->marked, sizeof(t->leaf[i]->marked),
				MADV_DONTNEED);
}

uintptr_t
gr_heap_next(const struct goro_heap_table *t, uintptr_t at)
{
	uintptr_t leaf = at >> GORO_HEAP_LEAF_LOG2;
	uint64_t grain = ((at & (LEAF_BYTES - 1)) +
			  (1 << GORO_HEAP_GRAIN_LOG2) - 1) >>
			 GORO_HEAP_GRAIN_LOG2;

	for (; leaf < GORO_HEAP_LEAVES; leaf++, grain = 0) {
		const struct goro_heap_leaf *l = t->leaf[leaf];
		unsigned bit = grain & 63;

		if (!l)
			continue;
		for (uint64_t i = grain >> 6; i < GORO_HEAP_WORDS;
		     i++, bit = 0) {
			uint64_t span = i / WORDS_A_SPAN;
			int b;

			if (!(l->summary[span >> 6] >> (span & 63) & 1)) {
				i = (span + 1) * WORDS_A_SPAN - 1;
				continue;
			}
			if ((b = lowest(l->begins[i], bit)) >= 0)
				return leaf * LEAF_BYTES +
				       ((i * 64 + (uint64_t)b)
					<< GORO_HEAP_GRAIN_LOG2);
		}
	}
	return 0;
}
