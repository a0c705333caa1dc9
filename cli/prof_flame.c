// SPDX-License-Identifier: MIT
/*
 * prof_flame.c - a flame graph, as one picture without anything else
 *
 * All stacks as a tree of functions, each a box as wide as what was used in
 * it; callers lie below. A box says all about itself when it is pointed at.
 *
 * Source     Brendan Gregg, "The Flame Graph" (2016)
 */
#include <stdlib.h>
#include <string.h>

#include "prof_show.h"

enum {
	WIDTH = 1200,
	ROW = 17,
	TOP = 30,       /* for the title */
	CHAR_WIDTH = 7, /* of the font, about */
	DEPTH = 512,    /* what is deeper is cut */
};
#define NARROW 0.2 /* boxes below that are left out */

struct node {
	const char *name;
	int64_t value;
	uint32_t child,
		next; /* the first one called, the next of its caller's */
};

struct flame {
	GT_PROFILE_ARRAY(struct node) nodes; /* 0 is the root */
	const char *unit;
	FILE *to;
	double scale; /* of values to the picture */
	unsigned depth;
};

/* The node of @name below @at, made if need be; 0: memory is short. */
static uint32_t
child_of(struct flame *f, uint32_t at, const char *name)
{
	for (uint32_t i = f->nodes.at[at].child; i; i = f->nodes.at[i].next)
		if (!strcmp(f->nodes.at[i].name, name))
			return i;
	if (!GT_PROFILE_PUSH(f->nodes, { name, 0, 0, f->nodes.at[at].child }))
		return 0;
	return f->nodes.at[at].child = (uint32_t)f->nodes.n - 1;
}

/* From the outermost frame to the leaf, and within each from what was not
 * inlined to what was. */
static bool
add_sample(struct flame *f, const struct gt_profile *p,
	   const struct gt_profile_sample *s, int64_t value)
{
	uint32_t at = 0;
	unsigned depth = 0;

	f->nodes.at[0].value += value;
	for (uint32_t k = s->frames_n; k-- > 0;) {
		const struct gt_profile_location *l =
			&p->locations.at[p->frames.at[s->frame + k]];

		for (uint32_t j = l->lines_n; j-- > 0 && depth < DEPTH;) {
			at = child_of(f, at,
				      gt_profile_function_name(
					      p, &p->lines.at[l->line + j]));
			if (!at)
				return false;
			f->nodes.at[at].value += value;
			depth++;
		}
	}
	f->depth = depth > f->depth ? depth : f->depth;
	return true;
}

static void
put_text(FILE *to, const char *s, size_t max)
{
	for (; *s && max--; s++)
		switch (*s) {
		case '<':
			fputs("&lt;", to);
			break;
		case '>':
			fputs("&gt;", to);
			break;
		case '&':
			fputs("&amp;", to);
			break;
		case '"':
			fputs("&quot;", to);
			break;
		default:
			fputc((unsigned char)*s < ' ' ? '?' : *s, to);
		}
}

/* A warm colour, the same for the same name. */
static void
put_colour(FILE *to, const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	fprintf(to, "rgb(%u,%u,%u)", 205 + h % 50, 90 + h / 64 % 120,
		40 + h / 8192 % 40);
}

static void
put_node(struct flame *f, uint32_t i, double x, unsigned depth)
{
	const struct node *n = &f->nodes.at[i];
	double width = (double)n->value * f->scale;
	unsigned y = TOP + (f->depth - depth) * ROW;
	size_t room = (size_t)(width / CHAR_WIDTH);
	char value[32];

	if (width < NARROW)
		return;
	fputs("<g><title>", f->to);
	put_text(f->to, n->name, SIZE_MAX);
	fprintf(f->to,
		" %s, %.1f %%</title><rect x=\"%.1f\" y=\"%u\" "
		"width=\"%.1f\" height=\"%d\" fill=\"",
		prof_value(value, sizeof(value), n->value, f->unit),
		width * 100 / WIDTH, x, y, width, ROW - 1);
	put_colour(f->to, n->name);
	fputs("\"/>", f->to);
	if (room > 2) {
		fprintf(f->to, "<text x=\"%.1f\" y=\"%u\">", x + 3,
			y + ROW - 5);
		put_text(f->to, n->name, room);
		fputs("</text>", f->to);
	}
	fputs("</g>\n", f->to);
	for (uint32_t c = n->child; c; c = f->nodes.at[c].next) {
		put_node(f, c, x, depth + 1);
		x += (double)f->nodes.at[c].value * f->scale;
	}
}

static void
put_picture(struct flame *f, const char *title)
{
	unsigned height = TOP + (f->depth + 1) * ROW + 10;

	fprintf(f->to,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
		"height=\"%u\" viewBox=\"0 0 %d %u\" "
		"font-family=\"monospace\" font-size=\"11\">\n"
		"<text x=\"4\" y=\"18\" font-size=\"14\">",
		WIDTH, height, WIDTH, height);
	put_text(f->to, title, SIZE_MAX);
	fputs("</text>\n", f->to);
	put_node(f, 0, 0, 0);
	fputs("</svg>\n", f->to);
}

struct gt_error *
prof_flame(const struct gt_profile *p, const char *title, bool html, FILE *to)
{
	const struct gt_profile_type *type = &p->type[gt_profile_shown(p)];
	struct flame f = {
		.to = to,
		.unit = p->strings.at[type->unit],
	};
	bool ok = GT_PROFILE_PUSH(f.nodes, { "all", 0, 0, 0 });

	for (size_t i = 0; ok && i < p->samples.n; i++) {
		int64_t value = p->samples.at[i].value[gt_profile_shown(p)];

		/* Of a difference: what there is less of has no width. */
		if (value > 0)
			ok = add_sample(&f, p, &p->samples.at[i], value);
	}
	if (ok) {
		f.scale = WIDTH / (f.nodes.at[0].value ?
					   (double)f.nodes.at[0].value :
					   1.0);
		if (html)
			fputs("<!DOCTYPE html>\n<html><head><meta "
			      "charset=\"utf-8\"><title>goro-prof</title>"
			      "</head><body>\n",
			      to);
		put_picture(&f, title);
		if (html)
			fputs("</body></html>\n", to);
	}
	free(f.nodes.at);
	return ok ? NULL : &gt_enomem;
}
