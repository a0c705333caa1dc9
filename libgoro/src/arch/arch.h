/* SPDX-License-Identifier: MIT */
/*
 * arch.h - the one door to everything that depends on the processor
 *
 * Each architecture is a folder with two files: arch_impl.h (what follows in
 * C) and switch.S. A port writes those two and nothing else.
 */
#ifndef GR_ARCH_H
#define GR_ARCH_H

#include <stdint.h>

struct gr_m;

/**
 * Leave one stack for another.
 *
 * @save_sp  out: where the caller's context was left, written before the
 *           stack changes
 * @to_sp    a context saved by an earlier switch, or built by
 *           gr_context_fresh()
 * @m        this thread; handed to whoever resumes at @to_sp
 *
 * Returns   on the stack that is switched to, the @m of the thread that it
 *           now runs on: the one thing a resumed goroutine may trust
 * Saved     callee-saved registers and the floating point control words; the
 *           layout is published in the debug ABI (abi.c)
 */
struct gr_m *gr_context_switch(void **save_sp, void *to_sp, struct gr_m *m);

/*
 * The outermost frame of every goroutine, which unwinding ends at. It calls
 * gr_g_main(), and goes on to what that returns.
 */
void gr_context_entry(void);
struct gr_switch_to {
	void *sp;
	struct gr_m *m;
};
struct gr_switch_to gr_g_main(struct gr_m *m);

/* What a preempted goroutine is made to call: saves everything, calls
 * gr_preempt_park(), and goes on as if nothing had been. */
void gr_preempt_entry(void);
void gr_preempt_park(void);

#if defined(__x86_64__)
#include "x86_64/arch_impl.h"
#else
#error "libgoro: this architecture has no folder in libgoro/src/arch yet"
#endif

#endif
