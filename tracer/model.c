// SPDX-License-Identifier: MIT
/*
 * model.c - from copied goroutines to the model
 */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "sort.h"

bool
gt_grow(void **v, size_t n, size_t more, size_t *room, size_t bytes)
{
	if (n + more <= *room)
		return true;
	size_t want = *room ? *room * 2 : 1024;
	while (want < n + more)
		want *= 2;
	void *p = reallocarray(*v, want, bytes);
	if (!p)
		return false;
	*v = p;
	*room = want;
	return true;
}

struct gt_error *
gt_model_init(struct gt_model *model, const struct gt_abi *abi)
{
	*model = (struct gt_model){ .abi = abi };
	struct gt_error *err = gt_pctab_init(&model->pcs);

	if (err)
		return err;
	if (!gt_grow((void **)&model->strings, 0, 1, &model->strings_room, 1)) {
		gt_pctab_fini(&model->pcs);
		return &gt_enomem;
	}
	model->strings[model->strings_n++] = '\0';
	return NULL;
}

void
gt_model_fini(struct gt_model *model)
{
	gt_pctab_fini(&model->pcs);
	free(model->goroutines);
	free(model->frames);
	free(model->channels);
	free(model->waits);
	free(model->holds);
	free(model->strings);
	free(model->string_slots);
	gt_error_free(model->stats.problem);
	*model = (struct gt_model){ 0 };
}

void
gt_model_clear(struct gt_model *model)
{
	gt_error_free(model->stats.problem);
	model->stats = (struct gt_snapshot_stats){ 0 };
	model->goroutines_n = model->frames_n = model->channels_n = 0;
	model->waits_n = model->holds_n = 0;
}

enum { PROGRESS_EVERY = 8192 };

struct loader {
	struct gt_model *model;
	struct gt_unwinder *unwinder;
};

/* The registers that a parked goroutine will get back. */
static bool
saved_regs(const struct goro_abi_table *t, const struct gt_copy *copy,
	   struct gt_regs *regs)
{
	if (copy->stack_bytes < t->context_bytes)
		return false;
	regs->valid = 0;
	for (uint32_t i = 0; i < t->saved_regs_n; i++) {
		uint64_t value;

		memcpy(&value, copy->stack + t->saved_regs[i].offset,
		       sizeof(value));
		gt_regs_set(regs, t->saved_regs[i].dwarf, value);
	}
	gt_regs_set(regs, GT_ARCH_SP, copy->stack_lo + t->context_bytes);
	return true;
}

static struct gt_error *
add_stack(struct loader *l, const struct gt_copy *copy, struct gt_goroutine *g)
{
	struct gt_model *model = l->model;
	struct gt_trace trace;
	struct gt_stack stack = {
		.lo = copy->stack_lo,
		.data = copy->stack,
		.bytes = copy->stack_bytes,
		.exact = copy->regs != NULL,
	};

	trace.n = 0;
	trace.complete = false;
	if (copy->regs)
		stack.regs = *copy->regs;
	else if (!saved_regs(&model->abi->t, copy, &stack.regs))
		return NULL;
	l->unwinder->ops->unwind(l->unwinder, &stack, &trace);
	if (!gt_grow((void **)&model->frames, model->frames_n,
		     GT_TRACE_INNER + GT_TRACE_OUTER, &model->frames_room,
		     sizeof(*model->frames)))
		return &gt_enomem;
	g->frames_n = gt_trace_ids(&trace, model->frames + model->frames_n,
				   &g->dropped);
	g->complete = trace.complete;
	model->frames_n += g->frames_n;
	return NULL;
}

/* One that has never run stands at its function's first instruction. */
static struct gt_error *
add_entry(struct gt_model *model, uint64_t entry, struct gt_goroutine *g)
{
	if (!gt_grow((void **)&model->frames, model->frames_n, 1,
		     &model->frames_room, sizeof(*model->frames)))
		return &gt_enomem;
	model->frames[model->frames_n++] = gt_pctab_id(&model->pcs, entry,
						       true);
	g->frames_n = 1;
	g->complete = true;
	return NULL;
}

/* A select's waiters are an array on its own stack, so the copy has them. */
static struct gt_error *
add_select(struct gt_model *model, const struct gt_copy *copy, uint64_t at,
	   uint64_t n, struct gt_goroutine *g)
{
	const struct goro_abi_table *t = &model->abi->t;

	if (at < copy->stack_lo || at - copy->stack_lo > copy->stack_bytes ||
	    n > (copy->stack_bytes - (at - copy->stack_lo)) / t->waiter.bytes)
		return NULL;
	if (!gt_grow((void **)&model->waits, model->waits_n, n,
		     &model->waits_room, sizeof(*model->waits)))
		return &gt_enomem;
	for (uint64_t i = 0; i < n; i++) {
		const unsigned char *w = copy->stack + (at - copy->stack_lo) +
					 i * t->waiter.bytes;
		uint64_t obj = gt_abi_load(w, t->waiter.obj);

		if (!obj)
			continue; /* a case with a nil channel */
		model->waits[g->waits + g->waits_n++] = (struct gt_wait){
			.obj = obj,
			.dir = gt_abi_load(w, t->waiter.dir),
		};
	}
	return NULL;
}

/* What it waits for, and what it holds meanwhile. */
static struct gt_error *
add_objects(struct gt_model *model, const struct gt_copy *copy,
	    struct gt_goroutine *g)
{
	const struct goro_abi_table *t = &model->abi->t;
	uint64_t n = gt_abi_load(copy->record, t->g.wait_n);
	struct gt_error *err = NULL;

	if (model->waits_n > UINT32_MAX - n ||
	    model->holds_n > UINT32_MAX - copy->holds_n)
		return &gt_enomem;
	g->waits = model->waits_n;
	g->holds = model->holds_n;
	g->holds_n = copy->holds_n;
	if (g->reason == GORO_WAIT_SELECT && copy->stack_bytes) {
		err = add_select(model, copy, g->wait_obj, n, g);
	} else if (g->reason == GORO_WAIT_IO ||
		   (g->wait_obj && g->reason != GORO_WAIT_SELECT &&
		    g->reason != GORO_WAIT_SLEEP)) {
		if (!gt_grow((void **)&model->waits, model->waits_n, 1,
			     &model->waits_room, sizeof(*model->waits)))
			return &gt_enomem;
		model->waits[g->waits] = (struct gt_wait){
			.obj = g->wait_obj,
			.dir = g->reason == GORO_WAIT_CHAN_SEND ? GT_DIR_SEND :
			       g->reason == GORO_WAIT_CHAN_RECV ? GT_DIR_RECV :
								  GT_DIR_OTHER,
		};
		g->waits_n = 1;
	}
	model->waits_n += g->waits_n;
	if (err || !copy->holds_n)
		return err;
	if (!gt_grow((void **)&model->holds, model->holds_n, copy->holds_n,
		     &model->holds_room, sizeof(*model->holds)))
		return &gt_enomem;
	memcpy(model->holds + model->holds_n, copy->holds,
	       copy->holds_n * sizeof(*model->holds));
	model->holds_n += copy->holds_n;
	return NULL;
}

static struct gt_error *
take(const struct gt_copy *copy, void *arg)
{
	struct loader *l = arg;
	struct gt_model *model = l->model;
	const struct goro_abi_table *t = &model->abi->t;
	const unsigned char *record = copy->record;
	uint64_t creator_pc = gt_abi_load(record, t->g.creator_pc);
	uint64_t entry = gt_abi_load(record, t->g.entry);
	struct gt_goroutine g = {
		.id = gt_abi_load(record, t->g.id),
		.word = copy->word,
		.addr = copy->addr,
		.creator_id = gt_abi_load(record, t->g.creator_id),
		.frames = model->frames_n,
		.name = gt_model_string(model, copy->name),
		.labels = gt_model_labels(model, copy->labels),
		.state = GORO_ABI_STATE(copy->word),
		.flags = gt_abi_load(record, t->g.flags),
		.exact = copy->exact,
	};
	struct gt_error *err;

	if (creator_pc)
		g.creator = gt_pctab_id(&model->pcs, creator_pc, false);
	if (entry)
		g.entry = gt_pctab_id(&model->pcs, entry, true);
	if (g.state == GORO_ABI_WAITING) {
		g.reason = gt_abi_load(record, t->g.wait_reason);
		g.wait_obj = gt_abi_load(record, t->g.wait_obj);
	}
	if (g.state == GORO_ABI_WAITING || g.state == GORO_ABI_SYSCALL)
		g.wait_ns = gt_abi_age_ns(model->abi,
					  gt_abi_load(record, t->g.wait_since));
	err = add_objects(model, copy, &g);
	if (err)
		return err;
	if (g.flags & GORO_ABI_G_FRESH && entry)
		err = add_entry(model, entry, &g);
	else if (copy->stack_bytes)
		err = add_stack(l, copy, &g);
	if (err || !gt_grow((void **)&model->goroutines, model->goroutines_n, 1,
			    &model->goroutines_room, sizeof(g)))
		return err ? err : &gt_enomem;
	model->goroutines[model->goroutines_n++] = g;
	if (model->progress && model->goroutines_n % PROGRESS_EVERY == 0)
		model->progress(model);
	return NULL;
}

/* The snapshot comes in the order of stack slots, which means nothing. */
struct gt_error *
gt_model_sort(struct gt_model *model)
{
	size_t n = model->goroutines_n;
	GT_CLEANUP(gt_freep)
	struct gt_goroutine *sorted = malloc((n + 1) * sizeof(*sorted));
	GT_CLEANUP(gt_freep)
	struct gt_sort_item *items = malloc((2 * n + 1) * sizeof(*items));

	if (!sorted || !items)
		return &gt_enomem;
	for (size_t i = 0; i < n; i++)
		items[i] = (struct gt_sort_item){
			.key = model->goroutines[i].id,
			.index = i,
		};
	gt_sort(items, items + n, n);
	for (size_t i = 0; i < n; i++)
		sorted[i] = model->goroutines[items[i].index];
	free(model->goroutines);
	model->goroutines = gt_steal(sorted);
	model->goroutines_room = n + 1;
	return NULL;
}

struct gt_error *
gt_model_fill(struct gt_model *model, struct gt_target *t,
	      struct gt_unwinder *unwinder)
{
	struct loader l = { model, unwinder };
	struct gt_error *err = gt_snapshot(t, model->abi, take, &l,
					   &model->stats);

	return err ? err : gt_abi_check_again(t, model->abi);
}

struct gt_error *
gt_model_load(struct gt_model *model, struct gt_target *t,
	      struct gt_unwinder *unwinder)
{
	struct gt_error *err = gt_model_fill(model, t, unwinder);
	struct gt_error *sort_err = gt_model_sort(model);

	if (!err)
		return sort_err;
	gt_error_free(sort_err);
	return err;
}
