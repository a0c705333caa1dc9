/* SPDX-License-Identifier: MIT */
/*
 * stack_text.h - stacks in the grammar of Go's tracebacks
 */
#ifndef GT_STACK_TEXT_H
#define GT_STACK_TEXT_H

#include "out.h"
#include "view.h"

struct gt_text_options {
	/* Nothing but what each parser of Go's tracebacks takes: no names, no
	 * files of other languages, the older way to say what was left out. */
	bool strict;
	bool colour;
};

/* For stack_text.c: "function(...)\n\tfile:line +0x2c\n" in the arena. */
struct gt_piece {
	size_t at;
	uint32_t bytes;
	uint32_t function_bytes;
	bool hidden;
};

/* The pieces of one PC. The visible ones lie one after the other. */
struct gt_pieces {
	uint32_t first, n;
	uint32_t visible; /* how many are not hidden */
	uint32_t visible_bytes;
	size_t visible_at;
	bool done;
};

struct gt_stack_text {
	const struct gt_view *view;
	struct gt_text_options options;
	struct gt_out *out;
	struct gt_pieces *entries; /* by PC id */
	struct gt_piece *pieces;
	size_t pieces_n, pieces_room;
	char *arena;
	size_t arena_n, arena_room;
};

/* All of these: false when memory is short. */
bool gt_stack_text_init(struct gt_stack_text *x, const struct gt_view *view,
			const struct gt_text_options *options,
			struct gt_out *out);
bool gt_stack_text_frames(struct gt_stack_text *x,
			  const struct gt_goroutine *g);
/* Where it was started, and, with @which, by whom. */
bool gt_stack_text_creator(struct gt_stack_text *x,
			   const struct gt_goroutine *g, bool which);
void gt_stack_text_fini(struct gt_stack_text *x);

#endif
