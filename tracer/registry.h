/* SPDX-License-Identifier: MIT */
/*
 * registry.h - the runtime's lists: stack chunks, threads, channel slabs
 *
 * Every walk is bounded, and a list that goes round is found out. A list with
 * a bad node is used up to that node; `ret` is filled and the error says what
 * is wrong with the rest.
 */
#ifndef GT_REGISTRY_H
#define GT_REGISTRY_H

#include <stdint.h>

#include "abi_reader.h"
#include "target.h"

enum {
	GT_CHUNKS_MAX = 1 << 16,
	GT_CHUNK_SLOTS_MAX = 1 << 20,
	GT_THREADS_MAX = 1 << 16,
	GT_SLABS_MAX = 1 << 16,
	GT_SLAB_COUNT_MAX = 1 << 20,
};

struct gt_chunk {
	uint64_t base, slot_bytes, slots, carved, words;
};
struct gt_chunks {
	struct gt_chunk *v;
	size_t n;
};

struct gt_thread {
	int tid;
	uint64_t addr; /* of its structure */
	uint64_t g;    /* the record of the goroutine on it, or 0 */
};
struct gt_threads {
	struct gt_thread *v;
	size_t n;
};

struct gt_slab {
	uint64_t base, stride, count, carved;
};
struct gt_slabs {
	struct gt_slab *v;
	size_t n;
};

/* free(ret->v) when done, in any case. */
struct gt_error *gt_registry_chunks(struct gt_target *t,
				    const struct gt_abi *abi,
				    struct gt_chunks *ret);
struct gt_error *gt_registry_threads(struct gt_target *t,
				     const struct gt_abi *abi,
				     struct gt_threads *ret);
struct gt_error *gt_registry_slabs(struct gt_target *t,
				   const struct gt_abi *abi,
				   struct gt_slabs *ret);

/* Where slot @i of a chunk has its state word and its record (abi.h). */
static inline uint64_t
gt_chunk_word(const struct gt_abi *abi, const struct gt_chunk *c, uint64_t i)
{
	return c->words + 8 * ((i * abi->t.chunk.word_stride) & (c->slots - 1));
}

static inline uint64_t
gt_chunk_record(const struct gt_abi *abi, const struct gt_chunk *c, uint64_t i)
{
	return c->base + (i + 1) * c->slot_bytes -
	       (i % abi->t.chunk.colours) * abi->t.chunk.colour_bytes -
	       abi->t.g.bytes;
}

#endif
