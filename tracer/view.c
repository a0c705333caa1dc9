// SPDX-License-Identifier: MIT
/*
 * view.c - which goroutines of a model are shown
 */
#include "view.h"

#include <stdlib.h>

struct gt_error *
gt_view_all(struct gt_view *view, const struct gt_model *model,
	    struct gt_symbols *symbols)
{
	*view = (struct gt_view){
		.model = model,
		.symbols = symbols,
		.v = malloc((model->goroutines_n + 1) * sizeof(*view->v)),
	};
	if (!view->v)
		return &gt_enomem;
	for (size_t i = 0; i < model->goroutines_n; i++)
		if (!(model->goroutines[i].flags & GORO_ABI_G_SYSTEM))
			view->v[view->n++] = i;
	return NULL;
}

void
gt_view_fini(struct gt_view *view)
{
	free(view->v);
	*view = (struct gt_view){ 0 };
}
