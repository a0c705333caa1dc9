// SPDX-License-Identifier: MIT
/*
 * prof_top.c - a table of functions, as pprof -top
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "prof_show.h"

struct row {
	const char *name;
	int64_t flat, cum;
	size_t seen; /* the sample that it was last on the stack of, plus 1 */
};

struct top {
	struct row *row;
	size_t n, room;
	int64_t total;
	size_t samples; /* looked at */
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->name,
		      ((const struct row *)b)->name);
}

static int64_t
size_of(int64_t v)
{
	return v < 0 ? -v : v;
}

/* The largest first. */
static int
by_flat(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int64_t xf = size_of(x->flat), yf = size_of(y->flat);
	int64_t xc = size_of(x->cum), yc = size_of(y->cum);

	if (xf != yf)
		return (xf < yf) - (xf > yf);
	if (xc != yc)
		return (xc < yc) - (xc > yc);
	return by_name(a, b);
}

/* A row for each function of @p, sorted by name, without doubles. */
static bool
add_rows(struct top *t, const struct gt_profile *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->functions.n; i++) {
		if (t->n == t->room &&
		    !gt_profile_grow((void **)&t->row, &t->room,
				     sizeof(*t->row)))
			return false;
		t->row[t->n++] = (struct row){
			.name = p->strings.at[p->functions.at[i].name]
		};
	}
	qsort(t->row, t->n, sizeof(*t->row), by_name);
	for (size_t i = 0; i < t->n; i++)
		if (!kept || by_name(&t->row[kept - 1], &t->row[i]))
			t->row[kept++] = t->row[i];
	t->n = kept;
	return true;
}

static void
add_line(struct top *t, const struct gt_profile *p,
	 const struct gt_profile_line *line, int64_t value, bool leaf)
{
	struct row key = { .name = gt_profile_function_name(p, line) };
	struct row *r = bsearch(&key, t->row, t->n, sizeof(key), by_name);

	if (!r)
		return;
	if (leaf)
		r->flat += value;
	if (r->seen != t->samples) /* once, however often it is there */
		r->cum += value;
	r->seen = t->samples;
}

static void
add_samples(struct top *t, const struct gt_profile *p, int sign)
{
	for (size_t i = 0; i < p->samples.n; i++) {
		const struct gt_profile_sample *s = &p->samples.at[i];
		int64_t value = sign * s->value[gt_profile_shown(p)];
		bool leaf = true;

		t->samples++;
		t->total += value;
		for (uint32_t k = 0; k < s->frames_n; k++) {
			const struct gt_profile_location *l =
				&p->locations.at[p->frames.at[s->frame + k]];

			for (uint32_t j = 0; j < l->lines_n; j++) {
				add_line(t, p, &p->lines.at[l->line + j], value,
					 leaf);
				leaf = false;
			}
		}
	}
}

const char *
prof_value(char *to, size_t bytes, int64_t v, const char *unit)
{
	static const struct {
		const char *unit, *suffix;
		double from, one;
	} scales[] = {
		{ "nanoseconds", "mins", 6e10, 6e10 },
		{ "nanoseconds", "s", 1e9, 1e9 },
		{ "nanoseconds", "ms", 1e6, 1e6 },
		{ "nanoseconds", "us", 1, 1e3 },
		{ "bytes", "GB", 0x1p30, 0x1p30 },
		{ "bytes", "MB", 0x1p20, 0x1p20 },
		{ "bytes", "kB", 0x1p10, 0x1p10 },
		{ "bytes", "B", 1, 1 },
	};

	for (size_t i = 0; i < sizeof(scales) / sizeof(*scales); i++)
		if (!strcmp(scales[i].unit, unit) &&
		    fabs((double)v) >= scales[i].from) {
			snprintf(to, bytes, "%.2f%s", (double)v / scales[i].one,
				 scales[i].suffix);
			return to;
		}
	snprintf(to, bytes, "%" PRId64, v);
	return to;
}

static void
print(struct top *t, const struct gt_profile *p, FILE *to)
{
	const struct gt_profile_type *type = &p->type[gt_profile_shown(p)];
	const char *unit = p->strings.at[type->unit];
	double total = t->total ? (double)size_of(t->total) : 1;
	int64_t sum = 0;
	char flat[32], cum[32];

	for (size_t i = 0; i < p->comments.n; i++)
		fprintf(to, "%s\n", p->strings.at[p->comments.at[i]]);
	fprintf(to, "%s: %s", p->strings.at[type->type],
		prof_value(flat, sizeof(flat), t->total, unit));
	if (p->duration_ns)
		fprintf(to, " in %s",
			prof_value(cum, sizeof(cum), p->duration_ns,
				   "nanoseconds"));
	fprintf(to, "\n%10s %6s %6s %10s %6s\n", "flat", "flat%", "sum%", "cum",
		"cum%");
	for (size_t i = 0; i < t->n; i++) {
		const struct row *r = &t->row[i];

		if (!r->flat && !r->cum)
			continue;
		sum += r->flat;
		fprintf(to, "%10s %5.1f%% %5.1f%% %10s %5.1f%%  %s\n",
			prof_value(flat, sizeof(flat), r->flat, unit),
			100 * (double)r->flat / total,
			100 * (double)sum / total,
			prof_value(cum, sizeof(cum), r->cum, unit),
			100 * (double)r->cum / total, r->name);
	}
}

struct gt_error *
prof_top(const struct gt_profile *p, const struct gt_profile *base, FILE *to)
{
	struct top t = { 0 };
	struct gt_error *err = NULL;

	if (!add_rows(&t, p) || (base && !add_rows(&t, base))) {
		err = &gt_enomem;
	} else {
		add_samples(&t, p, 1);
		if (base)
			add_samples(&t, base, -1);
		qsort(t.row, t.n, sizeof(*t.row), by_flat);
		print(&t, p, to);
	}
	free(t.row);
	return err;
}
