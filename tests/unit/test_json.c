// SPDX-License-Identifier: MIT
/*
 * test_json.c - JSON, to the letter; and what else out.h can write
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "tracer/json.h"

static struct gt_out out;
static struct gt_json json;

static int
make(void **state)
{
	(void)state;
	json = (struct gt_json){ .out = &out };
	return gt_out_init(&out, -1) ? 0 : -1;
}

static int
drop(void **state)
{
	(void)state;
	free(out.buf);
	return 0;
}

static const char *
text(void)
{
	gt_out_bytes(&out, "", 1);
	T_CHECK(!out.error);
	return out.buf;
}

static void
commas_are_where_they_belong(void **state)
{
	(void)state;
	gt_json_open(&json, '{');
	gt_json_put_number(&json, "a", 1);
	gt_json_put_string(&json, "nothing", "");
	gt_json_put_true(&json, "no", false);
	gt_json_key(&json, "b");
	gt_json_open(&json, '[');
	gt_json_number(&json, UINT64_MAX);
	gt_json_open(&json, '{');
	gt_json_close(&json, '}');
	gt_json_bool(&json, false);
	gt_json_raw(&json, "null", 4);
	gt_json_close(&json, ']');
	gt_json_put_true(&json, "c", true);
	gt_json_key(&json, "d");
	gt_json_address(&json, 0x7fff00000010);
	gt_json_close(&json, '}');
	assert_string_equal(text(), "{\"a\":1,\"b\":[18446744073709551615,{},"
				    "false,null],\"c\":true,"
				    "\"d\":\"0x7fff00000010\"}");
}

static void
strings_may_be_anything(void **state)
{
	(void)state;
	gt_json_string(&json, "\"a\\b\"\n\x1b[2J\x80\xc3\xb6<");
	json.html = true;
	gt_json_string(&json, "</script>");
	assert_string_equal(text(), "\"\\\"a\\\\b\\\"??[2J?\xc3\xb6<\","
				    "\"\\u003c/script>\"");
}

static void
long_strings_are_whole(void **state)
{
	char s[5000];

	(void)state;
	/* Three bytes each, so that one lies across any buffer's end. */
	for (size_t i = 0; i + 3 < sizeof(s); i += 3)
		memcpy(s + i, "\xe2\x82\xac", 4);
	gt_json_string(&json, s);
	text();
	assert_int_equal(strlen(out.buf), strlen(s) + 2);
	assert_memory_equal(out.buf + 1, s, strlen(s));
}

static void
times_have_nanoseconds(void **state)
{
	(void)state;
	gt_json_time(&json, UINT64_C(1700000000000000042));
	assert_string_equal(text(), "\"2023-11-14T22:13:20.000000042Z\"");
}

static void
durations_have_two_units_at_most(void **state)
{
	(void)state;
	static const uint64_t ns[] = {
		0,
		999,
		1000,
		1234567,
		999000000,
		1250000000,
		59900000000,
		60000000000,
		184000000000,
		3600000000000,
		90061000000000,
	};

	for (unsigned i = 0; i < sizeof(ns) / sizeof(*ns); i++) {
		gt_out_duration(&out, ns[i]);
		gt_out_string(&out, " ");
	}
	assert_string_equal(text(), "0ns 999ns 1us 1.23ms 999ms 1.25s 59.9s "
				    "1m0s 3m4s 1h0m 1d1h ");
}

int
main(void)
{
#define JSON(test) cmocka_unit_test_setup_teardown(test, make, drop)
	const struct CMUnitTest tests[] = {
		JSON(commas_are_where_they_belong),
		JSON(strings_may_be_anything),
		JSON(long_strings_are_whole),
		JSON(times_have_nanoseconds),
		JSON(durations_have_two_units_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
