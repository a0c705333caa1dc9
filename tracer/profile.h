/* SPDX-License-Identifier: MIT */
/*
 * profile.h - a profile.proto, read strictly
 *
 * Idea       What the tools add to, print and compare, and what the tests of
 *            the runtime's profiles look at. References are resolved to
 *            indices while reading, so nothing of the format is left.
 * Trust      None: a profile is a file from anywhere. What pprof refuses is
 *            refused here, and what it takes but shows wrong: a label that it
 *            drops, an address outside of its mapping.
 * Memory     One arena of arrays; strings lie in the inflated bytes.
 */
#ifndef GT_PROFILE_H
#define GT_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum { GT_PROFILE_TYPES = 8 };

struct gt_profile_type {
	uint32_t type, unit; /* strings */
};

struct gt_profile_mapping {
	uint64_t id, start, limit, offset;
	uint32_t file, build_id; /* strings */
	bool has_functions, has_files, has_lines, has_inlines;
};

struct gt_profile_function {
	uint64_t id;
	uint32_t name, system_name, file; /* strings */
	int64_t start_line;
};

struct gt_profile_line {
	uint32_t function; /* index */
	int64_t line;
};

struct gt_profile_location {
	uint64_t id, address;
	int32_t mapping;        /* index, or -1 */
	uint32_t line, lines_n; /* the first in `lines`: the innermost */
};

struct gt_profile_label {
	uint32_t key, str, unit; /* strings; str 0: a number */
	int64_t num;
};

struct gt_profile_sample {
	uint32_t frame, frames_n; /* in `frames`: locations, the leaf first */
	uint32_t label, labels_n;
	int64_t value[GT_PROFILE_TYPES];
};

/* An array that grows. */
#define GT_PROFILE_ARRAY(type)  \
	struct {                \
		type *at;       \
		size_t n, room; \
	}

struct gt_profile {
	GT_PROFILE_ARRAY(const char *) strings;
	GT_PROFILE_ARRAY(struct gt_profile_mapping) mappings;
	GT_PROFILE_ARRAY(struct gt_profile_function) functions;
	GT_PROFILE_ARRAY(struct gt_profile_location) locations;
	GT_PROFILE_ARRAY(struct gt_profile_line) lines;
	GT_PROFILE_ARRAY(struct gt_profile_sample) samples;
	GT_PROFILE_ARRAY(struct gt_profile_label) labels;
	GT_PROFILE_ARRAY(uint32_t) frames;
	GT_PROFILE_ARRAY(uint32_t) comments;
	struct gt_profile_type type[GT_PROFILE_TYPES], period_type;
	size_t types_n;
	int64_t period, time_ns, duration_ns;
	uint32_t default_type; /* string */
	void *text;            /* of the strings, each with a terminator */
};

struct gt_error *gt_profile_read(const void *bytes, size_t n,
				 struct gt_profile *ret);
struct gt_error *gt_profile_read_fd(int fd, struct gt_profile *ret);
void gt_profile_fini(struct gt_profile *p);

static inline const char *
gt_profile_string(const struct gt_profile *p, uint32_t i)
{
	return p->strings.at[i];
}

/* The function of @line of a location, for reading. */
static inline const char *
gt_profile_function_name(const struct gt_profile *p,
			 const struct gt_profile_line *line)
{
	return p->strings.at[p->functions.at[line->function].name];
}

#endif
