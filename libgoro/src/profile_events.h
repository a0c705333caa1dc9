/* SPDX-License-Identifier: MIT */
/*
 * profile_events.h - waits, and who made others wait: block, mutex, schedlatency
 *
 * Idea       The places where goroutines wait ask one word whether anybody
 *            wants to know. If so, what happened is added to a table under the
 *            stack of who waited, or who unlocked. Tables are cumulative, as
 *            Go's; a difference is for the reader to take.
 * block      a wait, added when it is over by who waited. One that still goes
 *            on is added by whoever writes the profile.
 * mutex      Go's meaning: at an unlock that others waited for, all that they
 *            waited since the unlock before; under the stack of the unlocker.
 * sched      from made ready to running, under the stack that then goes on.
 *            A goroutine that is new: under its function and its creator.
 *            What begins where a wait ends is in the same entry.
 * trace      the same word turns on execution traces (trace.h), so that what is
 *            not recorded costs one branch, whatever could be.
 * Latency    of the scheduler is also counted by classes, each event, for
 *            /metrics.
 * Sampling   by time, as Go's: of waits shorter than the rate one is kept for
 *            each rate of waiting, and counts for the others. Of what is made
 *            ready, one for each rate of time. 1 keeps all.
 * Clock      What goes on does so when another has left, who has read the clock
 *            for its own wait: that serves as the end of ours, too.
 * Cost       off, one branch; on, 50 ns an event, 2 ns for one that is not kept.
 */
#ifndef GR_PROFILE_EVENTS_H
#define GR_PROFILE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "atomic.h"
#include "sched.h"

struct gr_g;
struct gr_m;
struct gr_regs;
struct gr_waitq;

enum {
	GR_EVENTS_WAITS = 1,   /* block and sched */
	GR_EVENTS_UNLOCKS = 2, /* mutex */
	GR_EVENTS_TRACE = 4,
	GR_EVENTS_SWITCHES = GR_EVENTS_WAITS | GR_EVENTS_TRACE,
};

extern uint32_t gr_profile_events; /* [pair events] */
/* Up to so many nanoseconds each class of latencies is; the last has no bound. */
extern const int64_t gr_latency_ns[GR_LATENCIES - 1];

/* [pair events] [relaxed] whoever misses the change is in time for the next. */
static inline bool
gr_profile_wants(uint32_t what)
{
	return __builtin_expect(gr_load_rlx(&gr_profile_events) & what, 0);
}

void gr_profile_events_turn(uint32_t what, bool on);

/* When it was made ready matters only to those who ask. */
void gr_profile_made_ready(const struct gr_m *m, struct gr_g *g);
/* @m may be NULL. */
void gr_profile_time_ready(const struct gr_m *m, struct gr_g *g);

static inline void
gr_profile_ready(const struct gr_m *m, struct gr_g *g)
{
	if (gr_profile_wants(GR_EVENTS_SWITCHES))
		gr_profile_made_ready(m, g);
}

/* A wait is over, at the switch that was just made here. @since  cycles;
 * @reason  GORO_WAIT_NONE: it was none */
void gr_profile_waited(struct gr_m *m, unsigned reason, uint64_t since);
/* The first thing that a goroutine does. */
void gr_profile_started(struct gr_m *m);

/* What those in @q have waited since they were last asked; its lock is held. */
uint64_t gr_profile_charge(struct gr_waitq *q);
/* Now that it is not: the caller's unlock made them wait for so long. */
void gr_profile_unlocked(struct gr_m *m, uint64_t waited);

#endif
