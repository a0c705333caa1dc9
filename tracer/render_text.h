/* SPDX-License-Identifier: MIT */
/*
 * render_text.h - goroutines in the grammar of Go's tracebacks
 */
#ifndef GT_RENDER_TEXT_H
#define GT_RENDER_TEXT_H

#include "group.h"
#include "os_threads.h"
#include "stack_text.h"

struct gt_error *gt_render_text(const struct gt_view *view,
				const struct gt_text_options *options,
				struct gt_out *out);

/* render_groups.c: a group as "N goroutines [state, waits]: ids" and one
 * stack. */
struct gt_error *gt_render_groups(const struct gt_view *view,
				  const struct gt_groups *groups,
				  const struct gt_text_options *options,
				  struct gt_out *out);

/* The threads, a line each. */
void gt_render_threads(const struct gt_os_threads *threads, struct gt_out *out);

#endif
