/* SPDX-License-Identifier: MIT */
/*
 * leak.h - one check: what it is asked, and what it finds
 *
 * Idea       Everything that a report needs is taken while the world stands:
 *            stacks, names, what is waited for. What is alike is put together
 *            at once, as a million goroutines leak at a handful of places.
 *            The report is written when all run again.
 */
#ifndef GR_LEAK_LEAK_H
#define GR_LEAK_LEAK_H

#include <stdbool.h>
#include <stdint.h>

#include "goro/leak.h"
#include "leak/vec.h"
#include "names.h"
#include "snapshot.h"

enum { GR_LEAK_KINDS = GORO_LEAK_LOCKED_BY_ENDED + 1, GR_LEAK_BUCKETS = 1024 };

struct gr_leak_ask {
	const char *when; /* "main", "exit", "signal" ...: for the report */
	bool leftovers;   /* those that are alive are findings too */
	bool all_stuck;   /* nobody runs: no proof is needed */
	bool main_ended;  /* by the caller: it gives no lock back any more */
	uint64_t test;    /* only what this one has started; 0: all */
};

enum {
	GR_LEAK_FRAMES = 48,
	GR_LEAK_CYCLE = 16,
	GR_LEAK_WAY = 8,
	GR_LEAK_WAYS = 64, /* groups to which there is one */
};

/* On the way from what can be got at to what is waited for. */
enum gr_leak_step_kind {
	GR_LEAK_DATA, /* from here on: where it begins */
	GR_LEAK_GOROUTINE_STACK,
	GR_LEAK_ARGUMENT, /* of a goroutine that has not run yet */
	GR_LEAK_THREAD_STACK,
	GR_LEAK_THREAD_LOCAL,
	GR_LEAK_REGISTER,
	GR_LEAK_TIMER,
	GR_LEAK_NAMED, /* by goro_leak_root() */
	GR_LEAK_HEAP,  /* that counts as a whole */
	GR_LEAK_MEMORY,
	GR_LEAK_BLOCK, /* from here on: what lies between */
	GR_LEAK_STACK,
	GR_LEAK_CHANNEL,
	GR_LEAK_LOCK,
	GR_LEAK_STEP_KINDS,
};

struct gr_leak_step {
	enum gr_leak_step_kind kind;
	uintptr_t addr;
	/* A block's bytes; who has the stack, argument or register, which
	 * channel it is. 0: not known. */
	uint64_t id;
};

/* What is waited for, or a channel that nobody reads. */
struct gr_leak_obj {
	uintptr_t addr; /* 0: nothing */
	uint64_t id;    /* of a channel, else 0 */
	uint64_t creator_id, elem_bytes, cap, len;
	uintptr_t creator_pc;
	uint8_t reason;
	bool closed;
	char name[GR_NAME_SHOWN];
	/* Who was at the other side last, or gave it back; 0: not known. */
	struct gr_leak_other {
		uint64_t id;
		uintptr_t pc; /* where it gave it back, or 0 */
		bool ended;
	} last_sender, last_receiver, left;
};

/* Goroutines that are alike, or one channel. */
struct gr_leak_group {
	enum goro_leak_kind kind;
	uint64_t n;            /* goroutines; 1 for a channel */
	uint32_t ids, last_id; /* list of links into gr_leak.ids: those, or
				* whom it keeps, of a timer or context */
	uint32_t next;         /* by hash */
	uint64_t hash;

	/* Of the first of them. */
	unsigned state, reason;
	uint64_t creator_id;
	uintptr_t creator_pc, entry; /* its function */
	char name[GR_NAME_SHOWN];
	unsigned frames_n;
	bool cut;   /* there are more frames */
	bool exact; /* the first is no return address */
	uintptr_t frame[GR_LEAK_FRAMES];
	struct gr_leak_obj obj;
	uint64_t owner;   /* of the lock; 0: none, or not known */
	bool owner_ended; /* and never gave it back */
	unsigned cycle_n; /* who waits for whom, back to the first; 0: none */
	uint64_t cycle[GR_LEAK_CYCLE];
	uint64_t held; /* bytes that only they can get at */
	/* Of one that is left over, though it waits for others: why it could
	 * still be woken. */
	uint32_t first; /* index in the census */
	bool waits;
	struct gr_leak_step way[GR_LEAK_WAY]; /* the root first */
	unsigned way_n;                       /* 0: not known */
	size_t way_more; /* that are left out behind the root */
};

struct gr_leak_id {
	uint64_t id;
	uint32_t next;
};

struct gr_leak {
	struct gr_leak_ask ask;
	int err;         /* negative: there is no verdict */
	int32_t culprit; /* the thread that did not stop */
	bool exact_heap;
	bool restless; /* something will move by itself */
	uint64_t goroutines, scanned;
	int64_t stopped_ns;
	uint64_t unsound; /* called leaked before, and has run since: an id */
	int count[GR_LEAK_KINDS];
	struct gr_vec group; /* struct gr_leak_group */
	struct gr_vec id;    /* struct gr_leak_id */
	uint32_t bucket[GR_LEAK_BUCKETS];
	/* For names, and for who reports. */
	struct gr_modules modules;
	struct gr_names names;
	struct gr_row row_slots[4096];
	struct gr_rows rows;
	struct gr_snapshot snapshot;
};

/* A check, on memory of its own; NULL: there is none. */
struct gr_leak *gr_leak_run(const struct gr_leak_ask *ask);
void gr_leak_free(struct gr_leak *l);

/* The same, on a goroutine: while it leaves some behind that may be about to
 * end, look again, for half a second at most. */
struct gr_leak *gr_leak_run_settled(const struct gr_leak_ask *ask);

/* check.c: the ids of proven leaks are remembered until the run ends. */
void gr_leak_forget(void);

/* api.c */
int gr_leak_conclude(struct gr_leak *l, FILE *report);

/* ignore.c */
bool gr_leak_is_ignored(struct gr_leak *l, const struct gr_leak_group *g);
void gr_leak_copy_roots(struct gr_vec *to);

/* report.c: what was found, in words. */
void gr_leak_report(struct gr_leak *l, FILE *to);

/* Is it beside what has come of it, and no finding that fails a test? */
static inline bool
gr_leak_is_hint(enum goro_leak_kind kind)
{
	return kind > GORO_LEAK_DEADLOCK;
}

static inline struct gr_leak_group *
gr_leak_group(const struct gr_leak *l, uint32_t i)
{
	return gr_vec_at(&l->group, struct gr_leak_group, i);
}

#endif
