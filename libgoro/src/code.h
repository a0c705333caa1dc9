/* SPDX-License-Identifier: MIT */
/*
 * code.h - walking stacks again and again: what is loaded, and its rows
 *
 * Idea       A profiler walks a stack whenever something happens, perhaps in
 *            a signal handler. What it takes is prepared: a list of modules,
 *            and a table of rows that fills as PCs are met. Both belong to one
 *            state of what is loaded. When a PC is met that is in no module,
 *            the list is read again, once a second at most, and if it has
 *            changed, a new state takes the place of the old one.
 * Memory     1 MiB of address space a state, most of it never touched. An
 *            old one is never freed, as a handler may be looking at it; after
 *            STATES changes the last one stays.
 * Signals    All of it is safe in a handler: no lock, and system calls only.
 */
#ifndef GR_CODE_H
#define GR_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "unwind.h"

enum {
	GR_CODE_ROWS = 16384, /* a power of two */
};

struct gr_code {
	struct gr_rows rows;
	struct gr_modules modules;
	struct gr_row row_slots[GR_CODE_ROWS];
};

/* A thread's own stack, once it is known; all 0 before. */
struct gr_own_stack {
	uintptr_t lo, hi;
};

struct gr_g;

struct gr_code *gr_code_now(void);
struct gr_code *gr_code_refresh(void);
const struct gr_g *gr_code_stack(struct gr_unwind *u, struct gr_own_stack *own);
uint32_t gr_code_walk(struct gr_code *code, struct gr_unwind *u, unsigned skip,
		      uintptr_t *ret_pc, uint32_t max);

#endif
