/* SPDX-License-Identifier: MIT */
/*
 * blocking.h - a goroutine that may keep its thread in the kernel
 *
 * Idea       As Go's system calls. Entering leaves the P where it is, marked
 *            SYSCALL; the monitor takes it from there when the section lasts
 *            and others have work, and gives it to another thread. So a short
 *            section costs two stores and an exchange, 15 ns, and nobody is
 *            woken for it.
 * Section    One word of the thread, m->section, decides whose the P is:
 *
 *              OUT        the thread's, in m->p
 *              a P        that P is whose exchanges the word first:
 *                           the thread, for OUT      it goes on with it
 *                           the monitor, for NO_P    the monitor's
 *                           goro_run(), for ABANDONED  all is over
 *              NO_P       the thread takes a free one when it comes back, or
 *                         its goroutine joins the global queue
 *              ABANDONED  the run has ended around it: it may touch its own
 *                         struct gr_m and its goroutine's stack, which stay
 *                         for it, and nothing else of the runtime
 *
 * Deadlock   A goroutine in here may wake others when it comes out, so none
 *            is reported while a P is SYSCALL or gr_blocking_n() > 0: the
 *            sections whose P was taken.
 */
#ifndef GR_BLOCKING_H
#define GR_BLOCKING_H

#include <stdbool.h>
#include <stdint.h>

struct gr_m;
struct gr_p;

#define GR_SECTION_OUT ((struct gr_p *)0)
#define GR_SECTION_NO_P ((struct gr_p *)1)
#define GR_SECTION_ABANDONED ((struct gr_p *)2)

/* The monitor's look at a P that is SYSCALL: how long until the next one. */
int64_t gr_blocking_watch(struct gr_p *p, int64_t now_ns);

/* Sections without a P. */
uint32_t gr_blocking_n(void);

/* The run is over: let go of a thread that is inside. False: it is not. */
bool gr_blocking_abandon(struct gr_m *m);
/* The last that is done to one that was let go of: it may end from here on. */
void gr_blocking_part(struct gr_m *m);

void gr_blocking_reset(void);

#endif
