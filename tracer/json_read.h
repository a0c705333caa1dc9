/* SPDX-License-Identifier: MIT */
/*
 * json_read.h - reading JSON: the dumps that were saved
 *
 * A file from anywhere: its depth is bounded, and what is no JSON is refused
 * with the place. A document is a tree of values; its strings lie in the text
 * that was given.
 */
#ifndef GT_JSON_READ_H
#define GT_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum gt_value_type {
	GT_VALUE_NULL,
	GT_VALUE_BOOL, /* number is 0 or 1 */
	GT_VALUE_NUMBER,
	GT_VALUE_STRING,
	GT_VALUE_ARRAY,
	GT_VALUE_OBJECT,
};

struct gt_value {
	enum gt_value_type type;
	const char *key;               /* in an object */
	struct gt_value *first, *next; /* of an array or object; in it */
	const char *string;
	uint64_t number; /* 0 for what is negative, or too large */
};

struct gt_json_doc {
	struct gt_value *root;
	struct gt_json_block *blocks; /* the values */
};

/* @text is written to and must stay; it ends with a NUL. gt_json_doc_fini(ret)
 * in any case. */
struct gt_error *gt_json_parse(char *text, struct gt_json_doc *ret);
void gt_json_doc_fini(struct gt_json_doc *doc);

/* A member, or NULL; @object may be NULL or no object. */
const struct gt_value *gt_value_get(const struct gt_value *object,
				    const char *key);
/* A member's value: "" and 0 where there is none of that type. */
const char *gt_value_string(const struct gt_value *object, const char *key);
uint64_t gt_value_number(const struct gt_value *object, const char *key);
/* The first of a member that is an array, or NULL. */
const struct gt_value *gt_value_items(const struct gt_value *object,
				      const char *key);

#endif
