// SPDX-License-Identifier: MIT
/*
 * profile_print.c - is a file a profile as pprof wants it, and what is in it?
 *
 * For each sample a line: its values, then labels as KEY=VALUE, then for each
 * frame FUNCTION@FILE:LINE, the leaf first. Status 1: it is none.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tracer/profile.h"

static void
print_frame(const struct gt_profile *p, const struct gt_profile_location *l)
{
	for (uint32_t i = 0; i < l->lines_n; i++) {
		const struct gt_profile_line *line = &p->lines.at[l->line + i];
		const struct gt_profile_function *f =
			&p->functions.at[line->function];
		const char *file = gt_profile_string(p, f->file);
		const char *slash = strrchr(file, '/');

		printf(" %s@%s:%" PRId64, gt_profile_string(p, f->name),
		       slash ? slash + 1 : file, line->line);
	}
}

static void
print_sample(const struct gt_profile *p, const struct gt_profile_sample *s)
{
	for (size_t i = 0; i < p->types_n; i++)
		printf("%s%" PRId64, i ? " " : "", s->value[i]);
	for (uint32_t i = 0; i < s->labels_n; i++) {
		const struct gt_profile_label *l = &p->labels.at[s->label + i];

		printf(" %s=%s", gt_profile_string(p, l->key),
		       gt_profile_string(p, l->str));
	}
	for (uint32_t i = 0; i < s->frames_n; i++)
		print_frame(p, &p->locations.at[p->frames.at[s->frame + i]]);
	printf("\n");
}

int
main(int argc, char **argv)
{
	struct gt_profile p;
	int fd = argc > 1 ? open(argv[1], O_RDONLY) : -1;
	struct gt_error *err = gt_profile_read_fd(fd, &p);

	if (err) {
		fprintf(stderr, "%s\n", err->text);
		return 1;
	}
	for (size_t i = 0; i < p.samples.n; i++)
		print_sample(&p, &p.samples.at[i]);
	gt_profile_fini(&p);
	return 0;
}
