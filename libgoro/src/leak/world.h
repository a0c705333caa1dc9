/* SPDX-License-Identifier: MIT */
/*
 * world.h - making all other threads stand still
 *
 * Idea       Each thread of the process gets SIGURG, whose handler says where
 *            it was and waits on a futex until it may go on. No ptrace(), so
 *            it works where that is forbidden: in containers, under debuggers.
 * Signal     SIGURG, as for preemption: by default it is ignored, so one that
 *            comes late is harmless. For the time of the stop the handler is
 *            ours; what it gets while nobody stops it hands on.
 * Threads    are those that the kernel lists, not only the runtime's: looked
 *            for again until no new one has turned up.
 * Failure    A thread that blocks SIGURG does not stop. Then nobody is kept,
 *            and there is no verdict.
 * While it   Anything may be half done: locks are held, malloc()'s too. Call
 * lasts      nothing that takes one.
 */
#ifndef GR_LEAK_WORLD_H
#define GR_LEAK_WORLD_H

#include <ucontext.h>

#include "leak/vec.h"

struct gr_world_thread {
	int32_t tid;
	uint32_t stopped;           /* [pair world-stopped] */
	bool gone;                  /* it has ended instead */
	uintptr_t sp, pc;           /* where it was */
	uintptr_t tp;               /* its thread pointer */
	uintptr_t alt_lo, alt_hi;   /* its alternate stack, or 0 */
	uintptr_t more_lo, more_hi; /* its vector registers, or 0 */
	gregset_t regs;
};

struct gr_world {
	struct gr_vec threads; /* struct gr_world_thread */
	int32_t culprit;       /* who did not stop */
};

/* Stop all threads but the calling one. 0, -ETIMEDOUT, -EBUSY while another
 * thread does it, -ENOMEM, or what the kernel says. */
int gr_world_stop(struct gr_world *w);
/* Let them go on. @w is read no more by others; its vector is the caller's. */
void gr_world_start(struct gr_world *w);

/*
 * The calling thread is one of the runtime's own that never has anything of
 * the program's in hand, so nothing on its stack counts; until GR_WORLD_LEAVE.
 * One that stands aside changes nothing either, and takes no signals: it is
 * not stopped.
 */
enum gr_world_own { GR_WORLD_LEAVE, GR_WORLD_OWN, GR_WORLD_ASIDE };
void gr_world_own(enum gr_world_own how);
bool gr_world_is_own(uintptr_t tp);
/* The thread pointer of each that stands aside; 0 past the last. */
uintptr_t gr_world_aside(unsigned i);

#endif
