/* SPDX-License-Identifier: MIT */
/*
 * trace.h - execution traces: who ran where and when, and who woke whom
 *
 * Idea       Each P has a ring of events of 16 bytes, written by whoever has
 *            the P and by nobody else, so that an event is two stores and a
 *            position. The ring is written over without end: a reader that
 *            is too slow loses the oldest, and the traced program nothing.
 *            Lost: a reader that holds up writers; events that tell both ends
 *            of all they are about, where the end of one thing mostly is the
 *            start of the next.
 * Readers    Any number, and they write nothing: one that copies has to look
 *            at the position again, and drop what may have been written over
 *            meanwhile. A trace copies every 10 ms, a flight recorder when the
 *            program dies.
 * Outside    What threads without a P do is in one more ring, under a lock.
 * Whose      A goroutine that is made ready in the moment that another leaves
 *            its stack, as by the lock that goro_cond_wait() lets go, is put
 *            down to who runs next.
 * Cost       off, a branch, the one that profiles have; on, 5 ns to 15 ns an
 *            event, 1 MiB a worker.
 * Signals    Events are not recorded in handlers; a writer (below) is safe in
 *            one.
 */
#ifndef GR_TRACE_H
#define GR_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "profile_events.h"
#include "sched.h"
#include "trace_format.h"

/* On the caller's own P, or one that it alone has. */
void gr_trace_put(const struct gr_p *p, enum gr_trace_kind kind, uint64_t what);

static inline void
gr_trace_worker(const struct gr_p *p, enum gr_trace_kind kind, uint64_t what)
{
	if (gr_profile_wants(GR_EVENTS_TRACE))
		gr_trace_put(p, kind, what);
}

/* m->left has left; m->g, if there is one, is next. */
void gr_trace_left(const struct gr_m *m, enum gr_trace_kind kind,
		   unsigned reason, uint64_t cycles);
/* @g is about to be put into a queue; @m may be NULL. */
void gr_trace_ready(const struct gr_m *m, const struct gr_g *g,
		    uint64_t cycles);
/* The caller has a new name. */
void gr_trace_named(const struct gr_m *m);

/* --- Recording ------------------------------------------------------------- */

/* Have all P record. As often off as on; 0 or -ENOMEM. */
int gr_trace_on(void);
void gr_trace_off(void);
/* There are more P now. */
int gr_trace_more(void);

/*
 * How far a ring is, and what it holds from *@at on: up to @max events, less
 * those that are gone, which are added to *@lost. *@at is then behind them.
 * Returns how many.
 */
uint64_t gr_trace_position(uint32_t ring);
uint64_t gr_trace_oldest(uint32_t ring); /* while it is on */
uint32_t gr_trace_take(uint32_t ring, uint64_t *at, uint64_t end,
		       struct gr_trace_event *ret, uint32_t max,
		       uint64_t *lost);

/* --- Writing: trace_write.c ------------------------------------------------ */

struct gr_trace_writer;

/* While it lasts the run must not end. NULL: no memory. */
struct gr_trace_writer *gr_trace_writer_create(int fd);
void gr_trace_writer_destroy(struct gr_trace_writer *w);

/* All from now on; false when it is full, or nobody takes it any more. */
int gr_trace_write_begin(struct gr_trace_writer *w);
bool gr_trace_write_more(struct gr_trace_writer *w);
/* True: it is whole, and was taken. */
bool gr_trace_write_end(struct gr_trace_writer *w);

/* All that the rings hold, of which the time since @from, cycles, matters. */
bool gr_trace_write_past(struct gr_trace_writer *w, uint64_t from);

/* --- Flight recorder: trace_flight.c ---------------------------------------- */

/* With the run, if GORODEBUG asks for it. */
void gr_flight_start(void);
void gr_flight_stop(void);
bool gr_flight_on(void);
/* The last seconds into @fd. */
bool gr_flight_write(int fd);
struct gr_out;
/* Into a file, and say to @o which. */
void gr_flight_dump(struct gr_out *o);

#endif
