// SPDX-License-Identifier: MIT
/*
 * test_support.c - the tests' own tools fail when they should
 */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct t_child child;

static void
exit_with_3(void)
{
	fputs("out", stdout);
	fflush(stdout);
	fputs("err", stderr);
	exit(3);
}

static void
child_run_gives_status_and_both_outputs(void **state)
{
	(void)state;
	t_child_run(&child, exit_with_3);
	assert_int_equal(child.status, 3);
	assert_string_equal(child.out, "outerr");
}

static void
write_200000_bytes(void)
{
	for (int i = 0; i < 200000; i++)
		putchar('x');
}

static void
child_run_drops_what_does_not_fit(void **state)
{
	(void)state;
	t_child_run(&child, write_200000_bytes);
	assert_int_equal(child.status, 0);
	assert_int_equal(child.out_bytes, sizeof(child.out) - 1);
	assert_int_equal(strlen(child.out), child.out_bytes);
}

static void
check_what_is_false(void)
{
	int one = 1;

	T_CHECK(one == 1);
	T_CHECK(one == 2);
}

static void
check_aborts_and_names_the_condition(void **state)
{
	(void)state;
	t_child_run(&child, check_what_is_false);
	assert_int_equal(child.status, -SIGABRT);
	assert_non_null(strstr(child.out, "test_support.c:"));
	assert_non_null(strstr(child.out, "not true: one == 2"));
}

static void
compare_unequal(void)
{
	int one = 1;

	T_CHECK_EQ(one, 1);
	T_CHECK_EQ(one, 1 - 3);
}

static void
check_eq_says_both_values(void **state)
{
	(void)state;
	t_child_run(&child, compare_unequal);
	assert_int_equal(child.status, -SIGABRT);
	assert_non_null(strstr(child.out, "one is 1, 1 - 3 is -2"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(child_run_gives_status_and_both_outputs),
		cmocka_unit_test(child_run_drops_what_does_not_fit),
		cmocka_unit_test(check_aborts_and_names_the_condition),
		cmocka_unit_test(check_eq_says_both_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
