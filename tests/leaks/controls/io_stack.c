// SPDX-License-Identifier: MIT
/*
 * io_stack.c - a handle with a goroutine that waits for a descriptor
 *
 * The goroutine that will wake the other one waits for something to read; what
 * that is comes from outside, and no memory of the process tells of it.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

#include <unistd.h>

static int ends[2]; /* of a pipe */

static void
await_byte(void *arg)
{
	struct goro_chan *volatile kept = arg;
	char byte;

	if (goro_read(ends[0], &byte, 1) == 1)
		unpark(kept);
	else
		drop(kept); /* lost */
}

static void
start(void)
{
	goro_go(await_byte, park());
	settle();
}

int
story(void)
{
	if (pipe(ends) != 0)
		fail("no pipe");
	start();
	if (lost) {
		close(ends[1]); /* it ends, and forgets the other one */
		settle_with(1);
		return 1;
	}
	check();
	if (write(ends[1], "x", 1) != 1)
		fail("no room in a pipe");
	settle_with(0);
	close(ends[1]);
	goro_close(ends[0]);
	return 0;
}
