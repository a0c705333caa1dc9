/* SPDX-License-Identifier: MIT */
/*
 * test.h - what every test includes
 *
 * Idea       cmocka's asserts longjmp() to the stack that cmocka called the
 *            test on, so they are for that stack alone. On a goroutine's
 *            stack T_CHECK() says what is wrong and aborts.
 * Waits      Nothing here or in a test waits without a bound: a broken runtime
 *            gives a line that names the condition, not a hung test.
 */
#ifndef TEST_H
#define TEST_H

/* cmocka.h asks for these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>

/* Correct on any stack and on any thread. */
#define T_CHECK(condition)                                      \
	do {                                                    \
		if (!(condition))                               \
			t_fail(__FILE__, __LINE__, #condition); \
	} while (0)

/* Integers; says both values. */
#define T_CHECK_EQ(a, b)                                                 \
	do {                                                             \
		long long t_a = (long long)(a), t_b = (long long)(b);    \
		if (t_a != t_b)                                          \
			t_fail_eq(__FILE__, __LINE__, #a, t_a, #b, t_b); \
	} while (0)

/* Wait for @condition to become true: for what another thread or goroutine is
 * sure to do, but not when. */
#define T_EVENTUALLY(condition)                                       \
	do {                                                          \
		for (int t_i = 0; !(condition); t_i++)                \
			t_pause(t_i, __FILE__, __LINE__, #condition); \
	} while (0)

/*
 * A cmocka test whose body is a program's goroutine 1 (needs goro/goro.h):
 *
 *	T_GORO(recv_on_closed_channel_gives_zero)
 *	{
 *		...
 *		T_CHECK(!goro_chan_recv(ch, &n));
 *	}
 */
#define T_GORO(name)                                              \
	static void name##_body(void);                            \
	static int name##_main(void *arg)                         \
	{                                                         \
		(void)arg;                                        \
		name##_body();                                    \
		return 0;                                         \
	}                                                         \
	static void name(void **state)                            \
	{                                                         \
		(void)state;                                      \
		assert_int_equal(goro_run(name##_main, NULL), 0); \
	}                                                         \
	static void name##_body(void)

/* How a child process ended, and the start of what it wrote. */
struct t_child {
	int status; /* of exit(); negative: the signal that killed it */
	size_t out_bytes;
	char out[64 * 1024]; /* stdout and stderr, NUL-terminated */
};

/*
 * Run @fn in a process of its own, for what ends a process: panics, deadlocks,
 * overflows. A child that runs for longer than a minute is killed; `out` then
 * ends with where each of its threads hung.
 */
void t_child_run(struct t_child *child, void (*fn)(void));

/* A process of its own whose main goroutine is @fn must end with status 2, as
 * panics and deadlocks do, having said @message. */
void t_expect_end(int (*fn)(void *arg), const char *message);

/* goro_run() that must give 0, with so many workers from its start, whatever
 * the environment says. */
void t_run_procs(const char *procs, int (*fn)(void *arg), void *arg);

_Noreturn void t_fail(const char *file, int line, const char *condition);
_Noreturn void t_fail_eq(const char *file, int line, const char *a_text,
			 long long a, const char *b_text, long long b);
void t_pause(int nth, const char *file, int line, const char *condition);

#endif
