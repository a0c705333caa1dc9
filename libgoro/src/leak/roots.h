/* SPDX-License-Identifier: MIT */
/*
 * roots.h - what roots.c, runners.c, mappings.c and rootname.c share
 */
#ifndef GR_LEAK_ROOTS_H
#define GR_LEAK_ROOTS_H

#include "leak/census.h"

struct gr_roots_map {
	uintptr_t lo, hi;
	bool root;      /* readable, and somebody may write to it */
	bool anonymous; /* and private: what is not there is zero */
	bool data;      /* of a file, or what follows it: variables */
	bool heap, main_stack, readable;
};

/* A goroutine that a thread was on. */
struct gr_roots_on_stack {
	const struct gr_g *g;
	uintptr_t sp;
};

/* What lies in there is no root, or found otherwise. */
void gr_roots_hole(struct gr_census *c, uintptr_t lo, uintptr_t hi);

/* --- mappings.c ----------------------------------------------------------- */

void gr_roots_read_maps(struct gr_census *c);
/* The thread whose thread pointer is @tp uses its stack from @sp on. */
void gr_roots_trim_stack(struct gr_census *c, uintptr_t sp, uintptr_t tp);
void gr_roots_add_maps(struct gr_census *c);

#endif
