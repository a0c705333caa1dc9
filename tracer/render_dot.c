// SPDX-License-Identifier: MIT
/*
 * render_dot.c - what blocks whom, for graphviz
 *
 * Goroutines are boxes, objects ellipses. An arrow goes from one that waits to
 * what it waits for, and from there to who holds it, so that circles are
 * circles; a dashed one to who could wake it. Those of a deadlock are red.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "render_waits.h"

enum { PARTIES_DRAWN = 10 };

struct render {
	const struct gt_report *report;
	const struct gt_model *model;
	struct gt_out *out;
	bool *drawn, *knotted; /* by goroutine */
};

/* For a label in quotes; all control characters are gone by now. */
static void
put_escaped(struct gt_out *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			gt_out_bytes(out, "\\", 1);
		gt_out_bytes(out, s, 1);
	}
}

static void
draw_goroutine(struct render *r, uint32_t index)
{
	const struct gt_goroutine *g = &r->model->goroutines[index];
	const struct gt_frame *frame = gt_where(r->report->view, g);
	char words[GT_WORDS_MAX];

	if (r->drawn[index])
		return;
	r->drawn[index] = true;
	gt_out_format(r->out, "\tg%" PRIu64 " [shape=box label=\"", g->id);
	gt_describe_goroutine(r->model, g, words);
	put_escaped(r->out, words);
	gt_clean(words, sizeof(words), gt_goroutine_status(r->model, g), "");
	gt_out_string(r->out, "\\n");
	put_escaped(r->out, words);
	if (frame) {
		gt_describe_frame(frame, words);
		gt_out_string(r->out, "\\n");
		put_escaped(r->out, words);
	}
	gt_out_string(r->out, r->knotted[index] ? "\" color=red "
						  "penwidth=2];\n" :
						  "\"];\n");
}

static void
draw_object(struct render *r, uint32_t number)
{
	const struct gt_object *o = &r->report->objects->v[number];
	char words[GT_WORDS_MAX];

	gt_describe_object(r->model, r->report->view->symbols, o, words);
	gt_out_format(r->out, "\to%" PRIu32 " [label=\"", number);
	put_escaped(r->out, words);
	if (o->kind == GT_KIND_CHAN && o->known) {
		const struct gt_channel *ch = &r->model->channels[o->channel];

		gt_out_format(r->out, "\\n%" PRIu64 " of %" PRIu64 "%s",
			      ch->len, ch->cap, ch->closed ? ", closed" : "");
	}
	if (o->kind == GT_KIND_WAITGROUP && o->known)
		gt_out_format(r->out, "\\ncounter %" PRId64, o->count);
	gt_out_string(r->out, "\"];\n");
}

static void
draw_edges(struct render *r, uint32_t number)
{
	static const char *const styles[GT_ROLES] = {
		[GT_ROLE_WAITS] = "",
		[GT_ROLE_HOLDS] = " [label=\"held by\"]",
		[GT_ROLE_KNOWS] = " [style=dashed]",
	};
	const struct gt_object *o = &r->report->objects->v[number];

	for (enum gt_role role = 0; role < GT_ROLES; role++) {
		const struct gt_parties *p = &o->parties[role];
		uint32_t n = p->n < PARTIES_DRAWN ? p->n : PARTIES_DRAWN;

		for (uint32_t i = 0; i < n; i++) {
			uint64_t id = r->model->goroutines[p->v[i].g].id;

			draw_goroutine(r, p->v[i].g);
			if (role == GT_ROLE_WAITS)
				gt_out_format(r->out,
					      "\tg%" PRIu64 " -> o%" PRIu32
					      ";\n",
					      id, number);
			else
				gt_out_format(r->out,
					      "\to%" PRIu32 " -> g%" PRIu64
					      "%s;\n",
					      number, id, styles[role]);
		}
		if (role == GT_ROLE_WAITS && p->n > n)
			gt_out_format(r->out,
				      "\tm%" PRIu32 " [shape=plain "
				      "label=\"%" PRIu32 " more\"];"
							 "\n\tm%" PRIu32
				      " -> o%" PRIu32 ";\n",
				      number, p->n - n, number, number);
	}
}

struct gt_error *
gt_render_dot(const struct gt_report *report, size_t limit, struct gt_out *out)
{
	const struct gt_model *model = report->view->model;
	GT_CLEANUP(gt_freep) bool *drawn = calloc(model->goroutines_n + 1, 1);
	GT_CLEANUP(gt_freep)
	bool *knotted = calloc(model->goroutines_n + 1, 1);
	struct render r = {
		.report = report,
		.model = model,
		.out = out,
		.drawn = drawn,
		.knotted = knotted,
	};
	size_t n;
	GT_CLEANUP(gt_freep)
	uint32_t *order = gt_waits_order(report, limit, &n);

	if (!order || !drawn || !knotted)
		return &gt_enomem;
	for (size_t i = 0; i < report->knots->n; i++)
		for (uint32_t k = 0; k < report->knots->v[i].row_n; k++)
			knotted[report->knots->v[i].row[k]] = true;
	gt_out_string(out, "digraph goroutines {\n\trankdir=LR;\n");
	for (size_t i = 0; i < n; i++) {
		draw_object(&r, order[i]);
		draw_edges(&r, order[i]);
	}
	gt_out_string(out, "}\n");
	return NULL;
}
