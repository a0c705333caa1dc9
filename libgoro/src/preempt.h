/* SPDX-License-Identifier: MIT */
/*
 * preempt.h - taking the P from a goroutine that does not let go
 *
 * Idea       As in Go: the monitor sends SIGURG to the thread; the handler,
 *            on the alternate stack, looks whether the goroutine may stop at
 *            this very instruction, and if so makes the interrupted thread
 *            "call" gr_preempt_entry(), which saves every register on the
 *            goroutine's stack and parks it there.
 * Safe       when the interrupted PC lies in the text of the program itself
 * points     (not of libgoro, libc, the loader or any other library), the
 *            stack has room, and the goroutine has no section of preempt_off
 *            open. docs/PREEMPTION.md argues why that is enough, and what
 *            a program must not do.
 * Moving     A goroutine stopped so may hold the address of a thread-local
 *            variable in a register. Before it runs on another thread its
 *            registers and stack are searched for addresses in the old
 *            thread's static TLS; if there is one, it goes on on that thread.
 * Kept apart Preempted goroutines are never in a P's ring, so the short path
 *            of the scheduler knows nothing of all this.
 */
#ifndef GR_PREEMPT_H
#define GR_PREEMPT_H

#include <stdbool.h>

#include "sched.h"

void gr_preempt_install(void);
void gr_preempt_remove(void);
void gr_preempt_thread_init(struct gr_m *m);

/* Ask the goroutine of @p to stop; any thread. */
void gr_preempt_request(struct gr_p *p);

/* Stop here if that was asked for; on a goroutine. */
void gr_preempt_if_asked(void);

/* A preempted goroutine that may run on @m, or NULL. */
struct gr_g *gr_preempted_get(struct gr_m *m);
bool gr_preempted_any(struct gr_m *m);
uint32_t gr_preempted_n(void); /* a hint */
void gr_preempted_drop(void);

#endif
