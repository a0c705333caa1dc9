// SPDX-License-Identifier: MIT
/*
 * leak_json.c - the findings as one JSON object
 *
 * {"version": 1, "findings": [...], "summary": {KIND: N, ...}}; goro-leakcheck(1)
 * says what is in a finding. Each kind is in the summary, also with 0.
 */
#include <string.h>

#include "leak.h"
#include "tracer/json.h"

static void
put_stack(struct gt_json *j, const char *key, const struct leak_stack *s)
{
	if (!s->n)
		return;
	gt_json_key(j, key);
	gt_json_open(j, '[');
	for (size_t i = 0; i < s->n; i++) {
		const struct leak_frame *f = &s->v[i];

		if (f->internal)
			continue;
		gt_json_open(j, '{');
		gt_json_put_string(j, "function", f->function);
		gt_json_put_string(j, "file", f->file);
		if (f->line)
			gt_json_put_number(j, "line", f->line);
		gt_json_close(j, '}');
	}
	gt_json_close(j, ']');
}

static void
put_numbers(struct gt_json *j, const char *key, const uint64_t *v, size_t n)
{
	gt_json_key(j, key);
	gt_json_open(j, '[');
	for (size_t i = 0; i < n; i++)
		gt_json_number(j, v[i]);
	gt_json_close(j, ']');
}

static void
put_object(struct gt_json *j, const struct leak_finding *f)
{
	gt_json_key(j, f->channel ? "channel" : "lock");
	gt_json_open(j, '{');
	if (f->object) {
		gt_json_key(j, "address");
		gt_json_address(j, f->object);
	}
	gt_json_put_string(j, "name", f->object_name);
	if (f->channel) {
		gt_json_put_number(j, "id", f->channel);
		gt_json_put_number(j, "element_bytes", f->elem_bytes);
		gt_json_put_number(j, "capacity", f->cap);
		gt_json_put_number(j, "length", f->len);
		gt_json_put_true(j, "closed", f->closed);
		gt_json_put_number(j, "created_by_goroutine",
				   f->object_creator_id);
		put_stack(j, "created_at", &f->object_creator);
	}
	if (f->owner)
		gt_json_put_number(j, "owner", f->owner);
	gt_json_put_true(j, "owner_ended", f->owner_ended);
	gt_json_close(j, '}');
}

static void
put_other(struct gt_json *j, const char *key, const struct leak_other *o)
{
	if (!o->id)
		return;
	gt_json_key(j, key);
	gt_json_open(j, '{');
	gt_json_put_number(j, "goroutine", o->id);
	gt_json_put_true(j, "ended", o->ended);
	put_stack(j, "at", &o->at);
	gt_json_close(j, '}');
}

static void
put_alive_by(struct gt_json *j, const struct leak_finding *f)
{
	if (!f->alive_by_n)
		return;
	gt_json_key(j, "alive_by");
	gt_json_open(j, '[');
	for (size_t i = 0; i < f->alive_by_n; i++) {
		const struct leak_step *s = &f->alive_by[i];

		gt_json_open(j, '{');
		gt_json_put_string(j, "kind", s->kind);
		gt_json_put_string(j, "variable", s->variable);
		if (s->address) {
			gt_json_key(j, "address");
			gt_json_address(j, s->address);
		}
		if (s->id)
			gt_json_put_number(
				j, strcmp(s->kind, "block") ? "id" : "bytes",
				s->id);
		gt_json_close(j, '}');
	}
	gt_json_close(j, ']');
}

static void
put_finding(struct gt_json *j, const struct leak_finding *f)
{
	gt_json_open(j, '{');
	gt_json_put_string(j, "kind", leak_kind_names[f->kind]);
	put_numbers(j, "goroutines", f->ids, f->ids_n);
	gt_json_put_string(j, "story", f->story);
	gt_json_put_string(j, "state", f->state);
	gt_json_put_string(j, "name", f->name);
	put_stack(j, "stack", &f->stack);
	if (f->creator.n && f->kind != LEAK_UNCLOSED) {
		gt_json_put_number(j, "created_by_goroutine", f->creator_id);
		put_stack(j, "created_at", &f->creator);
	}
	if (f->has_object)
		put_object(j, f);
	if (f->cycle_n)
		put_numbers(j, "cycle", f->cycle, f->cycle_n);
	if (f->wait_ns)
		gt_json_put_number(j, "longest_wait_ns", f->wait_ns);
	if (f->keeps_n)
		put_numbers(j, "keeps", f->keeps, f->keeps_n);
	put_other(j, "last_sender", &f->last_sender);
	put_other(j, "last_receiver", &f->last_receiver);
	put_other(j, "left_by", &f->left_by);
	put_alive_by(j, f);
	if (f->held)
		gt_json_put_number(j, "held_bytes", f->held);
	gt_json_put_number(j, "pid", (uint64_t)f->pid);
	gt_json_put_string(j, "process", f->process);
	gt_json_key(j, "fingerprint");
	gt_json_address(j, f->fingerprint);
	gt_json_close(j, '}');
}

bool
leak_render_json(const struct leak_results *r, int fd)
{
	struct gt_out out;
	struct gt_json j = { .out = &out };

	if (!gt_out_init(&out, fd))
		return false;
	gt_json_open(&j, '{');
	gt_json_put_number(&j, "version", 1);
	gt_json_key(&j, "findings");
	gt_json_open(&j, '[');
	for (size_t i = 0; i < r->n; i++)
		if (!r->v[i].suppressed)
			put_finding(&j, &r->v[i]);
	gt_json_close(&j, ']');
	gt_json_key(&j, "summary");
	gt_json_open(&j, '{');
	for (int k = 0; k < LEAK_KINDS; k++)
		gt_json_put_number(&j, leak_kind_names[k], r->count[k]);
	gt_json_close(&j, '}');
	gt_json_put_number(&j, "checks", r->checks);
	gt_json_put_true(&j, "heap_counts_as_in_use", r->inexact);
	if (r->problems_n) {
		gt_json_key(&j, "problems");
		gt_json_open(&j, '[');
		for (size_t i = 0; i < r->problems_n; i++)
			gt_json_string(&j, r->problems[i]);
		gt_json_close(&j, ']');
	}
	gt_json_close(&j, '}');
	gt_out_bytes(&out, "\n", 1);
	return !gt_out_fini(&out);
}
