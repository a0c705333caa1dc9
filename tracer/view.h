/* SPDX-License-Identifier: MIT */
/*
 * view.h - which goroutines of a model are shown, and in which order
 *
 * A renderer gets a view, never a bare model: what was asked for is decided in
 * one place, the same for each format.
 */
#ifndef GT_VIEW_H
#define GT_VIEW_H

#include "model.h"
#include "symbolize.h"

struct gt_view {
	const struct gt_model *model;
	struct gt_symbols *symbols;
	uint32_t *v; /* indexes into model->goroutines */
	size_t n;
};

/* All but the runtime's own, by id. */
struct gt_error *gt_view_all(struct gt_view *view, const struct gt_model *model,
			     struct gt_symbols *symbols);
void gt_view_fini(struct gt_view *view);

#endif
