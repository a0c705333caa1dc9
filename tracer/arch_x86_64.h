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

/*
 * Is this what the kernel puts on an alternate stack before it calls a signal
 * handler (struct ucontext)? @words lie at @addr; gives the registers that the
 * signal interrupted.
 */
#define GT_ARCH_SIGFRAME_WORDS 29
static inline bool
gt_arch_sigframe(const uint64_t *words, uint64_t addr, struct gt_regs *ret)
{
	/* flags, link, the alternate stack; r8 ... r15, rdi, rsi, rbp, rbx,
	 * rdx, rax, rcx, rsp, rip, flags, segments, 4 more, the FPU's state */
	static const uint8_t at[GT_ARCH_REGS] = {
		18, 17, 19, 16, 14, 13, 15, 20, 5, 6, 7, 8, 9, 10, 11, 12, 21,
	};
	uint64_t stack = words[2], bytes = words[4], fpu = words[28];

	if (words[0] > 7 || words[1] || (words[23] & 0xffff) != 0x33 ||
	    addr - stack >= bytes || fpu - stack >= bytes || fpu < addr ||
	    fpu % 64 || words[20] - stack < bytes)
		return false;
	for (unsigned n = 0; n < GT_ARCH_REGS; n++)
		gt_regs_set(ret, n, words[at[n]]);
	return true;
}

#endif
