// SPDX-License-Identifier: MIT
/*
 * json.c - writing JSON, value by value
 */
#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { PIECE = 512 };

/* What comes before a value. */
static void
begin(struct gt_json *j)
{
	if (j->comma)
		gt_out_bytes(j->out, ",", 1);
	j->comma = true;
}

void
gt_json_open(struct gt_json *j, char bracket)
{
	begin(j);
	gt_out_bytes(j->out, &bracket, 1);
	j->comma = false;
}

void
gt_json_close(struct gt_json *j, char bracket)
{
	gt_out_bytes(j->out, &bracket, 1);
	j->comma = true;
}

void
gt_json_key(struct gt_json *j, const char *key)
{
	begin(j);
	gt_out_bytes(j->out, "\"", 1);
	gt_out_string(j->out, key);
	gt_out_bytes(j->out, "\":", 2);
	j->comma = false;
}

/* Everything that is no character of a text is gone by now. */
static void
put_clean(struct gt_json *j, const char *s)
{
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			gt_out_bytes(j->out, "\\", 1);
		if (*s == '<' && j->html)
			gt_out_string(j->out, "\\u003c");
		else
			gt_out_bytes(j->out, s, 1);
	}
}

void
gt_json_string(struct gt_json *j, const char *s)
{
	char clean[PIECE];

	begin(j);
	gt_out_bytes(j->out, "\"", 1);
	/* Cleaning keeps the length, so it can go on where it stopped. */
	while (*s) {
		s += gt_clean(clean, sizeof(clean), s, "");
		put_clean(j, clean);
	}
	gt_out_bytes(j->out, "\"", 1);
}

void
gt_json_number(struct gt_json *j, uint64_t value)
{
	begin(j);
	gt_out_number(j->out, value);
}

void
gt_json_integer(struct gt_json *j, int64_t value)
{
	begin(j);
	gt_out_format(j->out, "%" PRId64, value);
}

void
gt_json_bool(struct gt_json *j, bool value)
{
	begin(j);
	gt_out_string(j->out, value ? "true" : "false");
}

void
gt_json_address(struct gt_json *j, uint64_t addr)
{
	begin(j);
	gt_out_format(j->out, "\"0x%" PRIx64 "\"", addr);
}

void
gt_json_time(struct gt_json *j, uint64_t ns)
{
	time_t s = ns / 1000000000;
	struct tm tm;
	char text[64] = "";

	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	begin(j);
	gt_out_format(j->out, "\"%s.%09" PRIu64 "Z\"", text, ns % 1000000000);
}

void
gt_json_raw(struct gt_json *j, const char *text, size_t n)
{
	begin(j);
	gt_out_bytes(j->out, text, n);
}
