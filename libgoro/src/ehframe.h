/* SPDX-License-Identifier: MIT */
/*
 * ehframe.h - finding a PC's entry in the compiler's unwind tables
 *
 * Idea       .eh_frame holds an entry (FDE) per function, which names another
 *            (CIE) for what a compilation unit's functions have in common.
 *            .eh_frame_hdr is a sorted index of the FDEs; without it (gcc
 *            -static leaves it out) the entries are read one by one.
 * Trust      None: a reader never leaves the mapping that modules.c found.
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

/*
 * Bytes. A reader never leaves [p, end); past the end it yields zeros and is
 * bad for good, so callers check once, when they are through.
 */
struct gr_reader {
	const uint8_t *p, *end;
	bool bad;
};

static inline uint64_t
gr_take(struct gr_reader *r, size_t n)
{
	uint64_t v = 0;

	if ((size_t)(r->end - r->p) < n) {
		r->p = r->end;
		r->bad = true;
		return 0;
	}
	memcpy(&v, r->p, n); /* little endian, as all that we run on */
	r->p += n;
	return v;
}

static inline void
gr_skip(struct gr_reader *r, uint64_t n)
{
	if ((uint64_t)(r->end - r->p) < n) {
		n = (uint64_t)(r->end - r->p);
		r->bad = true;
	}
	r->p += n;
}

struct gr_cie {
	const uint8_t *at; /* NULL: nothing parsed yet */
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
	const uint8_t *next; /* the entry behind it */
};

uint64_t gr_take_uleb(struct gr_reader *r);
int64_t gr_take_sleb(struct gr_reader *r);
uintptr_t gr_take_pointer(struct gr_reader *r, const struct gr_module *m,
			  uint8_t encoding, uintptr_t data);
bool gr_fde_find(const struct gr_module *m, uintptr_t pc, struct gr_fde *ret);

#endif
