// SPDX-License-Identifier: MIT
/*
 * render_groups.c - goroutines that do the same, as one stack
 *
 *	1000 goroutines [chan receive, 1.2s to 3m4s]: 4 5 6 7 8 ... 1003
 *	worker(...)
 *		/src/pool.c:41 +0x2c
 *	created by main
 *		/src/pool.c:77 +0x91
 */
#include <inttypes.h>

#include "render_text.h"

enum { IDS_SHOWN = 10 };

static void
put_ids(const struct gt_view *view, const struct gt_groups *groups,
	const struct gt_group *group, struct gt_out *out)
{
	for (uint32_t i = 0; i < group->n; i++) {
		/* The last one too: it tells how old the newest is. */
		if (group->n > IDS_SHOWN && i == IDS_SHOWN - 1) {
			gt_out_string(out, " ...");
			i = group->n - 1;
		}
		gt_out_string(out, " ");
		gt_out_number(
			out,
			view->model
				->goroutines[groups->members[group->first + i]]
				.id);
	}
}

static void
put_header(struct gt_stack_text *x, const struct gt_groups *groups,
	   const struct gt_group *group)
{
	const struct gt_goroutine *g = gt_group_one(x->view, groups, group);
	struct gt_out *out = x->out;
	char status[64];

	gt_clean(status, sizeof(status), gt_goroutine_status(x->view->model, g),
		 ",[]");
	gt_out_format(out, "%s%" PRIu32 " goroutine%s [%s",
		      x->options.colour ? "\033[1m" : "", group->n,
		      group->n == 1 ? "" : "s", status);
	if (group->max_wait_ns) {
		gt_out_string(out, ", ");
		if (group->n > 1) {
			gt_out_duration(out, group->min_wait_ns);
			gt_out_string(out, " to ");
		}
		gt_out_duration(out, group->max_wait_ns);
	}
	gt_out_string(out, "]:");
	put_ids(x->view, groups, group, out);
	gt_out_string(out, x->options.colour ? "\033[m\n" : "\n");
}

static bool
put_groups(struct gt_stack_text *x, const struct gt_groups *groups)
{
	for (size_t i = 0; i < groups->n; i++) {
		const struct gt_group *group = &groups->v[i];
		const struct gt_goroutine *g = gt_group_one(x->view, groups,
							    group);

		if (i)
			gt_out_string(x->out, "\n");
		put_header(x, groups, group);
		if (!gt_stack_text_frames(x, g) ||
		    !gt_stack_text_creator(x, g, group->n == 1))
			return false;
	}
	return true;
}

struct gt_error *
gt_render_groups(const struct gt_view *view, const struct gt_groups *groups,
		 const struct gt_text_options *options, struct gt_out *out)
{
	struct gt_stack_text x;
	bool ok = gt_stack_text_init(&x, view, options, out) &&
		  put_groups(&x, groups);

	gt_stack_text_fini(&x);
	return ok ? NULL : &gt_enomem;
}
