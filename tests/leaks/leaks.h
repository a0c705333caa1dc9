/* SPDX-License-Identifier: MIT */
/*
 * leaks.h - what the programs of the bug suite share
 *
 * A program of the suite is one function, story(), called on goroutine 1. It
 * starts goroutines, directs them into the order in which the bug shows, and
 * returns with those that the bug has caught still blocked; or it is caught
 * itself. With the argument "fixed" the same program runs as repaired.
 *
 * Director   settle() returns when nobody but the caller can move. Between two
 *            of them the others go as far as they get, whatever the number of
 *            workers: no order here is left to luck or to the clock.
 * Controls   In these a goroutine is blocked for long, and what will wake it
 *            hangs on one odd place. They check() in the middle, and then do
 *            wake it through that place. With the argument "lost" they let go
 *            of it instead, which shows that nothing else led there.
 * Verdict    "Expect" in a program's header: how many goroutines, channels,
 *            timers, contexts or locks goro-leakcheck is to call what. A repaired program and a control
 *            that was not told to let go end without any.
 */
#ifndef LEAKS_H
#define LEAKS_H

#include <goro/goro.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MS = 1000000,
};

extern bool fixed; /* the argument: run as repaired */
extern bool lost;  /* the argument, of a control: let go of the handle */

/* Returns how many goroutines it leaves behind. */
int story(void);

/* Wait until every other goroutine is blocked, or has ended. */
void settle(void);

/* Wait until so many others are left, and all of them are blocked. */
void settle_with(size_t others);

/* Zeroed memory, or the end of the program. */
void *make(size_t bytes);

/* Give back one reference to each channel. */
#define drop(...)                                                  \
	drop_chans((struct goro_chan *[]){ __VA_ARGS__ },          \
		   sizeof((struct goro_chan *[]){ __VA_ARGS__ }) / \
			   sizeof(struct goro_chan *))
void drop_chans(struct goro_chan **chans, size_t n);

/*
 * For controls. A handle is a channel that a goroutine is blocked on and that
 * nobody else knows of.
 */

/* Start such a goroutine; returns its handle, once it is blocked. */
struct goro_chan *park(void);

/* Wake it. Any thread. */
void unpark(struct goro_chan *handle);

/* Check for leaks here and now; any is the end of the program. */
void check(void);

/* End the program, saying why. */
_Noreturn void fail(const char *why);

#endif
