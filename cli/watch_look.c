// SPDX-License-Identifier: MIT
/*
 * watch_look.c - one look at a process, for --watch
 *
 * Each look is a whole dump: opened, copied, grouped, named, and forgotten but
 * for the groups. So a look does not depend on the one before, whatever the
 * process has loaded or become meanwhile.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/describe.h"
#include "tracer/render_text.h"
#include "watch.h"

static int
by_hash(const void *a, const void *b)
{
	const struct watch_first *x = a, *y = b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

static uint64_t
first_count(const struct watch *w, const struct watch_row *row)
{
	const struct watch_first key = { .hash = row->hash };
	const struct watch_first *f = w->firsts_n ?
					      bsearch(&key, w->firsts,
						      w->firsts_n, sizeof(key),
						      by_hash) :
					      NULL;

	return f ? f->count : 0;
}

/* Those that are new to us, and then all in order again. */
static void
remember(struct watch *w)
{
	size_t known = w->firsts_n;

	for (size_t i = 0; i < w->rows_n; i++) {
		const struct watch_first new = {
			.hash = w->rows[i].hash,
			.count = w->looked ? 0 : w->rows[i].count,
		};

		if ((known &&
		     bsearch(&new, w->firsts, known, sizeof(new), by_hash)) ||
		    !gt_grow((void **)&w->firsts, w->firsts_n, 1,
			     &w->firsts_room, sizeof(new)))
			continue;
		w->firsts[w->firsts_n++] = new;
	}
	if (w->firsts_n)
		qsort(w->firsts, w->firsts_n, sizeof(*w->firsts), by_hash);
	w->looked = true;
}

static uint64_t
hash(const char *s)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return h;
}

/* A stack's text, allocated; NULL when memory is short. */
static char *
stack_text(const struct gt_view *view, const struct gt_goroutine *g)
{
	struct gt_text_options options = { 0 };
	struct gt_stack_text x;
	struct gt_out out;
	bool ok = gt_out_init(&out, -1);

	ok = ok && gt_stack_text_init(&x, view, &options, &out);
	if (!ok) {
		free(out.buf);
		return NULL;
	}
	ok = gt_stack_text_frames(&x, g) && gt_stack_text_creator(&x, g, false);
	gt_stack_text_fini(&x);
	gt_out_bytes(&out, "", 1);
	if (ok && !out.error)
		return out.buf;
	free(out.buf);
	return NULL;
}

static bool
take_group(const struct gt_view *view, const struct gt_groups *groups,
	   const struct gt_group *group, struct watch_row *row)
{
	const struct gt_goroutine *g = gt_group_one(view, groups, group);
	const struct gt_frame *frame = gt_where(view, g);
	char words[GT_WORDS_MAX] = "";

	*row = (struct watch_row){
		.count = group->n,
		.min_wait_ns = group->min_wait_ns,
		.max_wait_ns = group->max_wait_ns,
		.some_id = g->id,
		.stack = stack_text(view, g),
	};
	if (!row->stack)
		return false;
	gt_clean(row->status, sizeof(row->status),
		 gt_goroutine_status(view->model, g), "");
	if (frame)
		gt_describe_frame(frame, words);
	snprintf(row->where, sizeof(row->where), "%.*s",
		 (int)sizeof(row->where) - 1, words);
	row->hash = hash(row->stack) ^ hash(row->status);
	return true;
}

/* The groups of a model that is filled become rows. */
static struct gt_error *
take_groups(struct watch *w, const struct gt_model *model,
	    struct gt_modules *modules)
{
	struct gt_symbols symbols;
	struct gt_view view = { 0 };
	struct gt_groups groups = { 0 };

	gt_symbols_init(&symbols, modules, &model->pcs, model->abi);
	struct gt_error *err = gt_view_all(&view, model, &symbols);
	if (!err)
		err = gt_filter_apply(&w->o->filter, &view);
	if (!err)
		err = gt_groups_make(&view, GT_SORT_COUNT, &groups);
	size_t n = groups.n < WATCH_ROWS_MAX ? groups.n : WATCH_ROWS_MAX;
	w->rows = calloc(n + 1, sizeof(*w->rows));
	for (size_t i = 0; i < n && w->rows && !err; i++) {
		if (!take_group(&view, &groups, &groups.v[i], &w->rows[i]))
			err = &gt_enomem;
		else
			w->rows_n++;
	}
	w->goroutines = view.n;
	w->groups_n = groups.n;
	gt_groups_fini(&groups);
	gt_view_fini(&view);
	gt_symbols_fini(&symbols);
	return err;
}

static struct gt_error *
look(struct watch *w)
{
	GT_CLEANUP(gt_target_destroyp) struct gt_target *t = NULL;
	GT_CLEANUP(gt_unwinder_destroyp) struct gt_unwinder *unwinder = NULL;
	struct gt_abi abi;
	struct gt_modules modules;
	struct gt_model model;
	struct gt_error *err = gt_target_live_open(w->o->pid, &t);

	if (!err)
		err = gt_abi_find(t, &abi);
	if (!err)
		err = gt_modules_init(&modules, t);
	if (err)
		return err;
	err = gt_model_init(&model, &abi);
	if (!err) {
		err = w->o->unwinder(&modules, &model.pcs, &unwinder);
		if (!err)
			err = gt_model_load(&model, t, unwinder);
		if (!err)
			err = take_groups(w, &model, &modules);
		gt_unwinder_destroyp(&unwinder);
		gt_model_fini(&model);
	}
	gt_modules_fini(&modules);
	return err;
}

static void
free_rows(struct watch_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(rows[i].stack);
	free(rows);
}

/* What was open stays open. */
static void
keep_open(struct watch *w, const struct watch_row *old, size_t old_n)
{
	for (size_t i = 0; i < old_n; i++)
		for (size_t k = 0; old[i].open && k < w->rows_n; k++)
			w->rows[k].open |= w->rows[k].hash == old[i].hash;
}

void
watch_look(struct watch *w)
{
	struct watch_row *old = w->rows;
	size_t old_n = w->rows_n;

	w->rows = NULL;
	w->rows_n = 0;
	struct gt_error *err = look(w);
	if (err) {
		/* The last look stays on the screen. */
		snprintf(w->message, sizeof(w->message), "%s%s%s", err->text,
			 *err->hint ? ": " : "", err->hint);
		gt_error_free(err);
		w->ended = true;
		free_rows(w->rows, w->rows_n);
		w->rows = old;
		w->rows_n = old_n;
		return;
	}
	keep_open(w, old, old_n);
	free_rows(old, old_n);
	if (!w->looked)
		w->first_goroutines = w->goroutines;
	remember(w);
	for (size_t i = 0; i < w->rows_n; i++)
		w->rows[i].growth = (int64_t)(w->rows[i].count -
					      first_count(w, &w->rows[i]));
	w->growth = (int64_t)(w->goroutines - w->first_goroutines);
	watch_arrange(w);
}

static int
by_choice(const void *a, const void *b, void *arg)
{
	const struct watch_row *x = a, *y = b;
	const struct watch *w = arg;
	uint64_t p = x->count, q = y->count;

	if (w->sort == WATCH_WAIT) {
		p = x->max_wait_ns;
		q = y->max_wait_ns;
	} else if (w->sort == WATCH_GROWTH && x->growth != y->growth) {
		return x->growth < y->growth ? 1 : -1;
	}
	if (p != q)
		return p < q ? 1 : -1;
	return (x->some_id > y->some_id) - (x->some_id < y->some_id);
}

void
watch_arrange(struct watch *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->rows_n; i++) {
		struct watch_row row = w->rows[i];

		if (*w->filter && !strcasestr(row.status, w->filter) &&
		    !strcasestr(row.stack, w->filter))
			continue;
		w->rows[i] = w->rows[n];
		w->rows[n++] = row;
	}
	if (n)
		qsort_r(w->rows, n, sizeof(*w->rows), by_choice, w);
	w->shown_n = n;
	if (w->at >= n)
		w->at = n ? n - 1 : 0;
}

void
watch_forget(struct watch *w)
{
	free_rows(w->rows, w->rows_n);
	free(w->firsts);
	w->rows = NULL;
	w->firsts = NULL;
	w->rows_n = w->shown_n = 0;
}
