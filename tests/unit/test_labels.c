// SPDX-License-Identifier: MIT
/*
 * test_labels.c - labels: set, replaced, removed, inherited
 */
#include <errno.h>
#include <goro/goro.h>
#include <stdio.h>
#include <string.h>

#include "labels.h"
#include "sched.h"
#include "test.h"

static const char *
label(const char *key)
{
	struct gr_labels *set = gr_m_self()->g->labels;

	for (uint32_t i = 0; set && i < set->n; i++)
		if (!strcmp(set->label[i].key, key))
			return set->label[i].value;
	return NULL;
}

static bool
is(const char *key, const char *value)
{
	const char *has = label(key);

	return has && value ? !strcmp(has, value) : has == value;
}

T_GORO(a_label_is_set_replaced_and_removed)
{
	T_CHECK(is("user", NULL));
	T_CHECK_EQ(goro_label_set("user", "ada"), 0);
	T_CHECK_EQ(goro_label_set("host", "a"), 0);
	T_CHECK_EQ(goro_label_set("zone", ""), 0);
	T_CHECK(is("user", "ada") && is("host", "a") && is("zone", ""));
	T_CHECK_EQ(goro_label_set("user", "grace"), 0);
	T_CHECK(is("user", "grace") && is("host", "a"));
	T_CHECK_EQ(goro_label_set("host", NULL), 0);
	T_CHECK_EQ(goro_label_set("none", NULL), 0);
	T_CHECK(is("host", NULL) && is("user", "grace") && is("zone", ""));
}

T_GORO(labels_out_of_bounds_are_refused)
{
	char text[1000] = { 0 };

	memset(text, 'x', sizeof(text) - 1);
	T_CHECK_EQ(goro_label_set(NULL, "v"), -EINVAL);
	T_CHECK_EQ(goro_label_set("", "v"), -EINVAL);
	T_CHECK_EQ(goro_label_set(text, "v"), -EINVAL);
	T_CHECK_EQ(goro_label_set("k", text), -EINVAL);
	for (int i = 0; i < 32; i++) {
		snprintf(text, sizeof(text), "key%d", i);
		T_CHECK_EQ(goro_label_set(text, "v"), 0);
	}
	T_CHECK_EQ(goro_label_set("one more", "v"), -E2BIG);
}

static void
child(void *done)
{
	T_CHECK(is("user", "ada"));
	T_CHECK_EQ(goro_label_set("user", "child"), 0);
	goro_yield();
	T_CHECK(is("user", "child"));
	goro_chan_send(done, NULL);
}

T_GORO(a_goroutine_inherits_and_then_has_its_own)
{
	struct goro_chan *done = goro_chan_create(0, 0);

	T_CHECK_EQ(goro_label_set("user", "ada"), 0);
	for (int i = 0; i < 100; i++)
		goro_go(child, done);
	T_CHECK_EQ(goro_label_set("user", "other"), 0);
	for (int i = 0; i < 100; i++)
		goro_chan_recv(done, NULL);
	T_CHECK(is("user", "other"));
	goro_chan_unref(done);
}

static bool
is_named(const char *name)
{
	const struct gr_labels *set = gr_m_self()->g->labels;

	return set && set->name ? name && !strcmp(set->name, name) : !name;
}

static void
nameless(void *done)
{
	T_CHECK(is_named(NULL));
	T_CHECK(is("user", "ada"));
	goro_chan_send(done, NULL);
}

static void
named(void *done)
{
	T_CHECK(is_named("child"));
	T_CHECK(is("user", "ada"));
	goro_chan_send(done, NULL);
}

T_GORO(a_name_goes_with_the_labels_and_is_not_inherited)
{
	struct goro_chan *done = goro_chan_create(0, 0);
	struct goro_attr attr = { .name = "child" };

	goro_set_name("first");
	T_CHECK(is_named("first"));
	T_CHECK_EQ(goro_label_set("user", "ada"), 0);
	T_CHECK(is_named("first") && is("user", "ada"));
	goro_set_name("second");
	T_CHECK(is_named("second") && is("user", "ada"));
	goro_go(nameless, done);
	goro_chan_recv(done, NULL);
	T_CHECK(goro_go_attr(&attr, named, done));
	goro_chan_recv(done, NULL);
	goro_set_name(NULL);
	T_CHECK(is_named(NULL) && is("user", "ada"));
	goro_chan_unref(done);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_label_is_set_replaced_and_removed),
		cmocka_unit_test(labels_out_of_bounds_are_refused),
		cmocka_unit_test(a_goroutine_inherits_and_then_has_its_own),
		cmocka_unit_test(
			a_name_goes_with_the_labels_and_is_not_inherited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
