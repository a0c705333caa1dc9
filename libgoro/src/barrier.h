/* SPDX-License-Identifier: MIT */
/*
 * barrier.h - a memory barrier that only one side pays for
 *
 * Idea       Of two threads that each store, then look at what the other has
 *            stored, both need a full barrier in between, about 5 ns. Where
 *            one side is rare it can have a barrier made on all threads, by
 *            membarrier(2); the frequent side then needs nothing but that the
 *            compiler keeps the order. The rare side pays 0.3 us when it is
 *            the only thread that runs, and 15 us when it has to interrupt
 *            others.
 */
#ifndef GR_BARRIER_H
#define GR_BARRIER_H

#include <stdbool.h>

extern bool gr_barrier_missing; /* the kernel has it not: both pay */

void gr_barrier_init(void);
void gr_barrier_all(void);

static inline void
gr_barrier_light(void)
{
	__asm__ volatile("" ::: "memory");
}

#endif
