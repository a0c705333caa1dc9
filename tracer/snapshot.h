/* SPDX-License-Identifier: MIT */
/*
 * snapshot.h - true copies of goroutines that go on running
 *
 * Idea       A goroutine that is parked does not change, and its state word
 *            proves it: read the word, copy record and stack, read the word
 *            again; the same even word means an exact copy (abi.h). So nothing
 *            is stopped. The few that run are taken by stopping their thread,
 *            one thread at a time, for as long as it takes to copy a stack.
 * Stream     Copies are handed over batch by batch and then forgotten: a
 *            million stacks never lie in memory together.
 */
#ifndef GT_SNAPSHOT_H
#define GT_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi_reader.h"
#include "registry.h"
#include "target.h"

enum {
	GT_GOROUTINES_MAX = 1 << 24,
	GT_NAME_BYTES = 64,          /* of a goroutine's name, with its end */
	GT_LABELS_MAX = 16,          /* pairs of a set; more are left out */
	GT_LABEL_BYTES = 128,        /* of a key or a value, with its end */
	GT_COPY_MAX_BYTES = 1 << 28, /* of one stack */
	GT_DAMAGED_MAX = 4096, /* records; then the registry is given up */
};
#define GT_DEEP_MAX_BYTES (UINT64_C(1) << 34) /* of all deep stacks */

/* An rwmutex that a goroutine has locked for reading, and how often. */
struct gt_hold {
	uint64_t obj, count;
};

/* A goroutine, copied; valid while it is being handed over. */
struct gt_copy {
	uint64_t word;
	uint64_t addr; /* of the record */
	const unsigned char *record;
	/* Its live stack, from the address stack_lo up: where it is parked,
	 * that is its stack pointer, else there is a red zone below it. Zero
	 * bytes: it has never run, or its stack could not be had. */
	uint64_t stack_lo;
	const unsigned char *stack;
	size_t stack_bytes;
	const struct gt_regs *regs; /* it ran; NULL: the saved context holds */
	const char *name;           /* "" when it has none */
	/* How many pairs in a byte, then keys and values, each with its NUL;
	 * NULL when it has none. */
	const char *labels;
	const struct gt_hold *holds;
	uint32_t holds_n;
	bool exact; /* all of this was true at one moment */
};

struct gt_snapshot_stats {
	size_t held;          /* goroutines whose thread was stopped */
	size_t unresolved;    /* handed over without a stack: never at rest */
	size_t too_deep;      /* without a stack: there is too much of it */
	size_t no_stack;      /* without a stack: it cannot be read */
	size_t unreadable;    /* records that cannot be read, left out */
	size_t damaged;       /* records that could not be true, left out */
	int hold_error;       /* why one could not be held, errno, or 0 */
	uint64_t held_max_ns; /* the longest time that a thread stood still */
	struct gt_error *problem; /* what was wrong with a list, or NULL */
};

/**
 * Hand a copy of each goroutine to @take, in no order.
 *
 * @take  returns an error to end it
 *
 * Returns  an error when it could not go on; what was taken before is true.
 *          *ret_stats is filled in any case; gt_error_free() its problem.
 */
struct gt_error *
gt_snapshot(struct gt_target *t, const struct gt_abi *abi,
	    struct gt_error *(*take)(const struct gt_copy *copy, void *arg),
	    void *arg, struct gt_snapshot_stats *ret_stats);

#endif
