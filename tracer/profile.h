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
 * Memory     Arrays; strings lie in the inflated bytes, or were added.
 */
#ifndef GT_PROFILE_H
#define GT_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "modules.h"
#include "symbolize.h"

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

bool gt_profile_grow(void **at, size_t *room, size_t item_bytes);

/* Put one more at the end; false when memory is short. */
#define GT_PROFILE_PUSH(array, ...)                                            \
	({                                                                     \
		__typeof__(array) *a__ = &(array);                             \
		bool ok__ = a__->n < a__->room ||                              \
			    gt_profile_grow((void **)&a__->at, &a__->room,     \
					    sizeof(*a__->at));                 \
		if (ok__)                                                      \
			a__->at[a__->n++] = (__typeof__(*a__->at))__VA_ARGS__; \
		ok__;                                                          \
	})

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
	GT_PROFILE_ARRAY(char *) added; /* strings, malloc'ed */
	struct gt_profile_type type[GT_PROFILE_TYPES], period_type;
	size_t types_n;
	int64_t period, time_ns, duration_ns;
	uint32_t default_type; /* string */
	void *text;            /* of the strings, each with a terminator */
};

/* More strings than the file has; the number of a copy of @text. 0: it is
 * empty, or memory is short. */
uint32_t gt_profile_add_string(struct gt_profile *p, const char *text);

/* profile_lines.c: the function of @f's name and file, new if need be; UINT32_MAX:
 * memory is short. */
uint32_t gt_profile_add_function(struct gt_profile *p,
				 const struct gt_frame *f);

/* The same file: functions, files, lines and what was inlined, for each
 * location that @modules knows. @whole  the runtime's own too */
struct gt_error *gt_profile_add_lines(struct gt_profile *p,
				      struct gt_modules *modules,
				      const struct gt_abi *abi, bool whole);

/* profile_write.c: gzip'd, into memory that the caller frees. */
struct gt_error *gt_profile_write(const struct gt_profile *p, void **ret,
				  size_t *ret_bytes);

struct gt_error *gt_profile_read(const void *bytes, size_t n,
				 struct gt_profile *ret);
struct gt_error *gt_profile_read_fd(int fd, struct gt_profile *ret);
void gt_profile_fini(struct gt_profile *p);

static inline const char *
gt_profile_string(const struct gt_profile *p, uint32_t i)
{
	return p->strings.at[i];
}

/* The kind of value that is shown unless another is asked for, as in pprof. */
static inline size_t
gt_profile_shown(const struct gt_profile *p)
{
	for (size_t i = 0; p->default_type && i < p->types_n; i++)
		if (p->type[i].type == p->default_type)
			return i;
	return p->types_n - 1;
}

/* The function of @line of a location, for reading. */
static inline const char *
gt_profile_function_name(const struct gt_profile *p,
			 const struct gt_profile_line *line)
{
	return p->strings.at[p->functions.at[line->function].name];
}

#endif
