/* SPDX-License-Identifier: MIT */
/*
 * traces.h - distinct stacks, each with how often and how much
 *
 * Idea       Every profile is this table: what happened, summed by the stack
 *            that it happened to, its labels and a tag. A few hundred stacks
 *            take millions of events, so an addition is a look-up and two
 *            atomic additions.
 * Lost       A ring that a thread empties into the table: one more thread,
 *            and events are lost whenever it is late. A table for each P:
 *            no faster where stacks differ, and to be merged.
 * Invariants 1. A trace, once published at the head of its bucket, changes in
 *               its sums only, and stays until the table goes.
 *            2. Memory is one block, mapped when the table is made. When it
 *               is full, what is new is counted as lost.
 * More       There is a second pair of sums: of memory, what went again; of
 *            waits, how long it then took to run.
 * Labels     A trace keeps a reference to its set, unless the table is of the
 *            kind that borrows them; see gr_labels_hold().
 * Signals    gr_traces_add() is safe in a handler, which may interrupt
 *            another addition: no lock, and no memory but the block.
 */
#ifndef GR_TRACES_H
#define GR_TRACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gr_labels;

enum {
	GR_TRACE_DEPTH = 128, /* frames kept, from the leaf on; as in Go */
	GR_TRACES_BUCKETS = 8192,
};
#define GR_TRACES_BYTES ((size_t)16 << 20)

/* What an event is summed by. */
struct gr_trace_key {
	const uintptr_t *pc; /* of instructions: of a call's, not behind it */
	uint32_t n;
	uint32_t tag; /* the profile's own: a reason to wait */
	struct gr_labels *labels;
	uintptr_t creator; /* a PC; 0: not told */
};

struct gr_trace {
	struct gr_trace *next; /* in its bucket */
	struct gr_labels *labels;
	uint64_t hash;
	uint64_t count, value;           /* [pair trace-sums] */
	uint64_t more_count, more_value; /* [pair trace-more] */
	uintptr_t creator;
	uint32_t n, tag;
	uintptr_t pc[];
};

struct gr_traces {
	size_t bytes;
	size_t used; /* of the block; [relaxed] only a place is taken by it */
	uint64_t lost, lost_value; /* [pair trace-sums] */
	bool borrows;
	struct gr_trace *bucket[GR_TRACES_BUCKETS]; /* [pair trace] */
};

struct gr_traces *gr_traces_create(size_t bytes, bool borrows);
void gr_traces_destroy(struct gr_traces *ts);
struct gr_trace *gr_traces_get(struct gr_traces *ts,
			       const struct gr_trace_key *key);
void gr_traces_add(struct gr_traces *ts, const struct gr_trace_key *key,
		   uint64_t count, uint64_t value);
void gr_traces_lose(struct gr_traces *ts, uint64_t count, uint64_t value);
void gr_traces_copy(struct gr_traces *to, const struct gr_trace *t, int sign);
void gr_traces_each(struct gr_traces *ts,
		    void (*fn)(const struct gr_trace *t, void *arg), void *arg);

#endif
