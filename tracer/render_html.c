// SPDX-License-Identifier: MIT
/*
 * render_html.c - a dump as one page that needs nothing else
 *
 * page.html is part of this library; the dump is put into it as JSON, and what
 * is seen is made from that by the page's own script. Stacks are there once a
 * group, so a page grows with the groups; of goroutines those that are listed
 * one by one are limited.
 */
#include "render_html.h"

#include <stdlib.h>
#include <string.h>

#include "render_json.h"

enum { GOROUTINES_MAX = 50000 };

__asm__(".pushsection .rodata\n"
	"gt_page: .incbin \"" GT_PAGE "\"\n"
	"gt_page_end: .byte 0\n"
	".popsection");
extern const char gt_page[], gt_page_end[];

static const char mark[] = "@DUMP@";

struct gt_error *
gt_render_html(const struct gt_report *report, struct gt_out *out)
{
	const struct gt_view *view = report->view;
	const char *at = strstr(gt_page, mark);
	const char *rest = at + sizeof(mark) - 1;
	GT_CLEANUP(gt_freep)
	uint32_t *group_of = calloc(view->model->goroutines_n + 1,
				    sizeof(*group_of));
	struct gt_groups groups;
	struct gt_error *err = gt_groups_make(view, GT_SORT_COUNT, &groups);

	if (!err && !group_of)
		err = &gt_enomem;
	for (size_t i = 0; !err && i < groups.n; i++)
		for (uint32_t k = 0; k < groups.v[i].n; k++)
			group_of[groups.members[groups.v[i].first + k]] = i;
	if (!err) {
		struct gt_report all = *report;
		const struct gt_json_apart apart = { group_of, GOROUTINES_MAX };

		all.groups = &groups;
		gt_out_bytes(out, gt_page, at - gt_page);
		err = gt_render_json_apart(&all, &apart, out);
		gt_out_bytes(out, rest, gt_page_end - rest);
	}
	gt_groups_fini(&groups);
	return err;
}
