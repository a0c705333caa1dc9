/* SPDX-License-Identifier: MIT */
/*
 * sort.h - sort many numbers fast
 */
#ifndef GT_SORT_H
#define GT_SORT_H

#include <stddef.h>
#include <stdint.h>

struct gt_sort_item {
	uint64_t key;
	uint64_t index;
};

/* Sort items[0..n) by key, ascending and stable; @spare has room for n. */
void gt_sort(struct gt_sort_item *items, struct gt_sort_item *spare, size_t n);

#endif
