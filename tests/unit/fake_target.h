/* SPDX-License-Identifier: MIT */
/*
 * fake_target.h - a process with a runtime in it, made of arrays
 *
 * Idea       A target whose memory is one array at FAKE_BASE, with an ELF
 *            image, a note, a debug ABI table, chunks, goroutines, threads and
 *            channels, all where a test can reach and damage them. Nothing of
 *            libgoro is used: what a reader makes of this rests on abi.h alone.
 */
#ifndef FAKE_TARGET_H
#define FAKE_TARGET_H

#include "tracer/abi_reader.h"
#include "tracer/target.h"

#define FAKE_BASE UINT64_C(0x10000000)

enum {
	FAKE_BYTES = 4 << 20,
	FAKE_SLOT_BYTES = 16 << 10,
	FAKE_SLOTS = 64,
	FAKE_COLOURS = 3,
	FAKE_COLOUR_BYTES = 64,
	FAKE_STRIDE = 5,
	FAKE_THREADS = 4,
};

struct fake_chunk {
	uint64_t words, next, base, slot_bytes;
	uint32_t slots, carved;
};

struct fake_g {
	uint64_t sp, id, creator_id, creator_pc, entry, stack_lo, stack_hi;
	uint64_t thread, wait_since, wait_obj, name;
	uint16_t wait_reason, wait_n, flags, pad;
	uint64_t pads[4];
};

struct fake_thread {
	uint64_t next, g;
	int32_t tid, pad;
};

struct fake_slab {
	uint64_t next, base;
	uint32_t stride, count, carved, pad;
};

struct fake_chan {
	uint64_t id, name;
	uint32_t elem_bytes, cap, len;
	uint8_t closed, pad[3];
};

/* Everything at a fixed place, so a test finds it by name. */
struct fake_memory {
	unsigned char elf[4096];
	struct goro_abi_table table;
	uint64_t chunks, slabs, threads; /* the roots */
	struct goro_abi_clock clock;
	char states[GORO_ABI_STATES][GT_ABI_STATE_BYTES];
	char reasons[GORO_WAIT_REASONS][GT_ABI_REASON_BYTES];
	struct fake_chunk chunk[2];
	uint64_t words[2][FAKE_SLOTS];
	struct fake_thread thread[FAKE_THREADS];
	struct fake_slab slab;
	struct fake_chan chan[8];
	char text[256]; /* names */
	unsigned char stacks[2][FAKE_SLOTS * FAKE_SLOT_BYTES]
		__attribute__((aligned(4096)));
};

struct fake {
	struct gt_target target;
	struct fake_memory *mem;
	/* Called before each span is copied: what the program does meanwhile. */
	void (*on_read)(struct fake *f, const struct gt_span *span);
	/* What stopping a thread gives; -errno fails. */
	int (*on_hold)(struct fake *f, int tid, struct gt_regs *ret);
	unsigned reads; /* calls, and what they copied */
	uint64_t read_bytes;
	unsigned held, released;
	bool ended; /* all reads fail from now on */
};

/* A runtime with one empty chunk, no threads and no channels. */
struct fake *fake_create(void);
void fake_destroy(struct fake *f);

/* The address of something in f->mem. */
static inline uint64_t
fake_addr(const struct fake *f, const void *p)
{
	return FAKE_BASE + (uint64_t)((const char *)p - (const char *)f->mem);
}

/* The record of a slot, and its state word. */
struct fake_g *fake_g(struct fake *f, unsigned chunk, unsigned slot);
uint64_t *fake_word(struct fake *f, unsigned chunk, unsigned slot);

/* A goroutine parked with @depth bytes of stack above its saved context; each
 * stack word is @id, the saved PC 0x1000 + id. */
struct fake_g *fake_park(struct fake *f, unsigned chunk, unsigned slot,
			 uint64_t id, unsigned depth);

/* Find the table; fails the test when it is refused. */
void fake_abi(struct fake *f, struct gt_abi *abi);

#endif
