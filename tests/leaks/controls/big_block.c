// SPDX-License-Identifier: MIT
/*
 * big_block.c - a handle at the end of a block of its own mapping
 *
 * malloc() gives a megabyte a mapping of its own, outside of every heap that
 * one could walk. The handle is in the last bytes that were asked for.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

enum {
	SLOTS = 1 << 17,
};

static struct goro_chan **block;

int
story(void)
{
	block = make(SLOTS * sizeof(*block));
	block[SLOTS - 1] = park();
	if (lost) {
		block[SLOTS - 1] = NULL;
		return 1;
	}
	check();
	unpark(block[SLOTS - 1]);
	free(block);
	return 0;
}
