// SPDX-License-Identifier: MIT
/*
 * unwind_row.c - a row of the unwind table, from the module's CFI
 *
 * Idea       libdw interprets the CFI program up to a PC and gives an
 *            expression for the CFA and for each register. Nearly all of them
 *            have one of a few shapes, and those are what a row can say.
 *            Everything else is refused and left to libunwind.
 */
#include <dwarf.h>
#include <stdlib.h>

#include "limit.h"
#include "unwind.h"

/* A value that is known up to one register: regs[reg] + n, or n alone. */
struct value {
	bool has_reg;
	unsigned reg;
	uint64_t n;
};
enum { STACK_MAX = 8 };

/* How many values an operation takes from the stack, and what it brings
 * along itself; -1: one that is not known here. */
static int
decode(const Dwarf_Op *op, uint64_t pc, struct value *own)
{
	*own = (struct value){ .n = op->number };
	switch (op->atom) {
	case DW_OP_lit0 ... DW_OP_lit31:
		own->n = op->atom - DW_OP_lit0;
		return 0;
	case DW_OP_const1u ... DW_OP_consts:
		return 0;
	case DW_OP_breg0 ... DW_OP_breg31:
		own->reg = op->atom - DW_OP_breg0;
		break;
	case DW_OP_bregx:
		own->reg = op->number;
		own->n = op->number2;
		break;
	case DW_OP_plus_uconst:
		return 1;
	case DW_OP_plus:
	case DW_OP_and:
	case DW_OP_ge:
	case DW_OP_shl:
		return 2;
	default:
		return -1;
	}
	own->has_reg = own->reg != GT_ARCH_PC;
	if (!own->has_reg)
		own->n += pc;
	return 0;
}

static bool
combine(unsigned atom, struct value a, struct value b, struct value *ret)
{
	bool sum = atom == DW_OP_plus || atom == DW_OP_plus_uconst;

	if (a.has_reg + b.has_reg > sum)
		return false;
	*ret = a.has_reg ? a : b;
	if (sum)
		ret->n = a.n + b.n;
	else if (atom == DW_OP_and)
		ret->n = a.n & b.n;
	else if (atom == DW_OP_ge)
		ret->n = (int64_t)a.n >= (int64_t)b.n;
	else
		ret->n = a.n << (b.n & 63);
	return true;
}

/*
 * Work a CFA expression out as far as a row needs. A row is for one PC, so the
 * PC counts as known: that makes the expressions of PLT entries, rsp + 8 +
 * ((rip & 15) >= 11) * 8, a register and a number.
 */
static bool
evaluate(const Dwarf_Op *ops, size_t n, uint64_t pc, struct value *ret)
{
	struct value stack[STACK_MAX], v;
	int top = 0;

	for (size_t i = 0; i < n; i++) {
		int args = decode(&ops[i], pc, &v);

		if (args < 0 || args > top || top - args == STACK_MAX)
			return false;
		top -= args;
		if (args && !combine(ops[i].atom, stack[top],
				     args == 2 ? stack[top + 1] : v, &v))
			return false;
		stack[top++] = v;
	}
	if (top != 1 || !stack[0].has_reg)
		return false;
	*ret = stack[0];
	return true;
}

static bool
fill_cfa(struct gt_row *row, Dwarf_Frame *frame)
{
	Dwarf_Op *ops;
	size_t n;
	struct value cfa;

	if (dwarf_frame_cfa(frame, &ops, &n) != 0 || n == 0 ||
	    !evaluate(ops, n, gt_row_pc(row), &cfa))
		return false;
	row->cfa_off = (int32_t)cfa.n;
	if ((int64_t)cfa.n != row->cfa_off)
		return false;
	if (cfa.reg == GT_ARCH_SP) {
		row->cfa_reg = GT_ROW_SP;
		return true;
	}
	for (unsigned k = 0; k < GT_ARCH_SAVED; k++)
		if (cfa.reg == gt_arch_saved[k]) {
			row->cfa_reg = k;
			return true;
		}
	return false;
}

enum place { PLACE_CFA, PLACE_SAME, PLACE_UNDEFINED, PLACE_OTHER };

/* Where the caller's register is. */
static enum place
find_register(Dwarf_Frame *frame, int reg, int16_t *ret_off)
{
	Dwarf_Op mem[3], *ops;
	size_t n;

	if (dwarf_frame_register(frame, reg, mem, &ops, &n) != 0)
		return PLACE_OTHER;
	if (n == 0)
		return ops == mem ? PLACE_UNDEFINED : PLACE_SAME;
	if (ops[0].atom != DW_OP_call_frame_cfa)
		return PLACE_OTHER;
	*ret_off = 0;
	if (n == 1)
		return PLACE_CFA;
	*ret_off = (int16_t)ops[1].number;
	if (n == 2 && ops[1].atom == DW_OP_plus_uconst &&
	    (int64_t)ops[1].number == *ret_off)
		return PLACE_CFA;
	return PLACE_OTHER;
}

/* The caller's stack pointer is the CFA, unless CFI says otherwise. */
static bool
sp_is_cfa(Dwarf_Frame *frame)
{
	Dwarf_Op mem[3], *ops;
	size_t n;

	if (dwarf_frame_register(frame, GT_ARCH_SP, mem, &ops, &n) != 0)
		return false;
	if (n == 0)
		return ops == mem; /* nothing is said about it */
	return n == 2 && ops[0].atom == DW_OP_call_frame_cfa &&
	       ops[1].atom == DW_OP_stack_value;
}

static enum gt_row_status
fill_from(struct gt_row *row, Dwarf_Frame *frame)
{
	int ra = dwarf_frame_info(frame, NULL, NULL, &row->signal);
	enum place place = find_register(frame, ra, &row->ra_off);

	if (place == PLACE_UNDEFINED)
		return GT_ROW_END;
	if (place != PLACE_CFA || !fill_cfa(row, frame))
		return GT_ROW_REFUSED;
	if (!sp_is_cfa(frame))
		return GT_ROW_REFUSED;
	for (unsigned k = 0; k < GT_ARCH_SAVED; k++) {
		switch (find_register(frame, gt_arch_saved[k], &row->off[k])) {
		case PLACE_CFA:
			row->rule[k] = GT_RULE_CFA;
			break;
		case PLACE_SAME:
		/* libdw (0.188) means rax when it has the ABI's default, that
		 * functions leave rbx alone; a register of this kind that is
		 * lost on purpose is not one that a CFA rests on. */
		case PLACE_UNDEFINED:
			row->rule[k] = GT_RULE_SAME;
			break;
		case PLACE_OTHER:
			return GT_ROW_REFUSED;
		}
	}
	return GT_ROW_STEP;
}

/* Many times what any true file needs: entries that are read in passing, too,
 * where there is no index of them. */
enum { CFI_MAX_BYTES = 16 << 20 };

static bool
interpret(Dwarf_CFI *cfi, uint64_t addr, Dwarf_Frame **ret)
{
	struct gt_limit limit;

	if (!cfi)
		return false;
	gt_limit_begin(&limit, CFI_MAX_BYTES);
	bool ok = dwarf_cfi_addrframe(cfi, addr, ret) == 0;
	gt_limit_end(&limit);
	return ok;
}

/* What the CFI of a module says about @addr; the caller frees *ret. */
static bool
find_frame(Dwfl_Module *mod, uint64_t addr, Dwarf_Frame **ret)
{
	Dwarf_Addr bias;
	Dwarf_CFI *cfi = dwfl_module_eh_cfi(mod, &bias);

	if (interpret(cfi, addr - bias, ret))
		return true;
	/* Only now .debug_frame: it means to open debug information. */
	cfi = dwfl_module_dwarf_cfi(mod, &bias);
	return interpret(cfi, addr - bias, ret);
}

void
gt_row_fill(struct gt_row *row, struct gt_modules *modules)
{
	uint64_t addr = gt_row_lookup(row);
	const struct gt_module *module = gt_modules_find(modules, addr);
	Dwfl_Module *mod = module ? dwfl_addrmodule(modules->dwfl, addr) : NULL;
	Dwarf_Frame *frame;

	row->status = GT_ROW_NONE;
	if (!mod || !find_frame(mod, addr, &frame))
		return;
	row->status = fill_from(row, frame);
	free(frame);
}

/* Of the registers that an operation names, is each one there? */
static bool
op_is_sane(const Dwarf_Op *op)
{
	switch (op->atom) {
	case DW_OP_reg0 ... DW_OP_reg31:
		return op->atom - DW_OP_reg0 < GT_ARCH_REGS;
	case DW_OP_breg0 ... DW_OP_breg31:
		return op->atom - DW_OP_breg0 < GT_ARCH_REGS;
	case DW_OP_regx:
	case DW_OP_bregx:
		return op->number < GT_ARCH_REGS;
	default:
		return true;
	}
}

static bool
ops_are_sane(const Dwarf_Op *ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!op_is_sane(&ops[i]))
			return false;
	return true;
}

/*
 * Does the CFI for @addr hold what libunwind takes for granted? It uses the
 * number of a register that another one was saved in as an index, unchecked
 * (1.6).
 */
bool
gt_cfi_is_sane(struct gt_modules *modules, uint64_t addr)
{
	Dwfl_Module *mod = dwfl_addrmodule(modules->dwfl, addr);
	Dwarf_Op mem[3], *ops;
	Dwarf_Frame *frame;
	size_t n;
	bool sane;

	if (!mod || !find_frame(mod, addr, &frame))
		return false;
	sane = dwarf_frame_cfa(frame, &ops, &n) == 0 && ops_are_sane(ops, n);
	for (int reg = 0; sane && reg < GT_ARCH_REGS; reg++)
		sane = dwarf_frame_register(frame, reg, mem, &ops, &n) == 0 &&
		       ops_are_sane(ops, n);
	free(frame);
	return sane;
}
