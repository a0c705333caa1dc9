// SPDX-License-Identifier: MIT
/*
 * stack_text.c - stacks in the grammar of Go's tracebacks
 *
 *	worker(...)
 *		/src/pool.c:41 +0x2c
 *	created by main in goroutine 1
 *		/src/pool.c:77 +0x91
 *
 * Idea       The text of a frame depends on its PC only, so it is made once for
 *            each PC; a stack is then a few memcpy: 50 MB for 100,000
 *            goroutines take 15 ms.
 * Hidden     The runtime's internal frames are left out, as Go leaves its own
 *            out. Where nothing else is left, they are shown.
 */
#include "stack_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HALF = 50, /* frames that are shown at each end of a deep stack */
	FUNCTION_MAX = 1024,
	FILE_MAX = 4096,
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
make_piece(struct gt_stack_text *x, const struct gt_frame *f, bool hidden,
	   struct gt_piece *piece)
{
	char function[FUNCTION_MAX], file[FILE_MAX] = "??", offset[32] = "";
	const char *dim = x->options.colour ? "\033[2m" : "";
	uint32_t line = 0;

	gt_clean(function, sizeof(function), f->function, "()%/\"");
	if (f->file && (!x->options.strict || is_strict_file(f->file))) {
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
	piece->bytes = sprintf(x->arena + x->arena_n,
			       "%s(...)\n\t%s%s:%u%s%s\n", function, dim, file,
			       line, offset, *dim ? "\033[m" : "");
	x->arena_n += piece->bytes;
	return true;
}

/* The text of a PC; NULL when memory is short. */
static const struct gt_pieces *
entry_of(struct gt_stack_text *x, uint32_t id)
{
	struct gt_pieces *e = &x->entries[id];
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
put_elided(struct gt_stack_text *x, uint64_t n)
{
	if (x->options.strict) {
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
put_one_by_one(struct gt_stack_text *x, const struct gt_goroutine *g,
	       uint64_t total, bool all)
{
	uint64_t head = total, tail = total, at = 0;

	if (total > 2 * HALF) {
		head = x->options.strict ? 2 * HALF : HALF;
		tail = x->options.strict ? total : total - HALF;
	}
	for (uint32_t i = 0; i < g->frames_n; i++) {
		const struct gt_pieces *e =
			&x->entries[x->view->model->frames[g->frames + i]];

		for (uint32_t k = 0; k < e->n; k++) {
			const struct gt_piece *p = &x->pieces[e->first + k];

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

bool
gt_stack_text_frames(struct gt_stack_text *x, const struct gt_goroutine *g)
{
	const uint32_t *ids = x->view->model->frames + g->frames;
	uint64_t visible = 0, all = 0;

	for (uint32_t i = 0; i < g->frames_n; i++) {
		const struct gt_pieces *e = entry_of(x, ids[i]);

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

bool
gt_stack_text_creator(struct gt_stack_text *x, const struct gt_goroutine *g,
		      bool which)
{
	if (!g->creator)
		return true;
	const struct gt_pieces *e = entry_of(x, g->creator);

	if (!e)
		return false;
	for (uint32_t i = 0; i < e->n; i++) {
		const struct gt_piece *p = &x->pieces[e->first + i];
		/* Behind "function(...)\n". */
		uint32_t where = p->function_bytes + sizeof("(...)\n") - 1;

		if (p->hidden)
			continue;
		gt_out_string(x->out, "created by ");
		gt_out_bytes(x->out, x->arena + p->at, p->function_bytes);
		if (g->creator_id && which) {
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

bool
gt_stack_text_init(struct gt_stack_text *x, const struct gt_view *view,
		   const struct gt_text_options *options, struct gt_out *out)
{
	*x = (struct gt_stack_text){
		.view = view,
		.options = *options,
		.out = out,
		.entries = calloc(view->model->pcs.n, sizeof(*x->entries)),
	};
	return x->entries;
}

void
gt_stack_text_fini(struct gt_stack_text *x)
{
	free(x->entries);
	free(x->pieces);
	free(x->arena);
}
