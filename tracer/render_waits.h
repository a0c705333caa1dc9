/* SPDX-License-Identifier: MIT */
/*
 * render_waits.h - what blocks whom, as text and as a graph for graphviz
 */
#ifndef GT_RENDER_WAITS_H
#define GT_RENDER_WAITS_H

#include "out.h"
#include "report.h"

/* Deadlocks first, then each object that is waited for: the most waited for
 * first, of those the longest wait; where all channels are shown, by number.
 * @limit objects, 0 for all. */
struct gt_error *gt_render_waits(const struct gt_report *report, size_t limit,
				 bool colour, struct gt_out *out);

/* The same in graphviz's language; render_dot.c. */
struct gt_error *gt_render_dot(const struct gt_report *report, size_t limit,
			       struct gt_out *out);

/* Objects in the order in which they are shown: indexes into objects->v, for
 * the caller to free, or NULL when memory is short. */
uint32_t *gt_waits_order(const struct gt_report *report, size_t limit,
			 size_t *ret_n);

#endif
