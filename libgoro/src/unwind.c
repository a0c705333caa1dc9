// SPDX-License-Identifier: MIT
/*
 * unwind.c - from a frame to its caller, and rows kept for the next time
 */
#include "unwind.h"

#include <string.h>

#include "atomic.h"

enum {
	ROW_BUSY = 1, /* as a PC: a slot that is being filled */
	PROBES = 8,   /* slots that a row may lie in, from its hash on */
};

/* A load from a stack is no business of the sanitizers: it passes their red
 * zones, and races with the stack's owner where the caller allows for that. */
#define NO_SANITIZE \
	__attribute__((no_sanitize("address"), no_sanitize("thread")))

/* Rules that are all GR_RULE_SAME or GR_RULE_CFA have no other bits. */
#define ALL_BY_CFA 0x1111111u
#define KEPT_BY_CFA (ALL_BY_CFA >> GR_RULE_BITS)
_Static_assert(GR_RULE_SAME == 0 && GR_RULE_CFA == 1 && GR_RULE_BITS == 4 &&
		       GR_REGS_KEPT == 7,
	       "masks of rules");

typedef uint64_t __attribute__((aligned(1), may_alias)) unaligned_u64;

static uint32_t
row_hash(uintptr_t pc)
{
	return (uint32_t)((pc * 0x9e3779b97f4a7c15ull) >> 32);
}

/* The row of @pc if it is there, or NULL. */
const struct gr_row *
gr_rows_find(const struct gr_rows *rows, uintptr_t pc)
{
	uint32_t h = row_hash(pc);

	for (uint32_t i = 0; i < PROBES; i++) {
		const struct gr_row *row = &rows->slot[(h + i) & rows->mask];
		/* [pair row] acquire: the row is whole once its PC is there. */
		uintptr_t there = gr_load_acq(&row->pc);

		if (there == pc)
			return row;
		if (!there)
			break;
	}
	return NULL;
}

/*
 * The row of @pc, made and kept if need be; in @scratch, and not kept, where
 * the table has no room for it. Never NULL.
 */
const struct gr_row *
gr_rows_get(struct gr_rows *rows, const struct gr_modules *ms, uintptr_t pc,
	    struct gr_row *scratch)
{
	const struct gr_row *found = gr_rows_find(rows, pc);
	uint32_t h = row_hash(pc);

	if (found)
		return found;
	gr_cfi_row(ms, pc, scratch);
	if (pc <= ROW_BUSY)
		return scratch;
	for (uint32_t i = 0; i < PROBES; i++) {
		struct gr_row *row = &rows->slot[(h + i) & rows->mask];

		/* [pair row] another writer may take the slot first. Two rows
		 * for one PC are a waste, but not wrong. */
		if (!gr_cas_acq_rel(&row->pc, (uintptr_t)0, ROW_BUSY))
			continue;
		memcpy((char *)row + sizeof(row->pc),
		       (char *)scratch + sizeof(scratch->pc),
		       sizeof(*row) - sizeof(row->pc));
		/* [pair row] release: see gr_rows_find(). */
		gr_store_rel(&row->pc, pc);
		return row;
	}
	return scratch;
}

void
gr_rows_clear(struct gr_rows *rows)
{
	memset(rows->slot, 0, ((size_t)rows->mask + 1) * sizeof(*rows->slot));
}

static inline NO_SANITIZE bool
load(const struct gr_unwind *u, uintptr_t at, uint64_t *ret)
{
	if (at < u->lo || at > u->hi || u->hi - at < sizeof(*ret))
		return false;
	*ret = *(const unaligned_u64 *)(at + u->shift);
	return true;
}

/* One register of the caller, by any rule. @before  the frame's own */
static bool
value_by_rule(const struct gr_unwind *u, const struct gr_regs *before,
	      const struct gr_row *row, unsigned i, uint64_t cfa, uint64_t *ret)
{
	uint64_t offset = (uint64_t)(int64_t)row->offset[i];
	unsigned reg = gr_regs_kept[i];

	switch (gr_row_rule(row, i)) {
	case GR_RULE_CFA:
		return load(u, cfa + offset, ret);
	case GR_RULE_BASE:
		return load(u, before->r[row->cfa_reg] + offset, ret);
	case GR_RULE_REG:
		reg = (unsigned)offset;
		break;
	case GR_RULE_SAME:
		break;
	default:
		return false;
	}
	*ret = before->r[reg];
	return before->known & GR_REG_BIT(reg);
}

/* The kept registers but the return address, where rules are mixed. */
static void
restore_by_rules(struct gr_unwind *u, const struct gr_row *row, uint64_t cfa)
{
	struct gr_regs before = u->regs;
	uint64_t value;

	for (unsigned i = 0; i < GR_REG_RA_INDEX; i++) {
		u->regs.known &= ~GR_REG_BIT(gr_regs_kept[i]);
		if (value_by_rule(u, &before, row, i, cfa, &value))
			gr_regs_set(&u->regs, gr_regs_kept[i], value);
	}
}

/* The same where each is either in memory or as it was: nearly always. */
static void
restore_saved(struct gr_unwind *u, const struct gr_row *row, uint64_t cfa)
{
	uint32_t saved = row->rules & KEPT_BY_CFA;

	for (; saved; saved &= saved - 1) {
		unsigned i = (unsigned)__builtin_ctz(saved) / GR_RULE_BITS;
		uint64_t at = cfa + (uint64_t)(int64_t)row->offset[i];

		if (!load(u, at, &u->regs.r[gr_regs_kept[i]]))
			u->regs.known &= ~GR_REG_BIT(gr_regs_kept[i]);
		else
			u->regs.known |= GR_REG_BIT(gr_regs_kept[i]);
	}
}

/*
 * Go to the caller of the frame that @u is at.
 *
 * @row  of gr_unwind_pc(@u)
 *
 * Returns GR_STEP_CALLER, or says why not; the walk is over then
 */
enum gr_step
gr_unwind_step(struct gr_unwind *u, const struct gr_row *row)
{
	struct gr_regs *regs = &u->regs;
	bool may_stay = u->exact && !(row->flags & GR_ROW_SIGNAL);
	uint64_t cfa, pc;

	if (row->flags & GR_ROW_NONE)
		return GR_STEP_LOST;
	if (gr_row_rule(row, GR_REG_RA_INDEX) == GR_RULE_UNDEF)
		return GR_STEP_END;
	if (!(regs->known & GR_REG_BIT(row->cfa_reg)))
		return GR_STEP_LOST;
	cfa = regs->r[row->cfa_reg] + (uint64_t)(int64_t)row->cfa_offset;
	if ((row->flags & GR_ROW_DEREF) && !load(u, cfa, &cfa))
		return GR_STEP_LOST;
	if (cfa > u->hi || cfa < regs->r[GR_REG_SP] + !may_stay)
		return GR_STEP_LOST;
	if (!value_by_rule(u, regs, row, GR_REG_RA_INDEX, cfa, &pc))
		return GR_STEP_LOST;
	if (!pc)
		return GR_STEP_END;

	if (row->rules & ~ALL_BY_CFA)
		restore_by_rules(u, row, cfa);
	else
		restore_saved(u, row, cfa);
	regs->known &= GR_REGS_FOLLOWED;
	gr_regs_set(regs, GR_REG_PC, pc);
	gr_regs_set(regs, GR_REG_SP, cfa);
	u->exact = row->flags & GR_ROW_SIGNAL;
	return GR_STEP_CALLER;
}
