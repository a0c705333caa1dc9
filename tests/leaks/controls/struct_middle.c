// SPDX-License-Identifier: MIT
/*
 * struct_middle.c - a handle in the middle of a block
 *
 * The block holds text for the most part. The handle lies where no beginning of
 * anything is, aligned as a pointer has to be.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

#include <stdlib.h>
#include <string.h>

struct letter {
	char greeting[1000];
	struct goro_chan *kept;
	char signature[1000];
};

static struct letter *letter;

int
story(void)
{
	letter = make(sizeof(*letter));
	memset(letter->greeting, 'a', sizeof(letter->greeting));
	memset(letter->signature, 'z', sizeof(letter->signature));
	letter->kept = park();
	if (lost) {
		letter->kept = NULL;
		return 1;
	}
	check();
	unpark(letter->kept);
	free(letter);
	return 0;
}
