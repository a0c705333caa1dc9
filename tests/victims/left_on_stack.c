// SPDX-License-Identifier: MIT
/*
 * left_on_stack.c - exits while goroutines are parked that hold memory
 *
 * The only pointers to it lie on their stacks: LeakSanitizer and Valgrind must
 * look there and find it reachable.
 */
#include <goro/goro.h>
#include <stdlib.h>
#include <string.h>

static struct goro_chan *never;

static void
hold(void *arg)
{
	char *volatile block = malloc(1000);

	(void)arg;
	memset(block, 'x', 1000);
	goro_chan_recv(never, NULL);
	free(block);
}

static int
run(void *arg)
{
	(void)arg;
	never = goro_chan_create(0, 0);
	for (int i = 0; i < 50; i++)
		goro_go(hold, NULL);
	for (int i = 0; i < 100; i++)
		goro_yield();
	exit(0);
}

int
main(void)
{
	return goro_run(run, NULL);
}
