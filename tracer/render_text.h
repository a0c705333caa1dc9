/* SPDX-License-Identifier: MIT */
/*
 * render_text.h - goroutines in the grammar of Go's tracebacks
 */
#ifndef GT_RENDER_TEXT_H
#define GT_RENDER_TEXT_H

#include <stdbool.h>

#include "out.h"
#include "view.h"

struct gt_text_options {
	/* Nothing but what each parser of Go's tracebacks takes: no names, no
	 * files of other languages, the older way to say what was left out. */
	bool strict;
};

struct gt_error *gt_render_text(const struct gt_view *view,
				const struct gt_text_options *options,
				struct gt_out *out);

#endif
