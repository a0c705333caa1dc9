// SPDX-License-Identifier: MIT
/*
 * timer_channel.c - a goroutine that waits for a timer of which nobody knows
 *
 * It made the timer itself and waits for it. Nothing leads to what it waits
 * for, and yet it will be woken.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

enum {
	HOUR_S = 3600,
};

static uintptr_t encoded;

static void
await_timer(void *arg)
{
	struct goro_timer *timer = goro_timer_create((int64_t)HOUR_S * 1000 *
						     MS);

	(void)arg;
	encoded = ~(uintptr_t)timer;
	goro_chan_recv(goro_timer_chan(timer), NULL);
	goro_timer_destroy(timer);
}

static struct goro_timer *
decoded(void)
{
	return (struct goro_timer *)~encoded;
}

int
story(void)
{
	goro_go(await_timer, NULL);
	settle();
	if (lost) {
		goro_timer_stop(decoded());
		return 1;
	}
	check();
	goro_timer_reset(decoded(), 0);
	settle_with(0);
	return 0;
}
