// SPDX-License-Identifier: MIT
/*
 * leak_test.c - tests that fail when they leave goroutines behind
 *
 * What is tested asks three replicas of a service and takes the first answer.
 * hasty() forgets the other two: nobody receives what they send, so they wait
 * for good. Its test gets the right answer, and fails all the same, because of
 * the fixtures; careful() tells them that nobody listens any more.
 *
 *	leak_test		one test after the other, by cmocka
 *	leak_test parallel	all at once, in one program: each is told of its
 *				own leaks only
 *
 * It exits with 1: one test fails, as it should.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <goro/goro.h>
#include <goro/leak.h>
#include <stdio.h>
#include <string.h>

enum { REPLICAS = 3 };
#define MS INT64_C(1000000)

struct question {
	struct goro_chan *answers;
	struct goro_ctx *ctx; /* NULL: whoever asks waits for all */
	int replica;
};

/* --- What is tested ------------------------------------------------------- */

static void
ask(void *arg)
{
	struct question *q = arg;

	goro_sleep(q->replica * MS); /* the network */
	if (q->ctx) {
		struct goro_case cases[] = {
			GORO_SEND(q->answers, &q->replica),
			GORO_RECV(goro_ctx_done(q->ctx), NULL),
		};

		goro_select(cases, 2);
		goro_ctx_unref(q->ctx);
	} else {
		goro_chan_send(q->answers, &q->replica);
	}
	goro_chan_unref(q->answers);
}

static int
first_answer(struct goro_ctx *ctx)
{
	struct goro_chan *answers = goro_chan_create(sizeof(int), 0);
	int first;

	goro_chan_set_name(answers, "answers");
	for (int i = 0; i < REPLICAS; i++)
		goro_go_copy(ask,
			     &(struct question){ goro_chan_ref(answers),
						 ctx ? goro_ctx_ref(ctx) : NULL,
						 i },
			     sizeof(struct question));
	goro_chan_recv(answers, &first);
	goro_chan_unref(answers);
	return first;
}

static int
hasty(void)
{
	return first_answer(NULL);
}

static int
careful(void)
{
	struct goro_ctx *ctx = goro_ctx_with_cancel(goro_ctx_background());
	int first = first_answer(ctx);

	goro_ctx_cancel(ctx);
	goro_ctx_unref(ctx);
	return first;
}

/* --- The tests ------------------------------------------------------------ */

/* As main functions: nonzero if the answer is wrong. */
static int
take_hasty(void *arg)
{
	(void)arg;
	return hasty() < 0;
}

static int
take_careful(void *arg)
{
	(void)arg;
	return careful() < 0;
}

static void
hasty_client_gets_an_answer(void **state)
{
	(void)state;
	assert_int_equal(goro_run(take_hasty, NULL), 0);
}

static void
careful_client_gets_an_answer(void **state)
{
	(void)state;
	assert_int_equal(goro_run(take_careful, NULL), 0);
}

#define LEAK_TEST(test)                                        \
	cmocka_unit_test_setup_teardown(test, goro_leak_setup, \
					goro_leak_teardown)

static int
one_by_one(void)
{
	const struct CMUnitTest tests[] = {
		LEAK_TEST(careful_client_gets_an_answer),
		LEAK_TEST(hasty_client_gets_an_answer),
		LEAK_TEST(careful_client_gets_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* --- The same, all at once ------------------------------------------------ */

struct test {
	const char *name;
	int (*body)(void *arg);
	struct goro_waitgroup *all;
	int failed;
};

/* All that the body starts is of this test, and what those start. */
static void
with_fixtures(void *arg)
{
	struct test *t = arg;

	goro_leak_setup(NULL);
	t->failed = t->body(NULL) != 0;
	t->failed |= goro_leak_teardown(NULL) != 0;
	goro_waitgroup_done(t->all);
}

static int
all_at_once(void *arg)
{
	struct goro_waitgroup all = GORO_WAITGROUP_INIT;
	struct test tests[] = {
		{ "careful_client_gets_an_answer", take_careful, &all, 0 },
		{ "hasty_client_gets_an_answer", take_hasty, &all, 0 },
		{ "another_careful_client", take_careful, &all, 0 },
	};
	int n = sizeof(tests) / sizeof(*tests), failed = 0;

	(void)arg;
	goro_waitgroup_add(&all, n);
	for (int i = 0; i < n; i++)
		goro_go(with_fixtures, &tests[i]);
	goro_waitgroup_wait(&all);
	for (int i = 0; i < n; i++) {
		printf("%s %s\n", tests[i].failed ? "FAILED" : "passed",
		       tests[i].name);
		failed += tests[i].failed;
	}
	return failed;
}

int
main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "parallel"))
		return goro_run(all_at_once, NULL);
	return one_by_one();
}
