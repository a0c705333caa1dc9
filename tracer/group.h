/* SPDX-License-Identifier: MIT */
/*
 * group.h - goroutines that do the same: the same stack, in the same state,
 * started at the same place
 */
#ifndef GT_GROUP_H
#define GT_GROUP_H

#include "filter.h"

struct gt_group {
	uint32_t first, n; /* its members in gt_groups.members, by id */
	uint64_t min_wait_ns, max_wait_ns;
};

struct gt_groups {
	struct gt_group *v;
	size_t n;
	uint32_t *members; /* indexes into model->goroutines */
};

/**
 * Group the goroutines of a view, which is in order of ids.
 *
 * @by  the largest group first, or the longest wait, or the lowest id
 *
 * Free ret with gt_groups_fini() in any case.
 */
struct gt_error *gt_groups_make(const struct gt_view *view, enum gt_sort by,
				struct gt_groups *ret);
void gt_groups_fini(struct gt_groups *groups);

/* The goroutine that stands for the group: its first. */
static inline const struct gt_goroutine *
gt_group_one(const struct gt_view *view, const struct gt_groups *groups,
	     const struct gt_group *group)
{
	return &view->model->goroutines[groups->members[group->first]];
}

#endif
