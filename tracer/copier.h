/* SPDX-License-Identifier: MIT */
/*
 * copier.h - what the passes of a snapshot share; for them only
 *
 * Passes     1. sweep.c: the state words of a chunk in their own order, which
 *               is dense, 1,024 at a time; the record and the top of the stack
 *               of each in one read per batch; the words again.
 *            2. retry.c: those that changed meanwhile, or whose stack is
 *               deeper than the window: word, copy, word in one system call,
 *               so that the window of doubt is a microsecond.
 *            3. running.c: those that run, with their threads stopped.
 * Invariants 1. What is handed over as exact was read between two reads of
 *               the same even state word, or while its thread stood still.
 *            2. No list, count, size or number of tries is unbounded.
 */
#ifndef GT_COPIER_H
#define GT_COPIER_H

#include "snapshot.h"

enum {
	GT_BATCH = 1024,
	GT_WINDOW_FIRST = 1024, /* of the stack, below the record */
	GT_WINDOW_LAST = 4096,
};

/* A slot whose goroutine is wanted. */
struct gt_slot {
	uint64_t word;   /* address of its state word */
	uint64_t record; /* address of its record */
	uint64_t lo;     /* the slot's lowest address */
	size_t want;     /* bytes to copy, up to the record's end */
	uint8_t faults;  /* how often its stack could not be read */
	bool taken;
};

/* One goroutine of a batch. */
struct gt_entry {
	struct gt_slot slot;
	uint64_t before, after; /* the state word */
	size_t at;              /* which of the sweep's words that is */
	unsigned char *copy;    /* slot.want bytes, up to the record's end */
	bool copied;
	/* What hangs off its record (extras.c). */
	bool named; /* something of it was read: read the word again */
	char name[GT_NAME_BYTES];
	const char *labels;
	const struct gt_hold *holds;
	uint32_t holds_n;
};

struct gt_copier {
	struct gt_target *t;
	const struct gt_abi *abi;
	struct gt_error *(*take)(const struct gt_copy *copy, void *arg);
	void *arg;
	struct gt_snapshot_stats *stats;
	size_t taken;
	size_t window;            /* what the sweep copies of each */
	uint64_t deep_bytes;      /* asked for beyond the window, all in all */
	struct gt_entry *entries; /* GT_BATCH of them */
	struct gt_span *spans;    /* 3 * GT_BATCH */
	unsigned char *buf;       /* GT_BATCH windows */
	struct gt_slot *pending;  /* what the next pass must look at */
	size_t pending_n, pending_room;
	char *extras; /* of the batch: what its entries point to */
	size_t extras_n;
};

static inline uint64_t
gt_record_end(const struct gt_copier *s, const struct gt_slot *slot)
{
	return slot->record + s->abi->t.g.bytes;
}

/* copier.c */
struct gt_error *gt_copier_pend(struct gt_copier *s,
				const struct gt_slot *slot);
/* Deal with an entry that has been copied: hand it over, or pend it. */
struct gt_error *gt_copier_settle(struct gt_copier *s, struct gt_entry *e);

/* extras.c: names, labels and read locks of those that have one, before the
 * words are read again. They are valid until the next call. */
struct gt_error *gt_copier_extras(struct gt_copier *s, struct gt_entry *entries,
				  size_t n);

/* sweep.c, retry.c: the first two passes. */
struct gt_error *gt_copier_sweep(struct gt_copier *s,
				 const struct gt_chunk *chunk);
struct gt_error *gt_copier_retry(struct gt_copier *s);

/* A goroutine that was copied while a thread, or all of them, stood still. */
struct gt_held {
	struct gt_held *next;
	struct gt_slot slot;
	uint64_t word;
	struct gt_regs regs;  /* none valid: it was parked */
	unsigned char data[]; /* slot.want bytes, up to the record's end */
};

/* running.c: copy goroutines of @slots that threads are running; marks those
 * as taken. The caller frees the list. */
struct gt_error *gt_hold_running(struct gt_target *t, const struct gt_abi *abi,
				 struct gt_slot *slots, size_t n,
				 struct gt_held **ret,
				 struct gt_snapshot_stats *stats);

#endif
