/* SPDX-License-Identifier: MIT */
/*
 * snapshot.h - one goroutine as it was at one moment
 *
 * Idea       Whoever reports on goroutines does so while others may run them.
 *            So each is copied first, frames and all: read its state word,
 *            copy, read the word again. Equal and not running means that the
 *            copy is true; else try again, and in the end say that it runs.
 * Signals    Safe in a handler: no lock, no malloc.
 * Not here   words: traceback.c
 */
#ifndef GR_SNAPSHOT_H
#define GR_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "unwind.h"

struct gr_g;

enum {
	GR_FRAMES_INNER = 50, /* kept from the leaf on, as in Go */
	GR_FRAMES_OUTER = 50, /* and up to the outermost */
	GR_NAME_SHOWN = 64,
};

struct gr_frame {
	uintptr_t pc, sp;
	bool exact;
};

struct gr_frames {
	uint64_t n; /* met; those past GR_FRAMES_INNER are in the ring `outer` */
	struct gr_frame inner[GR_FRAMES_INNER], outer[GR_FRAMES_OUTER];
	enum gr_step end;
	uintptr_t top; /* of the stack */
};

/* What is printed of a goroutine: a copy, since it may change under us. */
struct gr_snapshot {
	uint64_t id, creator_id;
	uintptr_t creator_pc;
	uint64_t wait_since;
	uintptr_t entry, sp, stack_lo, stack_hi;
	unsigned state, reason, flags;
	char name[GR_NAME_SHOWN];
	struct gr_frames frames; /* n is 0: not to be had */
};

/* What walking a stack takes: what is loaded, and rows found before. */
struct gr_walker {
	struct gr_modules *modules;
	struct gr_rows *rows;
};

void gr_walk(const struct gr_walker *w, struct gr_unwind *u, unsigned skip,
	     struct gr_frames *ret);
bool gr_snapshot(const struct gr_walker *w, const struct gr_g *g,
		 struct gr_snapshot *ret);
void gr_snapshot_record(const struct gr_g *g, uint64_t word,
			struct gr_snapshot *ret);
const struct gr_frame *gr_frames_get(const struct gr_frames *fs, uint64_t i);

#endif
