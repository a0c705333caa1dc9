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

enum { GT_JSON_VERSION = 1 };

struct gt_error *gt_render_json(const struct gt_report *report,
				struct gt_out *out);

#endif
