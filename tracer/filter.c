// SPDX-License-Identifier: MIT
/*
 * filter.c - which goroutines were asked for, and in which order
 *
 * The cheap questions come first. Whether a regular expression matches depends
 * on the PC only and is asked once for each.
 */
#include "filter.h"

#include <stdlib.h>
#include <string.h>

#include "sort.h"

enum answer { UNKNOWN, NO, YES };

/* A regular expression and what it said of each PC. */
struct matcher {
	const regex_t *regex;
	struct gt_symbols *symbols;
	unsigned char *answers; /* enum answer, by PC id */
	bool failed;            /* memory is short */
};

static bool
init_matcher(struct matcher *m, const regex_t *regex,
	     const struct gt_view *view)
{
	*m = (struct matcher){ .regex = regex, .symbols = view->symbols };
	if (regex)
		m->answers = calloc(view->model->pcs.n, 1);
	return !regex || m->answers;
}

static bool
matches(struct matcher *m, uint32_t id)
{
	if (m->answers[id] != UNKNOWN)
		return m->answers[id] == YES;
	const struct gt_symbol *symbol = gt_symbols_get(m->symbols, id);
	m->failed |= !symbol;
	m->answers[id] = NO;
	for (uint32_t i = 0; symbol && i < symbol->n; i++)
		if (!symbol->frames[i].internal &&
		    !regexec(m->regex, symbol->frames[i].function, 0, NULL, 0))
			m->answers[id] = YES;
	return m->answers[id] == YES;
}

static bool
any_matches(struct matcher *m, const struct gt_model *model,
	    const struct gt_goroutine *g)
{
	for (uint32_t i = 0; i < g->frames_n; i++)
		if (matches(m, model->frames[g->frames + i]))
			return true;
	return false;
}

static bool
has_label(const struct gt_model *model, const struct gt_goroutine *g,
	  const char *wanted)
{
	size_t n = strcspn(wanted, "=");
	const char *key, *value;
	uint32_t at = 0;

	while (gt_label_next(model, g->labels, &at, &key, &value))
		if (strlen(key) == n && !strncmp(key, wanted, n) &&
		    (!wanted[n] || !strcmp(value, wanted + n + 1)))
			return true;
	return false;
}

static bool
has_labels(const struct gt_filter *f, const struct gt_model *model,
	   const struct gt_goroutine *g)
{
	for (size_t i = 0; i < f->labels_n; i++)
		if (!has_label(model, g, f->labels[i]))
			return false;
	return true;
}

static bool
has_id(const struct gt_filter *f, const struct gt_goroutine *g)
{
	for (size_t i = 0; i < f->ids_n; i++)
		if (f->ids[i] == g->id)
			return true;
	return f->ids_n == 0;
}

static bool
is_wanted(const struct gt_filter *f, const struct gt_model *model,
	  const struct gt_goroutine *g, struct matcher *func,
	  struct matcher *creator)
{
	unsigned state = g->state == GORO_ABI_CLAIMED ? GORO_ABI_RUNNABLE :
							g->state;

	if (f->states && !(f->states >> state & 1))
		return false;
	if (f->reason &&
	    (g->state != GORO_ABI_WAITING ||
	     !strcasestr(gt_abi_reason_name(model->abi, g->reason), f->reason)))
		return false;
	return g->wait_ns >= f->min_wait_ns && has_id(f, g) &&
	       has_labels(f, model, g) &&
	       (!f->created_by ||
		(g->creator && matches(creator, g->creator))) &&
	       (!f->func || any_matches(func, model, g));
}

struct gt_error *
gt_filter_apply(const struct gt_filter *filter, struct gt_view *view)
{
	const struct gt_model *model = view->model;
	struct matcher func, creator;
	bool ok = init_matcher(&func, filter->func, view);
	size_t n = 0;

	ok &= init_matcher(&creator, filter->created_by, view);
	for (size_t i = 0; i < view->n && ok; i++)
		if (is_wanted(filter, model, &model->goroutines[view->v[i]],
			      &func, &creator))
			view->v[n++] = view->v[i];
	view->n = n;
	free(func.answers);
	free(creator.answers);
	return ok && !func.failed && !creator.failed ? NULL : &gt_enomem;
}

struct gt_error *
gt_view_sort(struct gt_view *view, enum gt_sort by)
{
	size_t n = view->n;
	GT_CLEANUP(gt_freep)
	struct gt_sort_item *items = malloc((2 * n + 1) * sizeof(*items));

	if (!items)
		return &gt_enomem;
	for (size_t i = 0; i < n; i++) {
		const struct gt_goroutine *g =
			&view->model->goroutines[view->v[i]];

		items[i] = (struct gt_sort_item){
			.key = by == GT_SORT_WAIT ? ~g->wait_ns : g->id,
			.index = view->v[i],
		};
	}
	gt_sort(items, items + n, n);
	for (size_t i = 0; i < n; i++)
		view->v[i] = items[i].index;
	return NULL;
}
