// SPDX-License-Identifier: MIT
/*
 * timer_argument.c - a handle that is the argument of a timer
 *
 * In an hour a timer will call a function with it. The timer itself is known to
 * nobody but the runtime: its address is kept as a number that is not one.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

enum {
	HOUR_S = 3600,
};

static uintptr_t encoded;

static void
fire(void *arg)
{
	unpark(arg);
}

static __attribute__((noinline)) void
start_timer(void)
{
	encoded = ~(uintptr_t)goro_timer_create_func(
		(int64_t)HOUR_S * 1000 * MS, fire, park());
}

int
story(void)
{
	struct goro_timer *timer;

	start_timer();
	if (!lost)
		check();
	timer = (struct goro_timer *)~encoded;
	if (lost) {
		goro_timer_destroy(timer);
		return 1;
	}
	goro_timer_reset(timer, 0);
	settle_with(0);
	goro_timer_destroy(timer);
	return 0;
}
