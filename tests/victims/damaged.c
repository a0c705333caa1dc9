// SPDX-License-Identifier: MIT
/*
 * damaged.c - a process whose debug ABI table is not what it should be
 *
 * Has the note and a table of its own, and nothing else of libgoro.
 * Usage: damaged HOW; says "ready" and waits to be killed.
 */
#include <goro/abi.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct chunk {
	struct chunk *next;
	uint64_t base, slot_bytes, slots, carved;
	uint64_t *words;
};

struct g {
	uint64_t sp, id, stack_lo, stack_hi;
};

struct thread {
	struct thread *next;
	uint64_t tid, g;
};

struct slab {
	struct slab *next;
	uint64_t base, stride, count, carved;
};

#define FIELD(type, member)                                \
	{                                                  \
		offsetof(struct type, member),             \
			sizeof(((struct type *)0)->member) \
	}

static struct chunk *chunks;
static struct thread *threads;
static struct slab *slabs;

__attribute__((used)) struct goro_abi_table damaged_table = {
	.cookie = { 'g', 'o', 'r', 'o', '-', 'a', 'b', 'i' },
	.version = GORO_ABI_VERSION,
	.table_bytes = sizeof(struct goro_abi_table),
	.machine = 62,
	.chunks = (uintptr_t)&chunks,
	.threads = (uintptr_t)&threads,
	.slabs = (uintptr_t)&slabs,
	.chunk = {
		.bytes = sizeof(struct chunk),
		.next = FIELD(chunk, next),
		.base = FIELD(chunk, base),
		.slot_bytes = FIELD(chunk, slot_bytes),
		.slots = FIELD(chunk, slots),
		.carved = FIELD(chunk, carved),
		.words = FIELD(chunk, words),
		.word_stride = 1,
		.colours = 1,
	},
	.g = {
		.bytes = sizeof(struct g),
		.sp = FIELD(g, sp),
		.id = FIELD(g, id),
		.stack_lo = FIELD(g, stack_lo),
		.stack_hi = FIELD(g, stack_hi),
	},
	.thread = {
		.bytes = sizeof(struct thread),
		.next = FIELD(thread, next),
		.tid = FIELD(thread, tid),
		.g = FIELD(thread, g),
	},
	.context_bytes = 16,
	.saved_regs_n = 1,
	.saved_regs = { { 16, 8 } },
	.slab = {
		.bytes = sizeof(struct slab),
		.next = FIELD(slab, next),
		.base = FIELD(slab, base),
		.stride = FIELD(slab, stride),
		.count = FIELD(slab, count),
		.carved = FIELD(slab, carved),
	},
	.chan = { .bytes = 8, .id = { 0, 8 } },
	.waiter = { .bytes = 8 },
};

__asm__(".pushsection .note.goro, \"a\", @note\n"
	".balign 4\n"
	".long 5, 8, 1\n"
	".asciz \"goro\"\n"
	".balign 4\n"
	"1: .quad damaged_table - 1b\n"
	".popsection");

static struct chunk one;

int
main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	struct goro_abi_table *t = &damaged_table;

	if (strcmp(how, "newer") == 0) {
		t->version = GORO_ABI_VERSION + 1;
	} else if (strcmp(how, "cookie") == 0) {
		t->cookie[0] = 'x';
	} else if (strcmp(how, "offset") == 0) {
		t->g.sp.offset = 4096;
	} else if (strcmp(how, "short") == 0) {
		t->table_bytes = 16;
	} else if (strcmp(how, "nowhere") == 0) {
		t->chunks = 0x100;
	} else if (strcmp(how, "round") == 0) {
		/* Lists without an end. */
		one.next = &one;
		one.base = 0x100000;
		one.slot_bytes = 4096;
		one.slots = 1;
		one.words = calloc(1, 8);
		chunks = &one;
	} else if (strcmp(how, "huge") == 0) {
		/* As many goroutines as fit into a number, all running. */
		one.base = (uintptr_t)malloc(4096);
		one.slot_bytes = sizeof(struct g);
		one.slots = one.carved = 1 << 20;
		one.words = malloc(one.slots * 8);
		memset(one.words, 0x11, one.slots * 8);
		chunks = &one;
	} else if (strcmp(how, "garbage") == 0) {
		/* Records that hold anything. */
		one.slot_bytes = 4096;
		one.slots = one.carved = 1 << 14;
		one.base = (uintptr_t)malloc(one.slots * 4096);
		one.words = malloc(one.slots * 8);
		memset(one.words, 0x44, one.slots * 8);
		for (uint64_t i = 0; i < one.slots * 512; i++)
			((uint64_t *)one.base)[i] = i * 0x9e3779b97f4a7c15;
		chunks = &one;
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
