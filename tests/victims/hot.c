// SPDX-License-Identifier: MIT
/*
 * hot.c - goroutines that never rest, on stacks that show a torn copy
 *
 * Each goes down one of two ways, left or right, four calls deep with as many
 * frames of its own, and switches at the bottom; then it takes the other way.
 * A stack with frames of both was never true. Says "ready" when all have begun;
 * goes on until it is killed.
 *
 * Usage: hot [GOROUTINES]
 */
#include <goro/goro.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct goro_waitgroup started;
static struct goro_chan *ball;

/* Half of them yield, half pass a ball. */
static void
rest(uintptr_t nth)
{
	uintptr_t value = nth;

	if (nth % 2)
		goro_yield();
	else if (nth % 4)
		goro_chan_send(ball, &value);
	else
		goro_chan_recv(ball, &value);
}

#define NOINLINE __attribute__((noinline))
#define LEVEL(name, next, bytes)                      \
	NOINLINE static uintptr_t name(uintptr_t nth) \
	{                                             \
		volatile unsigned char mine[bytes];   \
                                                      \
		mine[0] = mine[(bytes)-1] = nth;      \
		next(nth);                            \
		return mine[0] + mine[(bytes)-1];     \
	}

LEVEL(left_4, rest, 16)
LEVEL(left_3, left_4, 200)
LEVEL(left_2, left_3, 16)
LEVEL(left_1, left_2, 500)
LEVEL(right_4, rest, 300)
LEVEL(right_3, right_4, 16)
LEVEL(right_2, right_3, 100)
LEVEL(right_1, right_2, 16)

static void
runner(void *arg)
{
	uintptr_t nth = (uintptr_t)arg;

	goro_waitgroup_done(&started);
	for (;;) {
		left_1(nth);
		right_1(nth);
	}
}

static int
program(void *arg)
{
	int n = *(int *)arg;

	ball = goro_chan_create(sizeof(uintptr_t), 0);
	goro_waitgroup_add(&started, n);
	for (int i = 0; i < n; i++)
		if (!goro_go(runner, (void *)(uintptr_t)i))
			return 1;
	goro_waitgroup_wait(&started);
	puts("ready");
	fflush(stdout);
	goro_chan_recv(NULL, NULL);
	return 0;
}

int
main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 40;

	return goro_run(program, &n);
}
