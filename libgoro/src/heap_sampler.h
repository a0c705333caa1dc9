/* SPDX-License-Identifier: MIT */
/*
 * heap_sampler.h - between malloc() and the heap profile
 *
 * Idea       A library that is preloaded stands before malloc() and counts the
 *            bytes that each thread asks for. When a distance is used up that
 *            was drawn at random, the block is a sample, and the runtime is
 *            told (profile_heap.c), which knows goroutines and walks stacks.
 *            The library itself knows nothing: without hooks it is malloc().
 * Samples    begin at a page, or 16 bytes behind one, where glibc has the
 *            blocks that it maps: by that free() tells from an address that
 *            127 of 128 blocks are none, and need no look-up.
 * Found by   malloc_info() with options that other allocators refuse, as
 *            leak/heap.h.
 */
#ifndef GR_HEAP_SAMPLER_H
#define GR_HEAP_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "code.h"

#define GORO_SAMPLER_OPTIONS 0x73616d70 /* "samp" */
#define GORO_SAMPLER_VERSION 1
/* Of an address; 0: it may be that of a sample. */
#define GORO_SAMPLER_MASK ((uintptr_t)4095 & ~(uintptr_t)16)

/* A thread's, zero when it starts. */
struct goro_sampler_thread {
	uint64_t left;   /* bytes that are no sample yet */
	uint64_t random; /* 0: nothing was drawn yet */
	struct gr_own_stack stack;
};

/* All of them are called in malloc() and free(): they ask for no memory, take
 * no lock, and leave errno alone. */
struct goro_sampler_hooks {
	/* @bytes are not less than what is left: is this block a sample? What
	 * is left then is drawn anew. */
	bool (*due)(struct goro_sampler_thread *t, size_t bytes);
	/* Here it is, and this is about to be freed. */
	void (*allocated)(struct goro_sampler_thread *t, void *p, size_t bytes);
	void (*freed)(void *p); /* or it was none */
};

struct goro_sampler {
	uint32_t version;
	uintptr_t text; /* in the library, whose frames say nothing */
	/* [pair sampler] NULL: there are no samples. Set once. */
	const struct goro_sampler_hooks *hooks;
};

#endif
