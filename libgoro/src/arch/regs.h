/* SPDX-License-Identifier: MIT */
/*
 * arch/regs.h - the register set of the processor, for unwinding
 *
 * Apart from arch.h because only the unwinder wants <ucontext.h>.
 */
#ifndef GR_ARCH_REGS_H
#define GR_ARCH_REGS_H

#include "arch.h"

#if defined(__x86_64__)
#include "x86_64/regs.h"
#else
#error "libgoro: this architecture has no folder in libgoro/src/arch yet"
#endif

#endif
