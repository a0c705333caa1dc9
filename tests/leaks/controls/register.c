// SPDX-License-Identifier: MIT
/*
 * register.c - a handle in a callee-saved register
 *
 * The one who checks has it there himself, across the call.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

#ifdef __x86_64__
#define CALLEE_SAVED "r12"
#else
#define CALLEE_SAVED "x20"
#endif

int
story(void)
{
	register struct goro_chan *kept __asm__(CALLEE_SAVED) = park();

	if (lost)
		return 1;
	__asm__ volatile("" : "+r"(kept));
	check();
	__asm__ volatile("" : "+r"(kept));
	unpark(kept);
	return 0;
}
