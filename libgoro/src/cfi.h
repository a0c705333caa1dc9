/* SPDX-License-Identifier: MIT */
/*
 * cfi.h - from a PC to the rule that finds its caller
 *
 * Idea       The compiler's unwind tables (.eh_frame) are a small program per
 *            function. Run up to one PC it yields one row: where the frame
 *            begins (the CFA), and where the caller's registers are. A row
 *            fits into 48 bytes and never changes while its module is loaded,
 *            so it is what caches and profilers keep.
 * Refused    What a row cannot say: expressions beyond the few shapes that
 *            compilers, assemblers and linkers emit (see expression()). A
 *            refused register is unknown from there on; a refused CFA or
 *            return address ends the walk.
 * Trust      The tables are read only inside the mapping that modules.c
 *            found; what a corrupt one yields is a wrong row, and unwind.c
 *            bounds what that can do.
 * Signals    Safe in a handler: system calls that read memory, and about 3 KiB
 *            of stack.
 */
#ifndef GR_CFI_H
#define GR_CFI_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/regs.h"
#include "modules.h"

enum gr_rule {
	GR_RULE_SAME,  /* the caller's value is still in the register */
	GR_RULE_CFA,   /* in memory at CFA + offset */
	GR_RULE_BASE,  /* in memory at cfa_reg + offset */
	GR_RULE_REG,   /* in the register that offset numbers */
	GR_RULE_UNDEF, /* lost; of the return address: the outermost frame */
	GR_RULE_BITS = 4,
};

enum {
	GR_ROW_NONE = 1,   /* no rule is known for this PC */
	GR_ROW_DEREF = 2,  /* the CFA is what memory holds there */
	GR_ROW_SIGNAL = 4, /* the caller was interrupted: its PC is exact */
};

struct gr_row {
	uintptr_t pc;
	int32_t cfa_offset; /* CFA = cfa_reg + cfa_offset, see GR_ROW_DEREF */
	uint32_t rules;     /* GR_RULE_BITS for each of gr_regs_kept */
	int32_t offset[GR_REGS_KEPT];
	uint8_t cfa_reg;
	uint8_t flags;
};

static inline enum gr_rule
gr_row_rule(const struct gr_row *row, unsigned i)
{
	return (enum gr_rule)(row->rules >> (i * GR_RULE_BITS) & 15);
}

void gr_cfi_row(const struct gr_modules *ms, uintptr_t pc, struct gr_row *ret);

#endif
