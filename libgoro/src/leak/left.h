/* SPDX-License-Identifier: MIT */
/*
 * left.h - locks that goroutines hold, and did not give back when they ended
 *
 * Idea       A mutex is a few words anywhere; nobody has a list of them. So
 *            while leaks are looked for, and only then, each goroutine has a
 *            list of those that it has locked. What is still in it when it ends
 *            is remembered for the report. Who looks for no leaks pays for one
 *            test of a word.
 */
#ifndef GR_LEAK_LEFT_H
#define GR_LEAK_LEFT_H

#include <stdint.h>

#include "atomic.h"
#include "leak/vec.h"

struct gr_g;
struct gr_leak_obj;

/* [relaxed] set before the goroutines that matter are started. */
extern uint32_t gr_leak_watches;

void gr_leak_locked(struct gr_g *g, const void *lock, unsigned reason);
void gr_leak_unlocked(struct gr_g *g, const void *lock);

/* @g, the caller, has locked @lock. @reason: as who waits for it would. */
static inline void
gr_leak_note_locked(struct gr_g *g, const void *lock, unsigned reason)
{
	/* [relaxed] see above */
	if (__builtin_expect(gr_load_rlx(&gr_leak_watches), 0))
		gr_leak_locked(g, lock, reason);
}

static inline void
gr_leak_note_unlocked(struct gr_g *g, const void *lock)
{
	/* [relaxed] see above */
	if (__builtin_expect(gr_load_rlx(&gr_leak_watches), 0))
		gr_leak_unlocked(g, lock);
}

/* @g ends; or its record is given back. */
void gr_leak_left_locked(struct gr_g *g);
void gr_leak_held_forget(struct gr_g *g);

/* What was left locked, up to so many. */
enum { GR_LEAK_LEFT = 1 << 16 };

struct gr_leak_left {
	uintptr_t not_lock;      /* its address, inverted: this is no root */
	uint64_t id, creator_id; /* of the goroutine */
	uintptr_t creator_pc, entry;
	uint32_t test;
	uint8_t reason;
};

/* While the world stands, or by who is alone. */
const struct gr_vec *gr_leak_left_all(void); /* struct gr_leak_left */
void gr_leak_left_reset(void);

#endif
