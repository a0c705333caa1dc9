// SPDX-License-Identifier: MIT
/*
 * render_diff.c - what has changed between two dumps, as text
 *
 *	110 goroutines at 12:00:00, 200 at 12:00:10: 95 came, 5 went, 105 stayed
 *
 *	+90 [chan receive]: 10 before, 100 after; 91 came, 1 went
 *	worker(...)
 *		/src/pool.c:41
 *	created by main
 *		/src/pool.c:77
 */
#include <inttypes.h>
#include <string.h>

#include "diff.h"

/* Text of a file, made harmless. */
static void
put_clean(struct gt_out *out, const char *s)
{
	char text[1024];

	gt_clean(text, sizeof(text), s, "");
	gt_out_string(out, text);
}

/* 2026-11-23T12:00:00.123456789Z: the time of day. */
static void
put_time(struct gt_out *out, const struct gt_value *dump)
{
	const char *time = gt_value_string(dump, "time");
	char text[16];

	if (strlen(time) < 19)
		return;
	gt_out_string(out, " at ");
	gt_clean(text, 9, time + 11, "");
	gt_out_string(out, text);
}

static void
put_frame(struct gt_out *out, const char *before, const struct gt_value *f)
{
	const char *file = gt_value_string(f, "file");

	gt_out_string(out, before);
	put_clean(out, gt_value_string(f, "function"));
	gt_out_string(out, *before ? "\n\t" : "(...)\n\t");
	put_clean(out, *file ? file : "??");
	gt_out_format(out, ":%" PRIu64 "\n", gt_value_number(f, "line"));
}

static void
put_group(const struct gt_diff *diff, const struct gt_diff_group *g,
	  bool colour, struct gt_out *out)
{
	const char *reason = gt_value_string(g->one, "reason");
	const struct gt_value *creator = gt_value_get(g->one, "created_by");
	bool grew = g->count[1] > g->count[0];

	if (colour)
		gt_out_string(out, grew ? "\033[1;31m" : "\033[1;32m");
	gt_out_format(out, "%c%" PRIu64 " [", grew ? '+' : '-',
		      grew ? g->count[1] - g->count[0] :
			     g->count[0] - g->count[1]);
	put_clean(out, *reason ? reason : gt_value_string(g->one, "state"));
	gt_out_format(out, "]: %" PRIu64 " before, %" PRIu64 " after",
		      g->count[0], g->count[1]);
	if (diff->same_process)
		gt_out_format(out, "; %" PRIu64 " came, %" PRIu64 " went",
			      g->count[1] - g->stayed, g->count[0] - g->stayed);
	gt_out_string(out, colour ? "\033[m\n" : "\n");
	for (const struct gt_value *f = gt_value_items(g->one, "stack"); f;
	     f = f->next)
		put_frame(out, "", f);
	if (creator)
		put_frame(out, "created by ", creator);
}

void
gt_render_diff(const struct gt_diff *diff, size_t limit, bool colour,
	       struct gt_out *out)
{
	uint64_t same_groups = 0, same = 0;
	size_t shown = 0;

	gt_out_format(out, "%" PRIu64 " goroutines", diff->count[0]);
	put_time(out, diff->dumps[0]);
	gt_out_format(out, ", %" PRIu64, diff->count[1]);
	put_time(out, diff->dumps[1]);
	if (diff->same_process)
		gt_out_format(out,
			      ": %" PRIu64 " came, %" PRIu64 " went, %" PRIu64
			      " stayed\n",
			      diff->count[1] - diff->stayed,
			      diff->count[0] - diff->stayed, diff->stayed);
	else
		gt_out_string(out, " of another process\n");
	for (size_t i = 0; i < diff->n; i++) {
		const struct gt_diff_group *g = &diff->groups[i];

		if (g->count[0] == g->count[1]) {
			same_groups++;
			same += g->count[0];
		} else if (!limit || shown++ < limit) {
			gt_out_string(out, "\n");
			put_group(diff, g, colour, out);
		}
	}
	if (same_groups)
		gt_out_format(out,
			      "\n%" PRIu64 " goroutines in %" PRIu64 " groups "
								     "are as "
								     "many as "
								     "before\n",
			      same, same_groups);
}
