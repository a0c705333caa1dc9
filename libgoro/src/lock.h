/* SPDX-License-Identifier: MIT */
/*
 * lock.h - the runtime's own lock: held for tens of nanoseconds, never parks
 *
 * Idea       One exchange to take, one store to release: half of what a
 *            futex mutex costs, whose release must be an exchange too. A
 *            holder that the kernel took off its CPU is met by spinning
 *            briefly and then giving the CPU away, which also lets a holder
 *            of lower priority run.
 * Rules      Never hold one across a park (the parking functions release it
 *            from the other stack, see sched.h), a system call or user code.
 * Order      goro_timer, context < timer heap < channel (by address in
 *            select) < class < idle < global queue < trace's outside; a
 *            thread takes only locks to the right of what it holds. A timer's callback runs under its
 *            heap's lock and may take what is right of that; nobody who holds
 *            a channel's lock touches a heap: a deadline is armed before the
 *            channel is locked, and disarmed when it is not any more.
 */
#ifndef GR_LOCK_H
#define GR_LOCK_H

#include <stdint.h>

#include "arch/arch.h"
#include "atomic.h"

struct gr_lock {
	uint32_t held;
};

void gr_lock_slow(struct gr_lock *l);
void gr_back_off(int tries);

static inline void
gr_lock(struct gr_lock *l)
{
	/* [pair lock] acquire: sees all that the last holder wrote. */
	if (__builtin_expect(gr_xchg_acq(&l->held, 1), 0))
		gr_lock_slow(l);
}

static inline void
gr_unlock(struct gr_lock *l)
{
	/* [pair lock] release: see gr_lock(). */
	gr_store_rel(&l->held, 0);
}

#endif
