/* SPDX-License-Identifier: MIT */
/*
 * goro/leak.h - goroutines that can never go on
 *
 * A goroutine has leaked when nothing that still runs can get at what it waits
 * for: that is proven, by a search through the program's memory, not guessed by
 * how long it waits. docs/LEAKS.md says how to use it and what it relies on;
 * goro-leakcheck(1) does it to a whole program.
 *
 * The proof takes addresses for what looks like one, so an accident can hide a
 * leak, but it needs to see every address that matters: as an aligned word, in
 * memory that can be read. A program that keeps one elsewhere, compressed or
 * only in the kernel's hands, has to name the object with goro_leak_root().
 *
 * Without goro-leakcheck's table of heap blocks all of the heap counts as in
 * use: what is found is as true, but what the heap still points to is missed.
 */
#ifndef GORO_LEAK_H
#define GORO_LEAK_H

#include <goro/goro.h>
#include <stdio.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

enum goro_leak_kind {
	GORO_LEAK_PROVEN,   /* can never go on */
	GORO_LEAK_LEFTOVER, /* was there when main or a test had ended */
	GORO_LEAK_SUSPECT,
	GORO_LEAK_UNCLOSED_CHAN, /* channels: see goro-leakcheck(1) */
	GORO_LEAK_DEADLOCK,      /* waits for locks that are never given back */
	/* Beside the others: what may have led to them. */
	GORO_LEAK_UNSTOPPED_TIMER, /* and a goroutine left over waits for it */
	GORO_LEAK_UNCANCELLED_CTX, /* likewise, or nobody can cancel it */
	GORO_LEAK_LOCKED_BY_ENDED, /* locks whose owner has ended */
};

/**
 * Look for leaks, now.
 *
 * @report   where to say what was found, unless it is nothing; NULL: nowhere
 *
 * Returns   how many goroutines and channels, 0 none; timers, contexts and
 *           locks are in the report, but do not count
 * Errors    -EBUSY       another check is under way
 *           -ETIMEDOUT   a thread did not stop: it blocks SIGURG
 *           -ENOTRECOVERABLE  one that was called leaked has run since
 *           -ENOMEM, -ENOTSUP (under ThreadSanitizer)
 * Context   a goroutine, or any other thread; never parks
 * Threads   all others are made to stand still meanwhile, each by a signal, so
 *           a system call of theirs may end with EINTR
 * Signals   not async-signal-safe
 */
int goro_leak_check(FILE *report);

/** How many of a kind the last check has found; 0 when it could not run. */
int goro_leak_count(enum goro_leak_kind kind);

/**
 * Never report goroutines that have a function on their stack, or that it has
 * started: for those that are meant to wait for ever.
 *
 * @function  its name, copied
 */
void goro_leak_ignore(const char *function);

/**
 * Name memory that the search cannot know of, to be searched from then on.
 *
 * @start    an object, or memory with addresses of objects in it; to make one
 *           object be in use, pass a variable that holds its address
 * @bytes    0 takes @start back
 */
void goro_leak_root(const void *start, size_t bytes);

/**
 * Fixtures for cmocka: the test fails, with the report on stderr, if it leaves
 * a goroutine behind that it has started, itself or through others.
 *
 *	cmocka_unit_test_setup_teardown(test, goro_leak_setup,
 *					goro_leak_teardown)
 *
 * A test may call goro_run() itself, or be a part of its main function.
 *
 * @state    left alone
 *
 * Returns   0, or -1: there were leaks, or there is no telling
 */
int goro_leak_setup(void **state);
int goro_leak_teardown(void **state);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
