/* SPDX-License-Identifier: MIT */
/*
 * json.h - writing JSON, value by value
 *
 * Commas take care of themselves. Strings may be anything: what is not UTF-8
 * becomes '?'. Addresses are strings, "0x7f...": as numbers they would lose
 * their last digits in most readers.
 */
#ifndef GT_JSON_H
#define GT_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "out.h"

struct gt_json {
	struct gt_out *out;
	bool comma; /* before what comes next */
	bool html;  /* for a <script>: no '<' in strings */
};

/* '{' or '[', and '}' or ']'. */
void gt_json_open(struct gt_json *j, char bracket);
void gt_json_close(struct gt_json *j, char bracket);
/* Keys are the tool's own words: nothing in them is escaped. */
void gt_json_key(struct gt_json *j, const char *key);

void gt_json_string(struct gt_json *j, const char *s);
void gt_json_number(struct gt_json *j, uint64_t value);
void gt_json_integer(struct gt_json *j, int64_t value);
void gt_json_bool(struct gt_json *j, bool value);
void gt_json_address(struct gt_json *j, uint64_t addr);
/* Nanoseconds of CLOCK_REALTIME, as in 2026-11-23T14:05:06.123456789Z. */
void gt_json_time(struct gt_json *j, uint64_t ns);
/* Values that are JSON already, without a comma before or after. */
void gt_json_raw(struct gt_json *j, const char *text, size_t n);

/* A key and its value; those that say nothing are left out. */
static inline void
gt_json_put_number(struct gt_json *j, const char *key, uint64_t value)
{
	gt_json_key(j, key);
	gt_json_number(j, value);
}

static inline void
gt_json_put_string(struct gt_json *j, const char *key, const char *s)
{
	if (!s || !*s)
		return;
	gt_json_key(j, key);
	gt_json_string(j, s);
}

static inline void
gt_json_put_true(struct gt_json *j, const char *key, bool value)
{
	if (!value)
		return;
	gt_json_key(j, key);
	gt_json_bool(j, true);
}

#endif
