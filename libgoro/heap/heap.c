// SPDX-License-Identifier: MIT
/*
 * heap.c - libgoro-heap: glibc's malloc(), with note taken of where blocks are
 *
 * To be preloaded, which goro-leakcheck does. See leak/heap.h. The forms that
 * are made of these: forms.c.
 *
 * Order      At every instant the content of a live block lies in a block that
 *            is noted, as the threads may be stopped at any: a new one is
 *            noted before its address is handed out, an old one forgotten
 *            before it is freed. realloc() is therefore made of the two, with
 *            the copy between; only a block that need not move stays.
 * Bits       of blocks that share a word are set by atomic or and and. Others'
 *            bits do not matter to us, so nothing is ordered by them: who
 *            reads them all has stopped everybody by a signal.
 * Cost       Two locked instructions for a block from malloc() to free().
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "leak/heap.h"

enum { OTHER_ARENA = 4 }; /* glibc's bit in the size before a block */

#define EXPORT __attribute__((visibility("default")))

/* glibc's own, under the names that nobody interposes. */
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t n, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);
extern void __libc_free(void *p);
extern void *__sbrk(intptr_t bytes);

static struct goro_heap_table table = {
	.version = GORO_HEAP_VERSION,
	.usable = malloc_usable_size,
};

/* The leaf of an address, made when it is the first of its gigabyte. */
static struct goro_heap_leaf *
leaf_of(uintptr_t at)
{
	struct goro_heap_leaf **slot = &table.leaf[at >> GORO_HEAP_LEAF_LOG2];
	/* [pair heap-leaf] acquire: fresh mappings are zero. */
	struct goro_heap_leaf *leaf = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
	struct goro_heap_leaf *mine;

	if (__builtin_expect(leaf != NULL, 1))
		return leaf;
	mine = mmap(NULL, sizeof(*mine), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mine == MAP_FAILED)
		abort(); /* a table with holes would prove what is not true */
	/* [pair heap-leaf] */
	if (__atomic_compare_exchange_n(slot, &leaf, mine, 0, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return mine;
	munmap(mine, sizeof(*mine));
	return leaf;
}

static __attribute__((noinline)) void
note_huge(uint64_t bytes)
{
	/* [relaxed] see "Bits" */
	uint64_t before = __atomic_load_n(&table.largest, __ATOMIC_RELAXED);

	while (bytes > before &&
	       !__atomic_compare_exchange_n(&table.largest, &before, bytes, 0,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/* The first block in a span. */
static __attribute__((noinline)) void
note_span(struct goro_heap_leaf *leaf, uintptr_t at, uint64_t span,
	  uint64_t bit)
{
	uint64_t arena = (at & ((1ul << GORO_HEAP_LEAF_LOG2) - 1)) >>
			 GORO_HEAP_ARENA_LOG2;

	/* [relaxed] see "Bits" */
	__atomic_fetch_or(&leaf->summary[span >> 6], bit, __ATOMIC_RELAXED);
	if (((const size_t *)at)[-1] & OTHER_ARENA)
		__atomic_fetch_or(&leaf->arenas, UINT64_C(1) << arena,
				  __ATOMIC_RELAXED);
}

static inline void *
note(void *p, size_t bytes)
{
	uintptr_t at = (uintptr_t)p;
	struct goro_heap_leaf *leaf;
	uint64_t grain, span, bit;

	if (__builtin_expect(!p, 0))
		return p;
	if (__builtin_expect(bytes >> GORO_HEAP_LEAF_LOG2, 0))
		note_huge(bytes);
	leaf = leaf_of(at);
	grain = (at & ((1ul << GORO_HEAP_LEAF_LOG2) - 1)) >>
		GORO_HEAP_GRAIN_LOG2;
	span = grain >> (GORO_HEAP_SPAN_LOG2 - GORO_HEAP_GRAIN_LOG2);
	bit = UINT64_C(1) << (span & 63);
	/* [relaxed] all of these: see "Bits". */
	if (__builtin_expect(!(__atomic_load_n(&leaf->summary[span >> 6],
					       __ATOMIC_RELAXED) &
			       bit),
			     0))
		note_span(leaf, at, span, bit);
	/* [pair heap-bit] */
	__atomic_fetch_or(&leaf->begins[grain >> 6],
			  UINT64_C(1) << (grain & 63), __ATOMIC_RELAXED);
	return p;
}

static inline void
forget(void *p)
{
	uintptr_t at = (uintptr_t)p;
	struct goro_heap_leaf *leaf = leaf_of(at);
	uint64_t grain = (at & ((1ul << GORO_HEAP_LEAF_LOG2) - 1)) >>
			 GORO_HEAP_GRAIN_LOG2;

	/* [pair heap-bit] [relaxed] see "Bits" */
	__atomic_fetch_and(&leaf->begins[grain >> 6],
			   ~(UINT64_C(1) << (grain & 63)), __ATOMIC_RELAXED);
}

EXPORT void *
malloc(size_t bytes)
{
	return note(__libc_malloc(bytes), bytes);
}

EXPORT void *
calloc(size_t n, size_t bytes)
{
	return note(__libc_calloc(n, bytes), n * bytes);
}

EXPORT void
free(void *p)
{
	if (!p)
		return;
	forget(p);
	__libc_free(p);
}

EXPORT void *
realloc(void *p, size_t bytes)
{
	size_t usable;
	void *new;

	if (!p)
		return malloc(bytes);
	if (!bytes) {
		free(p);
		return NULL;
	}
	usable = malloc_usable_size(p);
	if (bytes <= usable && bytes >= usable / 2)
		return p;
	new = malloc(bytes);
	if (!new)
		return NULL;
	memcpy(new, p, usable < bytes ? usable : bytes);
	free(p);
	return new;
}

EXPORT void *
memalign(size_t alignment, size_t bytes)
{
	return note(__libc_memalign(alignment, bytes), bytes);
}

/* The program's own use of the break; malloc()'s goes past these. */
static void
break_is_shared(void)
{
	__atomic_store_n(&table.foreign_break, 1, __ATOMIC_RELAXED);
}

EXPORT void *
sbrk(intptr_t bytes)
{
	if (bytes)
		break_is_shared();
	return __sbrk(bytes);
}

EXPORT int
brk(void *to)
{
	int (*next)(void *) = (int (*)(void *))dlsym(RTLD_NEXT, "brk");

	break_is_shared();
	return next ? next(to) : -1;
}

/* Where the table is; see leak/heap.h. Other options mean what they did. */
EXPORT int
malloc_info(int options, FILE *to)
{
	int (*next)(int, FILE *);

	if (options == GORO_HEAP_OPTIONS) {
		*(struct goro_heap_table **)to = &table;
		return 0;
	}
	next = (int (*)(int, FILE *))dlsym(RTLD_NEXT, "malloc_info");
	return next ? next(options, to) : EINVAL;
}
