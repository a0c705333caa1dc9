/* SPDX-License-Identifier: MIT */
#ifndef GR_ARCH_X86_64_H
#define GR_ARCH_X86_64_H

#include <elf.h>
#include <ucontext.h>
#include <x86intrin.h>

#define GR_ARCH_MACHINE EM_X86_64

/* A saved context, as switch.S pushes it, from the saved sp upwards. */
struct gr_context {
	uint32_t mxcsr;
	uint16_t fpucw, pad;
	uint64_t r15, r14, r13, r12, rbx, rbp, rip;
};

/* DWARF number and place of each saved register, for the debug ABI. */
#define GR_ARCH_SAVED_REGS                                         \
	{                                                          \
		{ 15, offsetof(struct gr_context, r15) },          \
			{ 14, offsetof(struct gr_context, r14) },  \
			{ 13, offsetof(struct gr_context, r13) },  \
			{ 12, offsetof(struct gr_context, r12) },  \
			{ 3, offsetof(struct gr_context, rbx) },   \
			{ 6, offsetof(struct gr_context, rbp) },   \
			{ 16, offsetof(struct gr_context, rip) },  \
	}
#define GR_ARCH_SAVED_REGS_N 7

/* The sp of a goroutine that has not run, whose stack grows down from @top. */
static inline void *
gr_context_fresh(void *top)
{
	return (void *)(((uintptr_t)top & ~15ul) | 1);
}

/* A steady counter of constant rate, the same on all CPUs; 8 ns. */
static inline uint64_t
gr_arch_cycles(void)
{
	return __rdtsc();
}

/* Does the processor promise the above? CPUID: invariant TSC. */
static inline int
gr_arch_cycles_steady(void)
{
	uint32_t a = 0x80000000, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if (a < 0x80000007)
		return 0;
	a = 0x80000007;
	c = 0;
	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return (d >> 8) & 1;
}

/* --- preemption: preempt.S --- */

extern uint64_t gr_preempt_xsave_bytes, gr_preempt_xsave_mask;
int gr_arch_preempt_init(void);

static inline uintptr_t
gr_arch_ucontext_pc(const void *ucontext)
{
	return ((const ucontext_t *)ucontext)->uc_mcontext.gregs[REG_RIP];
}

static inline uintptr_t
gr_arch_ucontext_sp(const void *ucontext)
{
	return ((const ucontext_t *)ucontext)->uc_mcontext.gregs[REG_RSP];
}

/* Make the interrupted thread call @fn, past the 128 bytes below its stack
 * pointer that the ABI leaves to leaf functions. */
static inline void
gr_arch_ucontext_call(void *ucontext, void (*fn)(void))
{
	greg_t *r = ((ucontext_t *)ucontext)->uc_mcontext.gregs;

	r[REG_RSP] -= 128 + 8;
	*(greg_t *)r[REG_RSP] = r[REG_RIP];
	r[REG_RIP] = (greg_t)fn;
}

/*
 * Where the vector registers of the interrupted thread were saved; both 0 in a
 * system call, since the call of libc's function has left nothing in them. Its
 * PC is behind the instruction, or before it where it is to begin anew.
 */
static inline void
gr_arch_ucontext_vectors(const ucontext_t *uc, uintptr_t *ret_lo,
			 uintptr_t *ret_hi)
{
	const uint8_t *pc = (const uint8_t *)gr_arch_ucontext_pc(uc);
	const uint32_t *more;
	uintptr_t at = (uintptr_t)uc->uc_mcontext.fpregs;

	*ret_lo = *ret_hi = 0;
	if (!at || (pc[-2] == 0x0f && pc[-1] == 0x05) ||
	    (pc[0] == 0x0f && pc[1] == 0x05))
		return;
	/* fxsave's 512 bytes, where the kernel says whether more follow: a
	 * magic number, and the size of it all. */
	more = (const uint32_t *)(at + 464);
	*ret_lo = at;
	*ret_hi = at + (more[0] == 0x46505853 ? more[1] : 512);
}

static inline void
gr_arch_relax(void)
{
	__builtin_ia32_pause();
}

#endif
