/* SPDX-License-Identifier: MIT */
/*
 * arch.h - the one door to what the tracer knows of a processor
 *
 * A port adds arch_<name>.h with the same names and an #elif here.
 */
#ifndef GT_ARCH_H
#define GT_ARCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/user.h>

/* Registers by DWARF number; `valid` has a bit for each one that is known. */
#define GT_REGS_MAX 32
struct gt_regs {
	uint64_t r[GT_REGS_MAX];
	uint32_t valid;
};

static inline void
gt_regs_set(struct gt_regs *regs, unsigned n, uint64_t value)
{
	regs->r[n] = value;
	regs->valid |= 1u << n;
}

#if defined(__x86_64__)
#include "arch_x86_64.h"
#else
#error "tracer: this architecture has no arch_<name>.h yet"
#endif

#endif
