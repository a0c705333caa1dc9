// SPDX-License-Identifier: MIT
/*
 * render_text.c - goroutines in the grammar of Go's tracebacks
 *
 *	goroutine 7 [chan receive, 3 minutes]:
 *	worker(...)
 *		/src/pool.c:41 +0x2c
 *	created by main in goroutine 1
 *		/src/pool.c:77 +0x91
 *
 * Idea       The text of a frame depends on its PC only, so it is made once for
 *            each PC; a goroutine is then a header and a few memcpy: 50 MB for
 *            100,000 goroutines take 15 ms.
 * Hidden     The runtime's internal frames are left out, as Go leaves its own
 *            out. Where nothing else is left, they are shown.
 * Parsers    panicparse and gostackparse read this; what they refuse is kept
 *            away from them: parentheses and '%' in names, ',' and ']' in
 *            what stands in the header.
 */
#include "render_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HALF = 50, /* frames that are shown at each end of a deep stack */
	FUNCTION_MAX = 1024,
	FILE_MAX = 4096,
};
#define NS_PER_MINUTE UINT64_C(60000000000)

/* "function(...)\n\tfile:line +0x2c\n" in the arena. */
struct piece {
	size_t at;
	uint32_t bytes;
	uint32_t function_bytes;
	bool hidden;
};

/* The pieces of one PC. The visible ones lie one after the other. */
struct entry {
	uint32_t first, n;
	uint32_t visible; /* how many are not hidden */
	uint32_t visible_bytes;
	size_t visible_at;
	bool done;
};

struct text {
	const struct gt_view *view;
	const struct gt_model *model;
	const struct gt_text_options *options;
	struct gt_out *out;
	struct entry *entries; /* by PC id */
	struct piece *pieces;
	size_t pieces_n, pieces_room;
	char *arena;
	size_t arena_n, arena_room;
};

/* Is this a file of a language whose traces have this grammar? */
static bool
is_strict_file(const char *file)
{
	const char *dot = strrchr(file, '.');

	return dot && (strcmp(dot, ".c") == 0 || strcmp(dot, ".go") == 0 ||
		       strcmp(dot, ".s") == 0);
}

static bool
make_piece(struct text *x, const struct gt_frame *f, bool hidden,
	   struct piece *piece)
{
	char function[FUNCTION_MAX], file[FILE_MAX] = "??", offset[32] = "";
	uint32_t line = 0;

	gt_clean(function, sizeof(function), f->function, "()%/\"");
	if (f->file && (!x->options->strict || is_strict_file(f->file))) {
		gt_clean(file, sizeof(file), f->file, "");
		line = f->line;
	}
	if (!f->inlined)
		snprintf(offset, sizeof(offset), " +0x%" PRIx64, f->offset);
	if (!gt_grow((void **)&x->arena, x->arena_n,
		     FUNCTION_MAX + FILE_MAX + 64, &x->arena_room, 1))
		return false;
	piece->at = x->arena_n;
	piece->hidden = hidden;
	piece->function_bytes = strlen(function);
	piece->bytes = sprintf(x->arena + x->arena_n, "%s(...)\n\t%s:%u%s\n",
			       function, file, line, offset);
	x->arena_n += piece->bytes;
	return true;
}

/* The text of a PC; NULL when memory is short. */
static const struct entry *
entry_of(struct text *x, uint32_t id)
{
	struct entry *e = &x->entries[id];
	const struct gt_symbol *symbol;

	if (e->done)
		return e;
	symbol = gt_symbols_get(x->view->symbols, id);
	if (!symbol || !gt_grow((void **)&x->pieces, x->pieces_n, symbol->n,
				&x->pieces_room, sizeof(*x->pieces)))
		return NULL;
	e->first = x->pieces_n;
	e->n = symbol->n;
	e->visible_at = x->arena_n;
	/* The visible ones first, so that they lie together. */
	for (unsigned hidden = 0; hidden < 2; hidden++) {
		for (uint32_t i = 0; i < symbol->n; i++) {
			if (symbol->frames[i].internal != hidden)
				continue;
			if (!make_piece(x, &symbol->frames[i], hidden,
					&x->pieces[e->first + i]))
				return NULL;
			e->visible += !hidden;
		}
		if (!hidden)
			e->visible_bytes = x->arena_n - e->visible_at;
	}
	x->pieces_n += symbol->n;
	e->done = true;
	return e;
}

static void
put_header(struct text *x, const struct gt_goroutine *g)
{
	struct gt_out *out = x->out;
	char text[4 * GT_NAME_BYTES];
	size_t n;

	gt_out_string(out, "goroutine ");
	gt_out_number(out, g->id);
	gt_out_string(out, " [");
	n = gt_clean(text, sizeof(text), gt_goroutine_status(x->model, g),
		     ",[]");
	gt_out_bytes(out, text, n);
	if (g->name && !x->options->strict) {
		n = gt_clean(text, sizeof(text), x->model->strings + g->name,
			     ",[]\"");
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
	gt_out_string(out, "]:\n");
}

static void
put_elided(struct text *x, uint64_t n)
{
	if (x->options->strict) {
		gt_out_string(x->out, "...additional frames elided...\n");
		return;
	}
	gt_out_string(x->out, "...");
	gt_out_number(x->out, n);
	gt_out_string(x->out, " frames elided...\n");
}

/*
 * Frame by frame: for a deep stack, of which both ends are shown, or where only
 * the older grammar will do, the inner 100 frames; and for one of which @all
 * must be shown, hidden or not. @total frames are to be counted; those that
 * the unwinder dropped come after the first GT_TRACE_INNER PCs.
 */
static void
put_one_by_one(struct text *x, const struct gt_goroutine *g, uint64_t total,
	       bool all)
{
	uint64_t head = total, tail = total, at = 0;

	if (total > 2 * HALF) {
		head = x->options->strict ? 2 * HALF : HALF;
		tail = x->options->strict ? total : total - HALF;
	}
	for (uint32_t i = 0; i < g->frames_n; i++) {
		const struct entry *e =
			&x->entries[x->model->frames[g->frames + i]];

		for (uint32_t k = 0; k < e->n; k++) {
			const struct piece *p = &x->pieces[e->first + k];

			if (p->hidden && !all)
				continue;
			if (at == head)
				put_elided(x, total + g->dropped - 2 * HALF);
			if (at < head || at >= tail)
				gt_out_bytes(x->out, x->arena + p->at,
					     p->bytes);
			at++;
		}
	}
}

static bool
put_frames(struct text *x, const struct gt_goroutine *g)
{
	const uint32_t *ids = x->model->frames + g->frames;
	uint64_t visible = 0, all = 0;

	for (uint32_t i = 0; i < g->frames_n; i++) {
		const struct entry *e = entry_of(x, ids[i]);

		if (!e)
			return false;
		visible += e->visible;
		all += e->n;
	}
	if (!all)
		gt_out_string(x->out, "\tgoroutine running on other thread; "
				      "stack unavailable\n");
	else if (!visible)
		put_one_by_one(x, g, all, true);
	else if (visible > 2 * HALF)
		put_one_by_one(x, g, visible, false);
	else
		for (uint32_t i = 0; i < g->frames_n; i++)
			gt_out_bytes(x->out,
				     x->arena + x->entries[ids[i]].visible_at,
				     x->entries[ids[i]].visible_bytes);
	return true;
}

static bool
put_creator(struct text *x, const struct gt_goroutine *g)
{
	const struct entry *e = entry_of(x, g->creator);

	if (!e)
		return false;
	for (uint32_t i = 0; i < e->n; i++) {
		const struct piece *p = &x->pieces[e->first + i];
		/* Behind "function(...)\n". */
		uint32_t where = p->function_bytes + sizeof("(...)\n") - 1;

		if (p->hidden)
			continue;
		gt_out_string(x->out, "created by ");
		gt_out_bytes(x->out, x->arena + p->at, p->function_bytes);
		if (g->creator_id) {
			gt_out_string(x->out, " in goroutine ");
			gt_out_number(x->out, g->creator_id);
		}
		gt_out_string(x->out, "\n");
		gt_out_bytes(x->out, x->arena + p->at + where,
			     p->bytes - where);
		break;
	}
	return true;
}

static bool
put_goroutines(struct text *x)
{
	for (size_t i = 0; i < x->view->n; i++) {
		const struct gt_goroutine *g =
			&x->model->goroutines[x->view->v[i]];

		if (i)
			gt_out_string(x->out, "\n");
		put_header(x, g);
		if (!put_frames(x, g) || (g->creator && !put_creator(x, g)))
			return false;
	}
	return true;
}

struct gt_error *
gt_render_text(const struct gt_view *view,
	       const struct gt_text_options *options, struct gt_out *out)
{
	struct text x = {
		.view = view,
		.model = view->model,
		.options = options,
		.out = out,
		.entries = calloc(view->model->pcs.n, sizeof(*x.entries)),
	};
	bool ok = x.entries && put_goroutines(&x);

	free(x.entries);
	free(x.pieces);
	free(x.arena);
	return ok ? NULL : &gt_enomem;
}
