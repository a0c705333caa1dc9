/* SPDX-License-Identifier: MIT */
/*
 * waits.h - goroutines that wait for each other
 */
#ifndef GT_WAITS_H
#define GT_WAITS_H

#include "objects.h"

/* Goroutines none of which can go on before another one of them does. */
struct gt_knot {
	/* In a row: each waits for a lock that the next one holds, and the last
	 * for one of the first. */
	uint32_t *row; /* indexes into model->goroutines */
	uint32_t row_n;
	uint32_t n; /* how many are in it, the row among them */
};

struct gt_knots {
	struct gt_knot *v;
	size_t n;
	uint32_t *rows; /* what they point into */
};

/**
 * Find deadlocks: locks (mutex, rwmutex, once) that are waited for in a circle.
 *
 * Only goroutines that were still all the time count, so each knot is true and
 * will last. gt_knots_fini(ret) in any case.
 */
struct gt_error *gt_knots_find(const struct gt_model *model,
			       const struct gt_objects *objects,
			       struct gt_knots *ret);
void gt_knots_fini(struct gt_knots *knots);

/* The lock that a goroutine waits for, or NULL. */
const struct gt_object *gt_lock_waited_for(const struct gt_model *model,
					   const struct gt_objects *objects,
					   uint32_t g);

#endif
