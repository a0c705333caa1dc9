/* SPDX-License-Identifier: MIT */
/*
 * ehframe.h - finding a PC's entry in the compiler's unwind tables
 *
 * Idea       .eh_frame holds an entry (FDE) per function, which names another
 *            (CIE) for what a compilation unit's functions have in common.
 *            .eh_frame_hdr is a sorted index of the FDEs; without it (gcc
 *            -static leaves it out) the entries are read one by one.
 * Trust      None: a reader never leaves the mapping that modules.c found, and
 *            reads it by gr_peek(), a piece at a time, where another thread
 *            may be unloading it. That is ten times as slow as to look.
 * Signals    Safe in a handler.
 * Source     Linux Standard Base, "Exception frames".
 * Not here   the programs in the entries: cfi.c
 */
#ifndef GR_EHFRAME_H
#define GR_EHFRAME_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "modules.h"

/* The piece of the tables that was read last. Pieces are aligned, so that the
 * last steps of a binary search find it there. */
enum { GR_WINDOW_BYTES = 2048 };

struct gr_window {
	uintptr_t at, hi; /* it does not go beyond */
	bool stays;       /* of the module */
	size_t n;
	uint8_t bytes[GR_WINDOW_BYTES];
};

/*
 * Bytes. A reader never leaves [p, end); past the end, or where there is no
 * memory any more, it yields zeros and is bad for good, so callers check once,
 * when they are through.
 */
struct gr_reader {
	uintptr_t p, end;
	struct gr_window *window;
	bool bad;
};

/* Have the @n bytes at r->p, few, in the window; false: there are none. */
bool gr_window_fill(const struct gr_reader *r, size_t n);

static inline uint64_t
gr_take(struct gr_reader *r, size_t n)
{
	const struct gr_window *w = r->window;
	uint64_t v = 0; /* little endian, as all that we run on */

	if (w->stays && r->end - r->p >= n) {
		memcpy(&v, (const void *)r->p, n);
		r->p += n;
		return v;
	}
	if (r->end - r->p < n || ((r->p < w->at || r->p - w->at + n > w->n) &&
				  !gr_window_fill(r, n))) {
		r->p = r->end;
		r->bad = true;
		return 0;
	}
	memcpy(&v, w->bytes + (r->p - w->at), n);
	r->p += n;
	return v;
}

static inline void
gr_skip(struct gr_reader *r, uint64_t n)
{
	if (r->end - r->p < n) {
		n = r->end - r->p;
		r->bad = true;
	}
	r->p += n;
}

struct gr_cie {
	uintptr_t at; /* 0: nothing parsed yet */
	uint64_t code_align;
	int64_t data_align;
	struct gr_reader program;
	uint8_t encoding; /* of the FDEs' addresses */
	bool augmented, signal;
};

struct gr_fde {
	struct gr_cie cie;
	uintptr_t start, end; /* text */
	struct gr_reader program;
	uintptr_t next; /* the entry behind it; 0: none */
};

uint64_t gr_take_uleb(struct gr_reader *r);
int64_t gr_take_sleb(struct gr_reader *r);
uintptr_t gr_take_pointer(struct gr_reader *r, const struct gr_module *m,
			  uint8_t encoding, uintptr_t data);
bool gr_fde_find(const struct gr_module *m, struct gr_window *w, uintptr_t pc,
		 struct gr_fde *ret);

#endif
