/* SPDX-License-Identifier: MIT */
/*
 * test.h - which test has started what, and channels that were dropped
 *
 * Idea       A goroutine inherits the test of who starts it, a channel has that
 *            of who makes it: so tests that run side by side are told apart.
 */
#ifndef GR_LEAK_TEST_H
#define GR_LEAK_TEST_H

#include <stdint.h>

#include "leak/leak.h"

struct goro_chan;

/* Of goroutines that no goroutine starts; [relaxed] see g.c. 0: none. */
extern uint32_t gr_leak_test;

/* Of the calling goroutine or, elsewhere, gr_leak_test. */
uint32_t gr_leak_test_here(void);

/* On the main goroutine, while the others are still there. */
void gr_leak_main_ended(void);
/* Nobody is there any more. */
void gr_leak_run_ended(void);

/* @ch, which is about to be freed, has items in it. */
void gr_leak_dropped(const struct goro_chan *ch);

/* dropped.c: up to so many are remembered, for the report; of a program that
 * nobody watches only a few. */
enum { GR_LEAK_DROPPED = 1 << 16, GR_LEAK_DROPPED_UNWATCHED = 64 };

struct gr_leak_dropped {
	uint32_t test;
	struct gr_leak_obj obj;
};

/* While the world stands, or by who is alone. */
const struct gr_vec *gr_leak_dropped_all(void); /* struct gr_leak_dropped */
void gr_leak_dropped_reset(void);

#endif
