/* SPDX-License-Identifier: MIT */
/*
 * idle.h - workers without work: going to sleep, and being woken
 *
 * A worker is a P with its M. An idle one sleeps on its M's futex, until the
 * earliest timer of its own P or until somebody takes it off the idle list.
 *
 * No wake-up is lost:
 *
 *   worker                              whoever makes work for all
 *   ------                              --------------------------
 *   idle_n++          (seq_cst)         put into the global queue (seq_cst)
 *   look everywhere   (seq_cst)         read idle_n               (seq_cst)
 *   sleep                               wake one when > 0
 *
 * In the total order of these four either the worker sees the work or the
 * other sees the idle worker. Work that is put into a P's own ring needs no
 * such order: that P's worker is awake, and will run it itself if nobody
 * comes to help; its look at idle_n is a hint, and the monitor looks again.
 * tests/models/idle.pml models the first, exhaustively.
 */
#ifndef GR_IDLE_H
#define GR_IDLE_H

#include "monitor.h"
#include "sched.h"

extern uint32_t gr_idle_n;   /* idle P; [pair idle] */
extern uint32_t gr_spinning; /* workers looking for work; [pair spinning] */

void gr_wake_one(void);
void gr_wake_p(struct gr_p *p);
void gr_wake_all(void);
void gr_idle_add(struct gr_p *p);
struct gr_p *gr_idle_take_free(void);
void gr_idle_give(struct gr_p *p);
void gr_idle_sleep(struct gr_m *m);
void gr_idle_off(struct gr_m *m);
void gr_idle_reset(void);
int64_t gr_idle_recheck(int64_t now_ns);
int64_t gr_idle_watch(struct gr_p *p, int64_t now_ns);
bool gr_idle_stranded(void);

/* After work went into our own ring: is somebody free to help, and is it worth
 * the trouble? If not now, the monitor is to look soon. */
static inline void
gr_wake_hint(const struct gr_p *p)
{
	/* [relaxed] see above: only hints. */
	if (__builtin_expect(!gr_load_rlx(&gr_idle_n), 1) ||
	    gr_load_rlx(&gr_spinning))
		return;
	if (gr_p_has_surplus(p))
		gr_wake_one();
	else if (gr_load_rlx(&gr_monitor_slow))
		gr_monitor_poke();
}

/* Threads of the library's own that make no goroutine ready, nor end with a
 * run; [pair service-threads] a count, [relaxed] as those are started once. */
extern uint32_t gr_service_threads;

#endif
