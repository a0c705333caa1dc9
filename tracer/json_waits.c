// SPDX-License-Identifier: MIT
/*
 * json_waits.c - what is waited for, and by whom, in JSON
 */
#include "describe.h"
#include "render_json.h"

static void
put_ids(struct gt_json *j, const char *key, const struct gt_model *model,
	const uint32_t *v, size_t n)
{
	gt_json_key(j, key);
	gt_json_open(j, '[');
	for (size_t i = 0; i < n; i++)
		gt_json_number(j, model->goroutines[v[i]].id);
	gt_json_close(j, ']');
}

static void
put_parties(struct gt_json *j, const char *key, const struct gt_model *model,
	    const struct gt_parties *p)
{
	if (!p->n)
		return;
	gt_json_key(j, key);
	gt_json_open(j, '[');
	for (uint32_t i = 0; i < p->n; i++)
		gt_json_number(j, model->goroutines[p->v[i].g].id);
	gt_json_close(j, ']');
}

static bool
put_channel(struct gt_json *j, const struct gt_view *view,
	    const struct gt_channel *ch)
{
	bool ok = true;

	gt_json_put_number(j, "id", ch->id);
	gt_json_put_string(j, "name", view->model->strings + ch->name);
	gt_json_put_number(j, "elem_bytes", ch->elem_bytes);
	gt_json_put_number(j, "cap", ch->cap);
	gt_json_put_number(j, "len", ch->len);
	gt_json_key(j, "closed");
	gt_json_bool(j, ch->closed);
	gt_json_put_number(j, "refs", ch->refs);
	gt_json_put_string(j, "of",
			   ch->kind == GORO_ABI_CHAN_TIMER   ? "timer" :
			   ch->kind == GORO_ABI_CHAN_CONTEXT ? "context" :
							       "");
	if (ch->creator) {
		gt_json_key(j, "created_by");
		gt_json_open(j, '{');
		if (ch->creator_id)
			gt_json_put_number(j, "goroutine", ch->creator_id);
		ok = gt_json_call(j, view, ch->creator);
		gt_json_close(j, '}');
	}
	return ok;
}

static bool
put_object(struct gt_json *j, const struct gt_report *report,
	   const struct gt_object *o)
{
	const struct gt_view *view = report->view;
	const struct gt_model *model = view->model;
	char name[GT_WORDS_MAX];
	bool ok = true;

	gt_json_open(j, '{');
	gt_json_put_string(j, "kind", gt_kind_name(o->kind));
	if (o->kind == GT_KIND_FD) {
		gt_json_put_number(j, "fd", o->addr);
		gt_json_put_string(j, "what", model->strings + o->text);
	} else {
		gt_json_key(j, "address");
		gt_json_address(j, o->addr);
	}
	if (o->kind == GT_KIND_CHAN && o->known)
		ok = put_channel(j, view, &model->channels[o->channel]);
	else if (o->kind != GT_KIND_FD && view->symbols &&
		 gt_variable_at(view->symbols, o->addr, name, sizeof(name)))
		gt_json_put_string(j, "variable", name);
	if (o->owner)
		gt_json_put_number(j, "owner", o->owner);
	if (o->kind == GT_KIND_WAITGROUP && o->known) {
		gt_json_key(j, "counter");
		gt_json_integer(j, o->count);
	}
	if (o->kind == GT_KIND_RWMUTEX && o->known)
		gt_json_put_number(j, "readers", o->count);
	put_parties(j, "waiters", model, &o->parties[GT_ROLE_WAITS]);
	put_parties(j, "holders", model, &o->parties[GT_ROLE_HOLDS]);
	put_parties(j, "known_to", model, &o->parties[GT_ROLE_KNOWS]);
	if (o->knows_n)
		gt_json_put_number(j, "known_to_total", o->knows_n);
	gt_json_close(j, '}');
	gt_out_bytes(j->out, "\n", 1);
	return ok;
}

bool
gt_json_waits(struct gt_json *j, const struct gt_report *report)
{
	const struct gt_model *model = report->view->model;

	gt_json_key(j, "objects");
	gt_json_open(j, '[');
	gt_out_bytes(j->out, "\n", 1);
	for (size_t i = 0; i < report->objects->n; i++)
		if (!put_object(j, report, &report->objects->v[i]))
			return false;
	gt_json_close(j, ']');
	gt_json_key(j, "deadlocks");
	gt_json_open(j, '[');
	for (size_t i = 0; i < report->knots->n; i++) {
		const struct gt_knot *knot = &report->knots->v[i];

		gt_json_open(j, '{');
		put_ids(j, "circle", model, knot->row, knot->row_n);
		gt_json_put_number(j, "total", knot->n);
		gt_json_close(j, '}');
	}
	gt_json_close(j, ']');
	return true;
}
