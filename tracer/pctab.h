/* SPDX-License-Identifier: MIT */
/*
 * pctab.h - every distinct PC of a dump, once
 *
 * Idea       A million goroutines stand at a few hundred PCs. Each PC gets a
 *            small number, its id, and all that is ever derived from it is
 *            derived once: the rule that steps out of its frame (kept here,
 *            unwind_table.c fills it in) and its function, file and line
 *            (symbolize.c). A stack is an array of ids.
 * Key        The PC and whether it is exact. A return address is the one
 *            after the call, which may belong to the next line or function:
 *            what is looked up for it is pc - 1. An interrupted PC, or a
 *            function's entry, is looked up as it is.
 */
#ifndef GT_PCTAB_H
#define GT_PCTAB_H

#include <stdbool.h>
#include <stdint.h>

#include "arch.h"
#include "error.h"

enum gt_row_status {
	GT_ROW_UNKNOWN = 0, /* not asked for yet */
	GT_ROW_STEP,        /* step by the rules below */
	GT_ROW_END,         /* the outermost frame */
	GT_ROW_REFUSED,     /* there are rules, but no row can say them */
	GT_ROW_NONE,        /* no code, or code without unwind information */
};

enum gt_row_rule {
	GT_RULE_SAME = 0, /* the register is as it was */
	GT_RULE_CFA,      /* saved at CFA + off[] */
};

/*
 * CFA = cfa_reg + cfa_off; the return address is at CFA + ra_off; the
 * caller's stack pointer is the CFA.
 */
struct gt_row {
	uint64_t key;
	int32_t cfa_off;
	uint8_t status;  /* enum gt_row_status */
	uint8_t cfa_reg; /* index into gt_arch_saved, or GT_ROW_SP */
	bool signal;     /* its return address is an interrupted PC */
	int16_t ra_off;
	int16_t off[GT_ARCH_SAVED];
	uint8_t rule[GT_ARCH_SAVED]; /* enum gt_row_rule */
};
#define GT_ROW_SP 255

struct gt_pctab {
	struct gt_row *rows; /* by id; 0 stands for none */
	uint32_t n, room;
	uint32_t *slots; /* ids by hash, 0 empty */
	uint32_t mask;
};

struct gt_error *gt_pctab_init(struct gt_pctab *tab);
void gt_pctab_fini(struct gt_pctab *tab);

/* The slow half of gt_pctab_id(). */
uint32_t gt_pctab_add(struct gt_pctab *tab, uint64_t key);

static inline uint32_t
gt_pctab_hash(uint64_t key)
{
	return (uint32_t)((key * 0x9e3779b97f4a7c15ull) >> 32);
}

/* The id of a PC; 0 when memory is short. Rows may move. */
static inline uint32_t
gt_pctab_id(struct gt_pctab *tab, uint64_t pc, bool exact)
{
	uint64_t key = pc << 1 | exact;

	for (uint32_t h = gt_pctab_hash(key);; h++) {
		uint32_t id = tab->slots[h & tab->mask];

		if (!id)
			return gt_pctab_add(tab, key);
		if (tab->rows[id].key == key)
			return id;
	}
}

static inline uint64_t
gt_row_pc(const struct gt_row *row)
{
	return row->key >> 1;
}

/* The address that stands for the PC where something is looked up. */
static inline uint64_t
gt_row_lookup(const struct gt_row *row)
{
	return (row->key >> 1) - !(row->key & 1);
}

#endif
