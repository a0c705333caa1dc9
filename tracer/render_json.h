/* SPDX-License-Identifier: MIT */
/*
 * render_json.h - a dump as one JSON object
 *
 * docs/schema/goro-dump.schema.json describes it; "version" rises when a reader
 * of the version before would misread it.
 */
#ifndef GT_RENDER_JSON_H
#define GT_RENDER_JSON_H

#include "json.h"
#include "report.h"
#include "symbolize.h"

enum { GT_JSON_VERSION = 1 };

struct gt_error *gt_render_json(const struct gt_report *report,
				struct gt_out *out);

/* For a page: groups with their stacks, and goroutines that say which group they
 * are in; no '<' in strings. */
struct gt_json_apart {
	const uint32_t *group_of; /* by goroutine: index into report->groups */
	size_t max;               /* goroutines at most */
};
struct gt_error *gt_render_json_apart(const struct gt_report *report,
				      const struct gt_json_apart *apart,
				      struct gt_out *out);

/* For both files: the members of a frame; those of the call @pc that made
 * something; false when memory is short. */
void gt_json_frame(struct gt_json *j, const struct gt_frame *f, uint64_t pc);
bool gt_json_call(struct gt_json *j, const struct gt_view *view, uint32_t pc);

/* json_waits.c: the members "objects" and "deadlocks". */
bool gt_json_waits(struct gt_json *j, const struct gt_report *report);

#endif
