/* SPDX-License-Identifier: MIT */
/*
 * rest.h - threads without a P: asleep until somebody gives them one
 *
 * Idea       A thread that comes out of a blocking section finds its P gone,
 *            or lends it to one that needs it more; then it rests. Two kinds:
 *              spare   any P that lacks a thread may wake it, instead of a
 *                      new one being started
 *              wanted  a goroutine is ready that only this thread may run
 *                      (locked to it, or preempted with an address of its
 *                      thread-local variables in hand): the next worker that
 *                      passes through the scheduler lends it its own P
 * No lost    As idle.h has it for the global queue: a thread is put into the
 * wake-up    queue of the wanted, then idle_n is read; a worker raises idle_n,
 *            then looks at that queue.
 * Giving     `given`, then `wake`. A spare thread lowers `wake` before it can
 *            be found. One that is locked can be found as soon as its
 *            goroutine has left its stack, before it rests itself; so there
 *            `wake` is low from goro_thread_lock() on, and lowered again by
 *            whoever was woken by it.
 * Locks      rest.lock: both queues. Taken alone.
 */
#ifndef GR_REST_H
#define GR_REST_H

#include <stdbool.h>
#include <stdint.h>

#include "atomic.h"

struct gr_m;
struct gr_p;

/* Rest until there is a P, which is then in @m->p. False: all is over. */
bool gr_rest(struct gr_m *m);
/* The same for a thread that is locked to a goroutine. */
bool gr_rest_locked(struct gr_m *m);

/* A spare thread takes @p from here; false when there is none. */
bool gr_rest_start(struct gr_p *p, bool spinning);

/* @m has something to run as soon as it has a P. Any thread. */
void gr_rest_want(struct gr_m *m);
/* That was seen to. False: too late, a P is on its way. */
bool gr_rest_unwant(struct gr_m *m);
/* Give our P to one of the wanted, if there is one. */
bool gr_rest_lend(struct gr_m *m);

extern uint32_t gr_rest_wanted_count; /* [pair rest-wanted] */

static inline uint32_t
gr_rest_wanted_n(void)
{
	return gr_load_sc(&gr_rest_wanted_count); /* [pair rest-wanted] */
}

void gr_rest_stop(void);
void gr_rest_reset(void);

#endif
