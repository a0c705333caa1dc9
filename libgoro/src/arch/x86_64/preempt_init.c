// SPDX-License-Identifier: MIT
/*
 * preempt_init.c - how much there is to save
 */
#include <cpuid.h>

#include "../arch.h"

uint64_t gr_preempt_xsave_bytes, gr_preempt_xsave_mask;

/* False on a processor without xsavec (before 2016) or AVX. */
int
gr_arch_preempt_init(void)
{
	uint32_t a, b, c, d;

	/* Leaf 1: OSXSAVE and AVX; leaf 0xd: XSAVEC, and the bytes that the
	 * components which the kernel has switched on may take. */
	if (!__get_cpuid(1, &a, &b, &c, &d) ||
	    !(c & bit_OSXSAVE) || !(c & bit_AVX))
		return 0;
	if (!__get_cpuid_count(0xd, 1, &a, &b, &c, &d) || !(a & 2))
		return 0;
	__get_cpuid_count(0xd, 0, &a, &b, &c, &d);
	gr_preempt_xsave_bytes = (b + 63) & ~63u;
	__asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	gr_preempt_xsave_mask = (uint64_t)d << 32 | a;
	return 1;
}
