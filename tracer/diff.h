/* SPDX-License-Identifier: MIT */
/*
 * diff.h - two dumps of a program: what appeared, what went, what stayed
 *
 * Goroutines are put together by stack, as --group does it; within one process
 * numbers are never used again, so each goroutine is known to have stayed, to
 * have come, or to have gone. Of two processes only the numbers of goroutines
 * can be compared.
 */
#ifndef GT_DIFF_H
#define GT_DIFF_H

#include "json_read.h"
#include "out.h"

struct gt_diff_group {
	const struct gt_value *one; /* a goroutine or a group, for its stack */
	uint64_t count[2];
	/* Within one process: those that are in this group in both dumps. */
	uint64_t stayed;
};

struct gt_diff {
	const struct gt_value *dumps[2];
	struct gt_diff_group *groups; /* the largest change first */
	size_t n;
	uint64_t count[2];
	uint64_t stayed; /* in whatever group */
	bool same_process;
};

/* gt_diff_fini(ret) in any case. An error says which of them is no dump. */
struct gt_error *gt_diff_make(const struct gt_value *before,
			      const struct gt_value *after,
			      struct gt_diff *ret);
void gt_diff_fini(struct gt_diff *diff);

/* render_diff.c; @limit groups, 0 for all. */
void gt_render_diff(const struct gt_diff *diff, size_t limit, bool colour,
		    struct gt_out *out);

#endif
