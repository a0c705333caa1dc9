// SPDX-License-Identifier: MIT
/*
 * render_json.c - a dump as one JSON object
 *
 * Idea       As in render_text.c: what is said of a frame depends on its PC
 *            only, so it is made once for each PC and copied from then on.
 * Hidden     The runtime's internal frames, as in text.
 * Streams    Goroutine by goroutine; nothing but the frames is kept.
 */
#include "render_json.h"

#include <stdlib.h>

struct fragment {
	size_t at, n; /* in the arena */
	bool done;
};

struct render {
	const struct gt_report *report;
	const struct gt_view *view;
	const struct gt_json_apart *apart; /* NULL: stacks go with goroutines */
	struct gt_json *j;
	struct gt_out arena;
	struct fragment *fragments; /* by PC id */
};

void
gt_json_frame(struct gt_json *j, const struct gt_frame *f, uint64_t pc)
{
	gt_json_key(j, "function");
	gt_json_string(j, f->function);
	if (f->file) {
		gt_json_put_string(j, "file", f->file);
		gt_json_put_number(j, "line", f->line);
	}
	if (!f->inlined) {
		gt_json_key(j, "pc");
		gt_json_address(j, pc);
		gt_json_put_number(j, "offset", f->offset);
	}
	gt_json_put_true(j, "inlined", f->inlined);
}

/* The frames of one PC, as objects with commas between them. */
static const struct fragment *
fragment_of(struct render *r, uint32_t id)
{
	struct fragment *f = &r->fragments[id];
	struct gt_json j = { .out = &r->arena, .html = r->j->html };

	if (f->done)
		return f;
	const struct gt_symbol *symbol = gt_symbols_get(r->view->symbols, id);
	if (!symbol)
		return NULL;
	f->at = r->arena.n;
	for (uint32_t i = 0; i < symbol->n; i++) {
		if (symbol->frames[i].internal)
			continue;
		gt_json_open(&j, '{');
		gt_json_frame(&j, &symbol->frames[i],
			      gt_row_pc(&r->view->model->pcs.rows[id]));
		gt_json_close(&j, '}');
	}
	f->n = r->arena.n - f->at;
	f->done = true;
	return r->arena.error ? NULL : f;
}

static bool
put_stack(struct render *r, const struct gt_goroutine *g)
{
	const uint32_t *ids = r->view->model->frames + g->frames;

	gt_json_key(r->j, "stack");
	gt_json_open(r->j, '[');
	for (uint32_t i = 0; i < g->frames_n; i++) {
		const struct fragment *f = fragment_of(r, ids[i]);

		if (!f)
			return false;
		if (f->n)
			gt_json_raw(r->j, r->arena.buf + f->at, f->n);
	}
	gt_json_close(r->j, ']');
	/* Of a very deep stack the middle is not there. */
	if (g->dropped)
		gt_json_put_number(r->j, "dropped", g->dropped);
	return true;
}

bool
gt_json_call(struct gt_json *j, const struct gt_view *view, uint32_t pc)
{
	const struct gt_symbol *symbol = gt_symbols_get(view->symbols, pc);

	if (!symbol)
		return false;
	/* Of what is not the runtime's, the innermost. */
	for (uint32_t i = 0; i < symbol->n; i++) {
		const struct gt_frame *f = &symbol->frames[i];

		if (f->internal && i + 1 < symbol->n)
			continue;
		gt_json_frame(j, f, gt_row_pc(&view->model->pcs.rows[pc]));
		break;
	}
	return true;
}

/* The call that started it, and, with @which, the goroutine that did. */
static bool
put_creator(struct render *r, const struct gt_goroutine *g, bool which)
{
	gt_json_key(r->j, "created_by");
	gt_json_open(r->j, '{');
	if (g->creator_id && which)
		gt_json_put_number(r->j, "goroutine", g->creator_id);
	if (!gt_json_call(r->j, r->view, g->creator))
		return false;
	gt_json_close(r->j, '}');
	return true;
}

static const char *
operation_of(unsigned reason, unsigned dir)
{
	switch (reason) {
	case GORO_WAIT_RLOCK:
		return "read lock";
	case GORO_WAIT_WLOCK:
	case GORO_WAIT_MUTEX:
		return "lock";
	case GORO_WAIT_CHAN_RECV:
	case GORO_WAIT_CHAN_SEND:
	case GORO_WAIT_SELECT:
		return dir == GT_DIR_SEND ? "send" : "receive";
	default:
		return NULL;
	}
}

static void
put_waits(struct render *r, const struct gt_goroutine *g)
{
	struct gt_json *j = r->j;

	gt_json_key(j, "waits_for");
	gt_json_open(j, '[');
	for (uint32_t i = 0; i < g->waits_n; i++) {
		const struct gt_wait *w = &r->view->model->waits[g->waits + i];

		gt_json_open(j, '{');
		gt_json_put_string(j, "kind",
				   gt_kind_name(gt_kind_of(g->reason)));
		if (g->reason == GORO_WAIT_IO) {
			gt_json_put_number(j, "fd", w->obj);
		} else {
			gt_json_key(j, "address");
			gt_json_address(j, w->obj);
		}
		gt_json_put_string(j, "operation",
				   operation_of(g->reason, w->dir));
		gt_json_close(j, '}');
	}
	gt_json_close(j, ']');
}

static void
put_labels(struct render *r, const struct gt_goroutine *g)
{
	struct gt_json *j = r->j;
	const char *key, *value;
	uint32_t at = 0;

	gt_json_key(j, "labels");
	gt_json_open(j, '{');
	while (gt_label_next(r->view->model, g->labels, &at, &key, &value)) {
		gt_json_string(j, key);
		gt_out_bytes(j->out, ":", 1);
		j->comma = false;
		gt_json_string(j, value);
	}
	gt_json_close(j, '}');
}

static void
put_state(struct render *r, const struct gt_goroutine *g)
{
	const struct gt_abi *abi = r->view->model->abi;

	gt_json_put_string(r->j, "state", gt_abi_state_name(abi, g->state));
	if (g->state == GORO_ABI_WAITING)
		gt_json_put_string(r->j, "reason",
				   gt_abi_reason_name(abi, g->reason));
}

static bool
put_stacks(struct render *r, const struct gt_goroutine *g)
{
	if (g->creator && !put_creator(r, g, true))
		return false;
	gt_json_key(r->j, "complete");
	gt_json_bool(r->j, g->complete);
	return put_stack(r, g);
}

static bool
put_goroutine(struct render *r, const struct gt_goroutine *g)
{
	const struct gt_model *model = r->view->model;
	struct gt_json *j = r->j;

	gt_json_open(j, '{');
	gt_json_put_number(j, "id", g->id);
	if (!r->apart)
		put_state(r, g);
	gt_json_key(j, "exact");
	gt_json_bool(j, g->exact);
	if (g->wait_ns)
		gt_json_put_number(j, "wait_ns", g->wait_ns);
	if (g->wait_ns && !r->apart) {
		gt_json_key(j, "since");
		gt_json_time(j, r->report->about->time_ns - g->wait_ns);
	}
	gt_json_put_string(j, "name", model->strings + g->name);
	if (g->labels)
		put_labels(r, g);
	gt_json_put_true(j, "locked_to_thread", g->flags & GORO_ABI_G_LOCKED);
	if (g->waits_n)
		put_waits(r, g);
	if (r->apart) {
		gt_json_put_number(j, "group",
				   r->apart->group_of[g - model->goroutines]);
		if (g->creator_id)
			gt_json_put_number(j, "creator", g->creator_id);
	} else if (!put_stacks(r, g)) {
		return false;
	}
	gt_json_close(j, '}');
	gt_out_bytes(j->out, "\n", 1);
	return true;
}

static bool
put_goroutines(struct render *r)
{
	gt_json_key(r->j, "goroutines");
	gt_json_open(r->j, '[');
	gt_out_bytes(r->j->out, "\n", 1);
	for (size_t i = 0; i < r->view->n; i++)
		if ((!r->apart || i < r->apart->max) &&
		    !put_goroutine(r,
				   &r->view->model->goroutines[r->view->v[i]]))
			return false;
	gt_json_close(r->j, ']');
	return true;
}

static void
put_members(struct render *r, const struct gt_group *group)
{
	gt_json_key(r->j, "ids");
	gt_json_open(r->j, '[');
	for (uint32_t i = 0; i < group->n; i++) {
		uint32_t index = r->report->groups->members[group->first + i];

		gt_json_number(r->j, r->view->model->goroutines[index].id);
	}
	gt_json_close(r->j, ']');
}

static bool
put_group(struct render *r, const struct gt_group *group)
{
	const struct gt_groups *groups = r->report->groups;
	const struct gt_goroutine *g = gt_group_one(r->view, groups, group);
	struct gt_json *j = r->j;

	gt_json_open(j, '{');
	gt_json_put_number(j, "count", group->n);
	put_state(r, g);
	if (group->max_wait_ns) {
		gt_json_put_number(j, "min_wait_ns", group->min_wait_ns);
		gt_json_put_number(j, "max_wait_ns", group->max_wait_ns);
	}
	if (!r->apart)
		put_members(r, group);
	if (g->creator && !put_creator(r, g, false))
		return false;
	if (!put_stack(r, g))
		return false;
	gt_json_close(j, '}');
	gt_out_bytes(j->out, "\n", 1);
	return true;
}

static bool
put_groups(struct render *r)
{
	gt_json_key(r->j, "groups");
	gt_json_open(r->j, '[');
	gt_out_bytes(r->j->out, "\n", 1);
	for (size_t i = 0; i < r->report->groups->n; i++)
		if (!put_group(r, &r->report->groups->v[i]))
			return false;
	gt_json_close(r->j, ']');
	return true;
}

static void
put_threads(struct render *r)
{
	const struct gt_os_threads *threads = r->report->threads;
	struct gt_json *j = r->j;

	gt_json_key(j, "threads");
	gt_json_open(j, '[');
	for (size_t i = 0; i < threads->n; i++) {
		const struct gt_os_thread *th = &threads->v[i];
		char state[2] = { th->state };

		gt_json_open(j, '{');
		gt_json_put_number(j, "tid", th->tid);
		gt_json_put_string(j, "name", th->name);
		gt_json_put_string(j, "state", state);
		gt_json_key(j, "worker");
		gt_json_bool(j, th->worker);
		if (th->goroutine)
			gt_json_put_number(j, "goroutine", th->goroutine);
		gt_json_put_number(j, "cpu_ns", th->cpu_ns);
		gt_json_put_string(j, "wchan", th->wchan);
		gt_json_close(j, '}');
	}
	gt_json_close(j, ']');
}

static bool
put_dump(struct render *r)
{
	const struct gt_model *model = r->view->model;
	const struct gt_about *about = r->report->about;
	struct gt_json *j = r->j;
	size_t inexact = 0;

	gt_json_open(j, '{');
	gt_json_put_number(j, "version", GT_JSON_VERSION);
	gt_json_put_string(j, "tool", about->tool);
	if (about->pid)
		gt_json_put_number(j, "pid", about->pid);
	gt_json_put_string(j, "command", about->command);
	gt_json_key(j, "time");
	gt_json_time(j, about->time_ns);
	for (size_t i = 0; i < model->goroutines_n; i++)
		inexact += !model->goroutines[i].exact;
	gt_json_put_number(j, "total", model->goroutines_n);
	gt_json_put_number(j, "inexact", inexact);
	gt_json_put_number(j, "damaged", model->stats.damaged);
	gt_json_put_number(j, "longest_stop_ns", model->stats.held_max_ns);
	if (r->report->groups && !put_groups(r))
		return false;
	if ((!r->report->groups || r->apart) && !put_goroutines(r))
		return false;
	if (r->apart)
		gt_json_put_number(j, "total_shown", r->view->n);
	if (r->report->threads)
		put_threads(r);
	if (r->report->objects && !gt_json_waits(j, r->report))
		return false;
	gt_json_close(j, '}');
	gt_out_bytes(j->out, "\n", 1);
	return true;
}

struct gt_error *
gt_render_json_apart(const struct gt_report *report,
		     const struct gt_json_apart *apart, struct gt_out *out)
{
	struct gt_json j = { .out = out, .html = apart != NULL };
	struct render r = {
		.report = report,
		.view = report->view,
		.apart = apart,
		.j = &j,
		.fragments = calloc(report->view->model->pcs.n,
				    sizeof(*r.fragments)),
	};
	bool ok = r.fragments && gt_out_init(&r.arena, -1) && put_dump(&r);

	free(r.fragments);
	free(r.arena.buf);
	return ok ? NULL : &gt_enomem;
}

struct gt_error *
gt_render_json(const struct gt_report *report, struct gt_out *out)
{
	return gt_render_json_apart(report, NULL, out);
}
