// SPDX-License-Identifier: MIT
/*
 * test_json_read.c - reading JSON, good and bad; and comparing two dumps
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/diff.h"

static char *text;
static struct gt_json_doc doc;

static int
drop(void **state)
{
	(void)state;
	gt_json_doc_fini(&doc);
	free(text);
	text = NULL;
	return 0;
}

/* The document, or NULL: it was refused. */
static const struct gt_value *
parse(const char *s)
{
	drop(NULL);
	text = strdup(s);
	T_CHECK(text);
	struct gt_error *err = gt_json_parse(text, &doc);
	gt_error_free(err);
	return err ? NULL : doc.root;
}

static void
values_are_read(void **state)
{
	const struct gt_value *v = parse(" { \"a\" : [ 1, 2.5e1 ,-3, "
					 "true,false , null, [] , {} ],\n"
					 "\t\"b\":{\"c\":18446744073709551615},"
					 " \"d\":\"\" } ");
	const struct gt_value *a = gt_value_items(v, "a");

	(void)state;
	assert_non_null(v);
	assert_int_equal(a->number, 1);
	assert_int_equal(a->next->type, GT_VALUE_NUMBER);
	assert_int_equal(a->next->next->number, 0);
	assert_int_equal(a->next->next->next->number, 1);
	assert_true(gt_value_number(gt_value_get(v, "b"), "c") == UINT64_MAX);
	assert_string_equal(gt_value_string(v, "d"), "");
	assert_null(gt_value_get(v, "e"));
	assert_int_equal(gt_value_number(v, "d"), 0);
	assert_null(gt_value_items(v, "b"));
	assert_string_equal(gt_value_string(NULL, "d"), "");
}

static void
strings_have_escapes(void **state)
{
	const struct gt_value *v = parse("{\"a\":\"\\\"\\\\\\/"
					 "\\n\\u0041\\u00e9\\u20AC\"}");

	(void)state;
	assert_non_null(v);
	assert_string_equal(gt_value_string(v, "a"), "\"\\/"
						     "\nA\xc3\xa9\xe2\x82\xac");
}

static void
what_is_no_json_is_refused(void **state)
{
	static const char *const bad[] = {
		"",          "{",       "[",        "[1",          "[1,",
		"[1,]",      "{\"a\"}", "{\"a\":}", "{a:1}",       "\"",
		"\"\\",      "\"\\u12", "\"\\u000", "\"\\u0000\"", "\"\\x\"",
		"\"\n\"",    "nul",     "truee",    "1 2",         "inf",
		"0x10",      "nan",     "+1",       "-",           "[1}",
		"{\"a\":1]", "\"a\"b",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (parse(bad[i]))
			fail_msg("'%s' is taken for JSON", bad[i]);
}

static void
depth_is_bounded(void **state)
{
	char deep[200001];

	(void)state;
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_null(parse(deep));
	memset(deep + 60, ']', 60);
	deep[120] = '\0';
	assert_non_null(parse(deep));
}

/* ---- two dumps ---- */

#define DUMP(pid, ...)                                                    \
	"{\"version\":1,\"pid\":" #pid ",\"time\":\"2026-11-23T10:11:12." \
				       "000000000Z\",\"goroutines\":"     \
				       "[" __VA_ARGS__ "]}"
#define G(id, reason, function)                                      \
	"{\"id\":" #id ",\"state\":\"waiting\",\"reason\":\"" reason \
	"\",\"stack\":[{\"function\":\"" function "\",\"file\":\"/"  \
						  "a.c\",\"line\":7}]}"

static const char *
difference(const char *before, const char *after)
{
	static char shown[4096];
	char *texts[2] = { strdup(before), strdup(after) };
	struct gt_json_doc docs[2];
	struct gt_diff diff;
	struct gt_out out;

	for (int i = 0; i < 2; i++)
		T_CHECK(!gt_json_parse(texts[i], &docs[i]));
	struct gt_error *err = gt_diff_make(docs[0].root, docs[1].root, &diff);
	T_CHECK(gt_out_init(&out, -1));
	if (err)
		gt_out_string(&out, err->text);
	else
		gt_render_diff(&diff, 0, false, &out);
	gt_error_free(err);
	snprintf(shown, sizeof(shown), "%.*s", (int)out.n, out.buf);
	free(out.buf);
	gt_diff_fini(&diff);
	for (int i = 0; i < 2; i++) {
		gt_json_doc_fini(&docs[i]);
		free(texts[i]);
	}
	return shown;
}

static void
nothing_has_changed(void **state)
{
	(void)state;
	assert_string_equal(difference(DUMP(5, G(1, "sleep", "f")),
				       DUMP(5, G(1, "sleep", "f"))),
			    "1 goroutines at 10:11:12, 1 at 10:11:12: 0 came, "
			    "0 went, "
			    "1 stayed\n"
			    "\n1 goroutines in 1 groups are as many as "
			    "before\n");
}

static void
what_came_and_went_is_told_by_stack(void **state)
{
	(void)state;
	/* 2 has gone on to sleep, 3 has ended, 4 and 5 are new. */
	assert_string_equal(
		difference(
			DUMP(5, G(1, "select",
				  "f") "," G(2, "select",
					     "f") "," G(3, "select", "f")),
			DUMP(5,
			     G(1, "select", "f") "," G(2, "sleep", "f") "," G(
				     4, "sleep", "f") "," G(5, "sleep", "f"))),
		"3 goroutines at 10:11:12, 4 at 10:11:12: 2 came, 1 went, "
		"2 stayed\n"
		"\n+3 [sleep]: 0 before, 3 after; 3 came, 0 went\n"
		"f(...)\n\t/a.c:7\n"
		"\n-2 [select]: 3 before, 1 after; 0 came, 2 went\n"
		"f(...)\n\t/a.c:7\n");
}

static void
of_two_processes_numbers_are_compared(void **state)
{
	(void)state;
	assert_string_equal(
		difference(DUMP(5, G(1, "sleep", "f")),
			   DUMP(6, G(1, "sleep", "f") "," G(2, "sleep", "f"))),
		"1 goroutines at 10:11:12, 2 at 10:11:12 of "
		"another process\n"
		"\n+1 [sleep]: 1 before, 2 after\n"
		"f(...)\n\t/a.c:7\n");
}

static void
groups_are_as_good_as_goroutines(void **state)
{
	(void)state;
	assert_string_equal(
		difference(DUMP(5, G(1, "sleep", "f") "," G(2, "sleep", "f")),
			   "{\"version\":1,\"pid\":5,\"groups\":[{\"count\":3,"
			   "\"state\":\"waiting\",\"reason\":\"sleep\","
			   "\"ids\":[2,3,4],\"stack\":[{\"function\":\"f\","
			   "\"file\":\"/a.c\",\"line\":7}]}]}"),
		"2 goroutines at 10:11:12, 3: 2 came, 1 went, 1 stayed\n"
		"\n+1 [sleep]: 2 before, 3 after; 2 came, 1 went\n"
		"f(...)\n\t/a.c:7\n");
}

static void
what_is_no_dump_is_refused(void **state)
{
	(void)state;
	assert_non_null(strstr(difference("[]", DUMP(1, "")), "first file is "
							      "no dump"));
	assert_non_null(strstr(difference(DUMP(1, ""), "{\"version\":2}"),
			       "second file is no dump"));
	/* What is in it may be anything. */
	assert_non_null(strstr(difference(DUMP(1, "7,[],null,{\"stack\":3}"),
					  DUMP(1, "{\"reason\":\"\\u001b\"}")),
			       "came"));
}

int
main(void)
{
#define DROP(test) cmocka_unit_test_teardown(test, drop)
	const struct CMUnitTest tests[] = {
		DROP(values_are_read),
		DROP(strings_have_escapes),
		DROP(what_is_no_json_is_refused),
		DROP(depth_is_bounded),
		DROP(nothing_has_changed),
		DROP(what_came_and_went_is_told_by_stack),
		DROP(of_two_processes_numbers_are_compared),
		DROP(groups_are_as_good_as_goroutines),
		DROP(what_is_no_dump_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
