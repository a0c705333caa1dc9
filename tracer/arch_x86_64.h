/* SPDX-License-Identifier: MIT */
#ifndef GT_ARCH_X86_64_H
#define GT_ARCH_X86_64_H

#include <elf.h>
#include <x86intrin.h>

#define GT_ARCH_MACHINE EM_X86_64
#define GT_ARCH_REGS 17 /* DWARF numbers 0 to 16 */
#define GT_ARCH_SP 7
#define GT_ARCH_PC 16

/* Below the stack pointer a function may keep data, and what it has just popped
 * is where its rules still say that it is. */
#define GT_ARCH_RED_ZONE 128

/* The registers that a function keeps for its caller and that a rule for a
 * CFA can rest on, beside the stack pointer: rbx rbp r12 r13 r14 r15. */
#define GT_ARCH_SAVED 6
static const uint8_t gt_arch_saved[GT_ARCH_SAVED] = { 3, 6, 12, 13, 14, 15 };

/* What the runtime's cycle counter (goro_abi_clock) reads now. */
static inline uint64_t
gt_arch_cycles(void)
{
	return __rdtsc();
}

/* The kernel's register set (NT_PRSTATUS) by DWARF number. */
static inline void
gt_arch_from_user(const struct user_regs_struct *u, struct gt_regs *regs)
{
	const uint64_t by_number[GT_ARCH_REGS] = {
		u->rax, u->rdx, u->rcx, u->rbx, u->rsi, u->rdi,
		u->rbp, u->rsp, u->r8,  u->r9,  u->r10, u->r11,
		u->r12, u->r13, u->r14, u->r15, u->rip,
	};

	for (unsigned n = 0; n < GT_ARCH_REGS; n++)
		gt_regs_set(regs, n, by_number[n]);
}

#endif
