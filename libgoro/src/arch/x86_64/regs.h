/* SPDX-License-Identifier: MIT */
/*
 * regs.h - a register set, by DWARF number, and where to get one from
 *
 * Idea       Only the registers that a function gives back as it found them
 *            can be followed from frame to frame. The others matter in the
 *            innermost frame alone, whose rules may count from any of them.
 * Threads    Plain values; all functions are safe in signal handlers.
 */
#ifndef GR_ARCH_X86_64_REGS_H
#define GR_ARCH_X86_64_REGS_H

#include <stdint.h>
#include <ucontext.h>

enum {
	GR_REG_SP = 7,
	GR_REG_PC = 16, /* as a rule: the return address */
	GR_REGS = 17,
	GR_REGS_KEPT = 7, /* rbx rbp r12-r15, and the return address */
	GR_REG_RA_INDEX = GR_REGS_KEPT - 1,
};

struct gr_regs {
	uint64_t r[GR_REGS];
	uint32_t known; /* bit N: r[N] holds a value */
};

#define GR_REG_BIT(n) (1u << (n))

/* What is known of a caller at best: the kept ones and the stack pointer. */
#define GR_REGS_FOLLOWED                                                     \
	(GR_REG_BIT(3) | GR_REG_BIT(6) | GR_REG_BIT(GR_REG_SP) |             \
	 GR_REG_BIT(12) | GR_REG_BIT(13) | GR_REG_BIT(14) | GR_REG_BIT(15) | \
	 GR_REG_BIT(GR_REG_PC))

/* The DWARF numbers of the kept registers, the return address last. */
static const uint8_t gr_regs_kept[GR_REGS_KEPT] = { 3, 6, 12, 13, 14, 15, 16 };

/* Where @dwarf stands in gr_regs_kept, or -1. */
static inline int
gr_regs_kept_index(uint64_t dwarf)
{
	for (int i = 0; i < GR_REGS_KEPT; i++)
		if (gr_regs_kept[i] == dwarf)
			return i;
	return -1;
}

static inline void
gr_regs_set(struct gr_regs *regs, unsigned dwarf, uint64_t value)
{
	regs->r[dwarf] = value;
	regs->known |= GR_REG_BIT(dwarf);
}

/* The caller's own registers, at a PC inside the caller. */
static inline __attribute__((always_inline)) void
gr_regs_capture(struct gr_regs *regs)
{
	__asm__ volatile("movq %%rbx, 3*8(%0)\n\t"
			 "movq %%rbp, 6*8(%0)\n\t"
			 "movq %%rsp, 7*8(%0)\n\t"
			 "movq %%r12, 12*8(%0)\n\t"
			 "movq %%r13, 13*8(%0)\n\t"
			 "movq %%r14, 14*8(%0)\n\t"
			 "movq %%r15, 15*8(%0)\n\t"
			 "leaq 1f(%%rip), %%rax\n"
			 "1:\tmovq %%rax, 16*8(%0)"
			 :
			 : "r"(regs->r)
			 : "rax", "memory");
	regs->known = GR_REGS_FOLLOWED;
}

/* The registers that a signal interrupted. */
static inline void
gr_regs_from_ucontext(struct gr_regs *regs, const ucontext_t *uc)
{
	static const uint8_t order[GR_REGS] = {
		REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
		REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
		REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP,
	};

	for (int i = 0; i < GR_REGS; i++)
		regs->r[i] = (uint64_t)uc->uc_mcontext.gregs[order[i]];
	regs->known = GR_REG_BIT(GR_REGS) - 1;
}

/* The registers of a parked goroutine, from its context, which lay at @at. Its
 * PC is a return address. */
static inline void
gr_regs_from_context(struct gr_regs *regs, const struct gr_context *c,
		     uintptr_t at)
{
	regs->known = 0;
	gr_regs_set(regs, 3, c->rbx);
	gr_regs_set(regs, 6, c->rbp);
	gr_regs_set(regs, GR_REG_SP, at + sizeof(*c));
	gr_regs_set(regs, 12, c->r12);
	gr_regs_set(regs, 13, c->r13);
	gr_regs_set(regs, 14, c->r14);
	gr_regs_set(regs, 15, c->r15);
	gr_regs_set(regs, GR_REG_PC, c->rip);
}

/*
 * Call @fn on the stack that ends at @top. The frame pointer stays, and asking
 * for it makes the compiler count from it, so unwinders find the way back.
 */
static inline __attribute__((always_inline)) void
gr_stack_call(void *top, void (*fn)(void *arg), void *arg)
{
	__asm__ volatile("movq %%rsp, %%rbx\n\t"
			 "movq %1, %%rsp\n\t"
			 "call *%2\n\t"
			 "movq %%rbx, %%rsp"
			 : "+D"(arg)
			 : "r"((uintptr_t)top & ~15ul), "r"(fn),
			   "r"(__builtin_frame_address(0))
			 : "rbx", "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10",
			   "r11", "memory", "cc");
}

#endif
