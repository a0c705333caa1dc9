/* SPDX-License-Identifier: MIT */
/*
 * filter.h - which goroutines were asked for, and in which order
 */
#ifndef GT_FILTER_H
#define GT_FILTER_H

#include <regex.h>

#include "view.h"

enum gt_sort { GT_SORT_DEFAULT, GT_SORT_ID, GT_SORT_WAIT, GT_SORT_COUNT };

/* What a goroutine must be. All zero: anything; where several values of a kind
 * are given, one of them is enough, but for labels: all of them. */
struct gt_filter {
	unsigned states;    /* 1 << enum goro_abi_state */
	const char *reason; /* a part of it, in any case */
	uint64_t min_wait_ns;
	const regex_t *func; /* some function on its stack */
	const regex_t *created_by;
	const char **labels; /* "key=value", or "key" for any value */
	size_t labels_n;
	uint64_t *ids;
	size_t ids_n;
};

/* Take out of the view what was not asked for. */
struct gt_error *gt_filter_apply(const struct gt_filter *filter,
				 struct gt_view *view);

/* Put it in order: by id, or the longest wait first. */
struct gt_error *gt_view_sort(struct gt_view *view, enum gt_sort by);

#endif
