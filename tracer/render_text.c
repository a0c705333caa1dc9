// SPDX-License-Identifier: MIT
/*
 * render_text.c - goroutines in the grammar of Go's tracebacks
 *
 *	goroutine 7 [chan receive, 3 minutes]:
 *	worker(...)
 *		/src/pool.c:41 +0x2c
 *
 * Parsers    panicparse and gostackparse read this; what they refuse is kept
 *            away from them: parentheses and '%' in names, ',' and ']' in
 *            what stands in the header.
 */
#include "render_text.h"

#include <string.h>

#define NS_PER_MINUTE UINT64_C(60000000000)

static void
put_header(struct gt_stack_text *x, const struct gt_goroutine *g)
{
	struct gt_out *out = x->out;
	char text[4 * GT_NAME_BYTES];
	size_t n;

	if (x->options.colour)
		gt_out_string(out, "\033[1m");
	gt_out_string(out, "goroutine ");
	gt_out_number(out, g->id);
	gt_out_string(out, " [");
	n = gt_clean(text, sizeof(text), gt_goroutine_status(x->view->model, g),
		     ",[]");
	gt_out_bytes(out, text, n);
	if (g->name && !x->options.strict) {
		n = gt_clean(text, sizeof(text),
			     x->view->model->strings + g->name, ",[]\"");
		gt_out_string(out, " name:\"");
		gt_out_bytes(out, text, n);
		gt_out_string(out, "\"");
	}
	if (g->wait_ns >= NS_PER_MINUTE) {
		gt_out_string(out, ", ");
		gt_out_number(out, g->wait_ns / NS_PER_MINUTE);
		gt_out_string(out, " minutes");
	}
	if (g->flags & GORO_ABI_G_LOCKED)
		gt_out_string(out, ", locked to thread");
	gt_out_string(out, x->options.colour ? "]:\033[m\n" : "]:\n");
}

static bool
put_goroutines(struct gt_stack_text *x)
{
	for (size_t i = 0; i < x->view->n; i++) {
		const struct gt_goroutine *g =
			&x->view->model->goroutines[x->view->v[i]];

		if (i)
			gt_out_string(x->out, "\n");
		put_header(x, g);
		if (!gt_stack_text_frames(x, g) ||
		    !gt_stack_text_creator(x, g, true))
			return false;
	}
	return true;
}

struct gt_error *
gt_render_text(const struct gt_view *view,
	       const struct gt_text_options *options, struct gt_out *out)
{
	struct gt_stack_text x;
	bool ok = gt_stack_text_init(&x, view, options, out) &&
		  put_goroutines(&x);

	gt_stack_text_fini(&x);
	return ok ? NULL : &gt_enomem;
}
