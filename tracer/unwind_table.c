// SPDX-License-Identifier: MIT
/*
 * unwind_table.c - the unwinder of the hot path
 *
 * Idea       One row of CFA rules per PC (pctab.h), filled from the module's
 *            CFI the first time that the PC is seen. A step is then a hash
 *            look-up and a few loads from the copied stack: 15 to 30 ns a
 *            frame, where libunwind takes 300 and libdwfl 400 to 2,000, and no
 *            frame pointers are needed.
 * Lost       Frame pointers are as fast, but nobody builds with them.
 */
#include <stdlib.h>
#include <string.h>

#include "unwind.h"

/* Where a walk stands. */
struct cursor {
	uint64_t pc, sp;
	uint64_t saved[GT_ARCH_SAVED];
	uint32_t known; /* bit k: saved[k] is the register's value */
	bool exact;
};

static void
cursor_from(struct cursor *c, const struct gt_regs *regs)
{
	c->pc = regs->r[GT_ARCH_PC];
	c->sp = regs->r[GT_ARCH_SP];
	c->known = 0;
	for (unsigned k = 0; k < GT_ARCH_SAVED; k++) {
		c->saved[k] = regs->r[gt_arch_saved[k]];
		c->known |= (regs->valid >> gt_arch_saved[k] & 1) << k;
	}
}

static void
cursor_to(const struct cursor *c, struct gt_regs *regs)
{
	*regs = (struct gt_regs){ 0 };
	gt_regs_set(regs, GT_ARCH_PC, c->pc);
	gt_regs_set(regs, GT_ARCH_SP, c->sp);
	for (unsigned k = 0; k < GT_ARCH_SAVED; k++)
		if (c->known >> k & 1)
			gt_regs_set(regs, gt_arch_saved[k], c->saved[k]);
}

/* A word of the copied stack. */
static inline bool
load(const struct gt_stack *stack, uint64_t addr, uint64_t *ret)
{
	uint64_t at = addr - stack->lo;

	if (at >= stack->bytes || stack->bytes - at < sizeof(*ret))
		return false;
	memcpy(ret, stack->data + at, sizeof(*ret));
	return true;
}

/* Step out of the frame; false: the stack does not bear it out. */
static inline bool
step(struct cursor *c, const struct gt_row *row, const struct gt_stack *stack)
{
	uint64_t base = c->sp;

	if (row->cfa_reg != GT_ROW_SP) {
		if (!(c->known >> row->cfa_reg & 1))
			return false;
		base = c->saved[row->cfa_reg];
	}
	uint64_t cfa = base + (int64_t)row->cfa_off;
	if (cfa <= c->sp || !load(stack, cfa + row->ra_off, &c->pc))
		return false;
	for (unsigned k = 0; k < GT_ARCH_SAVED; k++) {
		if (row->rule[k] == GT_RULE_SAME)
			continue;
		c->known &= ~(1u << k);
		if (row->rule[k] == GT_RULE_CFA &&
		    load(stack, cfa + row->off[k], &c->saved[k]))
			c->known |= 1u << k;
	}
	c->sp = cfa;
	c->exact = row->signal;
	return true;
}

/* The frames that no row can say are rare: a signal's, a realigned stack's. */
static bool
step_refused(struct gt_unwinder *u, struct cursor *c,
	     const struct gt_stack *stack, struct gt_trace *trace)
{
	struct gt_regs regs;
	uint64_t sp = c->sp;

	/* In the first frame all registers are known, later not. */
	if (trace->n == 1)
		regs = stack->regs;
	else
		cursor_to(c, &regs);
	if (!gt_libunwind_step(u, stack, &regs, &c->exact, &trace->complete))
		return false;
	cursor_from(c, &regs);
	return c->sp > sp;
}

static void
table_unwind(struct gt_unwinder *u, const struct gt_stack *stack,
	     struct gt_trace *trace)
{
	struct cursor c;

	cursor_from(&c, &stack->regs);
	c.exact = stack->exact;
	for (;;) {
		uint32_t id = gt_pctab_id(u->pcs, c.pc, c.exact);
		struct gt_row *row = &u->pcs->rows[id];

		if (!id)
			return;
		if (row->status == GT_ROW_UNKNOWN)
			gt_row_fill(row, u->modules);
		/* A return address that is no code is not one. */
		if (row->status == GT_ROW_NONE && trace->n &&
		    !gt_modules_find(u->modules, gt_row_lookup(row)))
			return;
		gt_trace_push(trace, id);
		if (row->status == GT_ROW_STEP) {
			if (!step(&c, row, stack))
				return;
		} else if (row->status == GT_ROW_END) {
			trace->complete = true;
			return;
		} else if (!step_refused(u, &c, stack, trace)) {
			return;
		}
	}
}

static void
table_destroy(struct gt_unwinder *u)
{
	gt_libunwind_fini(u);
	free(u);
}

static const struct gt_unwinder_ops table_ops = {
	.name = "table",
	.unwind = table_unwind,
	.destroy = table_destroy,
};

struct gt_error *
gt_unwinder_table(struct gt_modules *modules, struct gt_pctab *pcs,
		  struct gt_unwinder **ret)
{
	struct gt_unwinder *u = calloc(1, sizeof(*u));

	if (!u)
		return &gt_enomem;
	u->ops = &table_ops;
	u->modules = modules;
	u->pcs = pcs;
	*ret = u;
	return NULL;
}

gt_unwinder_create *
gt_unwinder_find(const char *name)
{
	static const struct {
		const char *name;
		gt_unwinder_create *create;
	} all[] = {
		{ "table", gt_unwinder_table },
		{ "libunwind", gt_unwinder_libunwind },
		{ "dwfl", gt_unwinder_dwfl },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(name, all[i].name) == 0)
			return all[i].create;
	return NULL;
}
