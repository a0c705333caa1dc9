/* SPDX-License-Identifier: MIT */
/*
 * walks.h - stacks that were walked before, known again
 *
 * Idea       What happens often happens at the same few stacks, and to find
 *            out that a stack is the same is cheaper than to walk it: where
 *            each frame is found from the stack pointer alone, the return
 *            addresses decide where the next one lies. So a walk is kept as
 *            the places and values of its return addresses; if all of them
 *            are there again, at the same distances, so is the stack. Its
 *            entry in the table of traces is kept with it.
 * Not kept   walks through a frame that is found by another register, or
 *            through a signal's, and those of more than WORDS frames.
 * Whose      Each P has its own, of its own goroutines' stacks. Goroutines of
 *            the same function, as deep, share a walk.
 * Memory     160 KiB of address space a P, touched as it is used; like the
 *            tables of traces it is never given back.
 */
#ifndef GR_WALKS_H
#define GR_WALKS_H

#include <stdint.h>

#include "traces.h"

struct gr_code;
struct gr_m;

/**
 * The entry in @ts of the caller's own stack, a goroutine's, with its labels
 * and @tag. NULL: there is no room, in the table or to walk the stack.
 */
struct gr_trace *gr_walks_trace(const struct gr_m *m, struct gr_traces *ts,
				unsigned tag);

#endif
