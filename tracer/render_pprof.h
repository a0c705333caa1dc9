/* SPDX-License-Identifier: MIT */
/*
 * render_pprof.h - goroutines as a profile that pprof opens
 */
#ifndef GT_RENDER_PPROF_H
#define GT_RENDER_PPROF_H

#include "out.h"
#include "report.h"

/* gzip'd; counts the goroutines of the report's view by stack and labels. */
struct gt_error *gt_render_pprof(const struct gt_report *report,
				 struct gt_out *out);

#endif
