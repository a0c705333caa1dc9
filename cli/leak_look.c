// SPDX-License-Identifier: MIT
/*
 * leak_look.c - looking from outside, and what that alone proves
 *
 * The tracer's whole way (docs/ARCHITECTURE.md), with its groups as ours.
 */
#include "leak_look.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "leak_sample.h"
#include "tracer/describe.h"

enum { MAIN = 1 }; /* the id of the main goroutine */

bool
leak_waits_for_others(const struct gt_goroutine *g)
{
	if (g->state != GORO_ABI_WAITING || g->id == MAIN)
		return false;
	return g->reason != GORO_WAIT_NONE && g->reason != GORO_WAIT_SLEEP &&
	       g->reason != GORO_WAIT_IO && g->reason < GORO_WAIT_REASONS;
}

/* --- Findings ------------------------------------------------------------- */

static void
add_pc(struct leak_sample *s, struct leak_stack *to, uint32_t pc)
{
	const struct gt_symbol *symbol = gt_symbols_get(&s->symbols, pc);

	for (uint32_t i = 0; symbol && i < symbol->n; i++)
		leak_stack_add(to, &symbol->frames[i], 0);
}

static void
describe_object(struct leak_sample *s, struct leak_finding *f,
		const struct gt_goroutine *g)
{
	const struct gt_object *o =
		g->waits_n ? gt_objects_find(&s->objects,
					     s->model.waits[g->waits].obj) :
			     NULL;
	const struct gt_channel *ch;
	char variable[256];

	if (!o || o->kind == GT_KIND_FD)
		return;
	f->has_object = true;
	f->object = o->addr;
	f->owner = o->owner;
	f->owner_ended = o->owner &&
			 gt_model_find(&s->model, o->owner) == UINT32_MAX;
	if (o->kind != GT_KIND_CHAN &&
	    gt_variable_at(&s->symbols, o->addr, variable, sizeof(variable)))
		f->object_name = strdup(variable);
	if (o->kind != GT_KIND_CHAN || !o->known)
		return;
	ch = &s->model.channels[o->channel];
	f->channel = ch->id;
	f->elem_bytes = ch->elem_bytes;
	f->cap = ch->cap;
	f->len = ch->len;
	f->closed = ch->closed;
	f->object_creator_id = ch->creator_id;
	if (ch->creator)
		add_pc(s, &f->object_creator, ch->creator);
	if (ch->name)
		f->object_name = strdup(s->model.strings + ch->name);
}

struct leak_finding *
leak_sample_begin(struct leak_sample *s, enum leak_kind kind,
		  const struct gt_goroutine *g)
{
	struct leak_finding *f = leak_new(s->r, kind, s->look->pid, s->process);

	if (!f)
		return NULL;
	f->state = strdup(gt_goroutine_status(&s->model, g));
	if (g->name)
		f->name = strdup(s->model.strings + g->name);
	for (uint32_t i = 0; i < g->frames_n; i++)
		add_pc(s, &f->stack, s->model.frames[g->frames + i]);
	if (g->entry && leak_lacks_entry(&f->stack))
		add_pc(s, &f->stack, g->entry);
	f->stack.cut = g->dropped || !g->complete;
	f->creator_id = g->creator_id;
	if (g->creator)
		add_pc(s, &f->creator, g->creator);
	describe_object(s, f, g);
	return f;
}

/* --- Proof ---------------------------------------------------------------- */

/* One that is proven, by what it waits for. */
static bool
add_proven(struct leak_sample *s, enum leak_kind kind,
	   const struct gt_goroutine *g, const char *story)
{
	struct leak_finding *f = leak_sample_begin(s, kind, g);

	if (!f)
		return false;
	f->story = strdup(story);
	f->ids = malloc(sizeof(*f->ids));
	if (!f->ids)
		return false;
	f->ids[0] = g->id;
	f->n = f->ids_n = 1;
	return true;
}

static bool
add_knot(struct leak_sample *s, const struct gt_knot *knot)
{
	for (uint32_t i = 0; i < knot->row_n; i++) {
		struct leak_finding *f;

		if (!add_proven(s, LEAK_DEADLOCK,
				&s->model.goroutines[knot->row[i]],
				"a goroutine waits for a lock in a ring of "
				"those that wait for each other"))
			return false;
		f = &s->r->v[s->r->n - 1];
		f->cycle = malloc(knot->row_n * sizeof(*f->cycle));
		for (uint32_t k = 0; f->cycle && k < knot->row_n; k++) {
			uint32_t at = knot->row[(i + k) % knot->row_n];

			f->cycle[f->cycle_n++] = s->model.goroutines[at].id;
		}
	}
	return true;
}

static bool
waits_for_nothing(const struct gt_goroutine *g)
{
	return g->reason == GORO_WAIT_CHAN_RECV_NIL ||
	       g->reason == GORO_WAIT_CHAN_SEND_NIL ||
	       g->reason == GORO_WAIT_SELECT_EMPTY;
}

static bool
find_proven(struct leak_sample *s)
{
	for (size_t i = 0; i < s->knots.n; i++)
		if (!add_knot(s, &s->knots.v[i]))
			return false;
	for (size_t i = 0; i < s->view.n; i++) {
		const struct gt_goroutine *g =
			&s->model.goroutines[s->view.v[i]];

		if (leak_waits_for_others(g) && waits_for_nothing(g) &&
		    !add_proven(s, LEAK_LEAKED, g,
				"a goroutine waits for nothing, and so for "
				"ever"))
			return false;
	}
	return true;
}

/* --- Looking -------------------------------------------------------------- */

static struct gt_error *
analyse(struct leak_sample *s)
{
	struct gt_error *err = gt_model_load_channels(&s->model, s->t);

	if (!err)
		err = gt_objects_load(s->t, &s->model, false, &s->objects);
	if (!err)
		err = gt_objects_look(s->t, &s->model, &s->objects);
	if (!err)
		err = gt_knots_find(&s->model, &s->objects, &s->knots);
	if (!err)
		err = gt_view_all(&s->view, &s->model, &s->symbols);
	if (!err)
		err = gt_groups_make(&s->view, GT_SORT_COUNT, &s->groups);
	return err;
}

static struct gt_error *
look_at(struct leak_sample *s)
{
	GT_CLEANUP(gt_unwinder_destroyp) struct gt_unwinder *unwinder = NULL;
	struct gt_error *err = gt_unwinder_table(&s->modules, &s->model.pcs,
						 &unwinder);

	gt_symbols_init(&s->symbols, &s->modules, &s->model.pcs, &s->abi);
	if (!err)
		err = gt_model_load(&s->model, s->t, unwinder);
	if (!err)
		err = analyse(s);
	s->r->goroutines = s->view.n;
	if (!err)
		err = (!s->look->prove || find_proven(s)) && leak_suspects(s) ?
			      NULL :
			      &gt_enomem;
	if (s->model.stats.problem && !err) {
		err = s->model.stats.problem; /* so not all was seen */
		s->model.stats.problem = NULL;
	}
	gt_knots_fini(&s->knots);
	gt_objects_fini(&s->objects);
	gt_groups_fini(&s->groups);
	gt_view_fini(&s->view);
	gt_symbols_fini(&s->symbols);
	return err;
}

struct gt_error *
leak_look(struct leak_look *look, struct leak_results *r)
{
	struct leak_sample s = { .look = look, .r = r };
	struct gt_error *err =
		look->core ?
			gt_target_core_open(look->core, look->program, &s.t) :
			gt_target_live_open(look->pid, &s.t);

	look->samples++;
	if (look->core)
		snprintf(s.process, sizeof(s.process), "%s",
			 look->program ? look->program : look->core);
	else
		leak_process_name(look->pid, s.process, sizeof(s.process));
	if (!err)
		err = gt_abi_find(s.t, &s.abi);
	if (!err)
		err = gt_modules_init(&s.modules, s.t);
	if (!err) {
		err = gt_model_init(&s.model, &s.abi);
		if (!err) {
			err = look_at(&s);
			gt_model_fini(&s.model);
		}
		gt_modules_fini(&s.modules);
	}
	if (!err && s.t->notice[0])
		leak_problem(r, "%s", s.t->notice);
	gt_target_destroyp(&s.t);
	return err;
}
