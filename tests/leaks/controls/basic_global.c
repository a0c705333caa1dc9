// SPDX-License-Identifier: MIT
/*
 * basic_global.c - a handle in a global variable
 *
 * The plainest of them, to show that the others are no harder than they say.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

static struct goro_chan *kept;

int
story(void)
{
	kept = park();
	if (lost) {
		kept = NULL;
		return 1;
	}
	check();
	unpark(kept);
	return 0;
}
