/* SPDX-License-Identifier: MIT */
/*
 * symbolize.h - from PCs to functions, files and lines
 *
 * Each distinct PC is looked up once. One PC can be several frames: those of
 * the functions that the compiler inlined there come first.
 */
#ifndef GT_SYMBOLIZE_H
#define GT_SYMBOLIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi_reader.h"
#include "modules.h"
#include "pctab.h"

struct gt_frame {
	char *function; /* never NULL: module+offset where there is no name */
	char *file;     /* as the compiler saw it; NULL: not known */
	uint32_t line;
	uint64_t offset; /* of the PC in the function; 0 when inlined */
	bool inlined;    /* into the next frame */
	bool internal;   /* the runtime's, and not what a program calls */
};

/* The frames of one PC, innermost first; at least one. */
struct gt_symbol {
	struct gt_frame *frames;
	uint32_t n;
};

struct gt_symbols {
	struct gt_modules *modules;
	const struct gt_pctab *pcs;
	uint64_t runtime_lo, runtime_hi; /* the runtime's code */
	struct gt_symbol *v; /* by PC id; n == 0: not looked up yet */
	size_t n;
	struct gt_cu_index **indexes; /* by module; see cu_index.h */
};

void gt_symbols_init(struct gt_symbols *s, struct gt_modules *modules,
		     const struct gt_pctab *pcs, const struct gt_abi *abi);
void gt_symbols_fini(struct gt_symbols *s);

/* NULL when memory is short. Valid until the next call. */
const struct gt_symbol *gt_symbols_get(struct gt_symbols *s, uint32_t id);

#endif
