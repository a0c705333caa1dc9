/* SPDX-License-Identifier: MIT */
/*
 * unwind.h - from a frame to its caller, and rows kept for the next time
 *
 * Idea       A walk is a register set and the bounds of the one stack that it
 *            may read. A step takes the row of the PC (cfi.h), finds the CFA
 *            and loads what the row says is in memory. Rows are the same for
 *            every stack, so they are kept in a table keyed by PC: a step
 *            with a known row costs a few nanoseconds.
 * Invariants 1. Nothing outside [lo, hi) is read, whatever the row says.
 *            2. The stack pointer rises with each step; only a frame that
 *               was interrupted may leave it, and that one is innermost or
 *               follows a signal frame, which may not. So every walk ends.
 * Rows       A slot is taken by a compare-and-swap of its PC from 0 to BUSY,
 *            filled, and published by a store of the PC. It is never changed
 *            again, so a reader needs no lock and a handler may interrupt a
 *            writer: it finds the slot busy and does without.
 *            gr_rows_clear() is for when a module went away, and nobody
 *            else may be looking.
 * Signals    All of it is safe in a handler. What a handler may not afford
 *            is to make rows; gr_rows_find() only looks.
 */
#ifndef GR_UNWIND_H
#define GR_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cfi.h"

struct gr_rows {
	struct gr_row *slot;
	uint32_t mask; /* slots less 1; a power of two of them */
};

const struct gr_row *gr_rows_find(const struct gr_rows *rows, uintptr_t pc);
const struct gr_row *gr_rows_get(struct gr_rows *rows,
				 const struct gr_modules *ms, uintptr_t pc,
				 struct gr_row *scratch);
void gr_rows_clear(struct gr_rows *rows);

struct gr_unwind {
	struct gr_regs regs;
	uintptr_t lo, hi; /* the stack: what may be read */
	uintptr_t shift;  /* a copy of it is read, so far behind it */
	bool exact;       /* the PC is an instruction, not a return address */
};

enum gr_step {
	GR_STEP_CALLER, /* the walk is at the caller now */
	GR_STEP_END,    /* this was the outermost frame */
	GR_STEP_LOST,   /* there are more, but no way to find them */
};

/* The PC to look up: of a return address the call's last byte, since the call
 * may be the last thing in its function. */
static inline uintptr_t
gr_unwind_pc(const struct gr_unwind *u)
{
	return u->regs.r[GR_REG_PC] - !u->exact;
}

enum gr_step gr_unwind_step(struct gr_unwind *u, const struct gr_row *row);

#endif
