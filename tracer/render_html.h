/* SPDX-License-Identifier: MIT */
/*
 * render_html.h - a dump as one page that needs nothing else
 */
#ifndef GT_RENDER_HTML_H
#define GT_RENDER_HTML_H

#include "out.h"
#include "report.h"

/* The report has its objects; groups are made here. */
struct gt_error *gt_render_html(const struct gt_report *report,
				struct gt_out *out);

#endif
