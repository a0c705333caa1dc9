// SPDX-License-Identifier: MIT
/*
 * cfi.c - from a PC to the rule that finds its caller
 *
 * Source     DWARF 5, section 6.4.
 */
#include "cfi.h"

#include <string.h>

#include "ehframe.h"

enum {
	CFA_advance = 1, /* the top two bits; the rest is the operand */
	CFA_offset = 2,
	CFA_restore = 3,
	CFA_nop = 0x00,
	CFA_set_loc = 0x01,
	CFA_advance1 = 0x02,
	CFA_advance2 = 0x03,
	CFA_advance4 = 0x04,
	CFA_offset_extended = 0x05,
	CFA_restore_extended = 0x06,
	CFA_undefined = 0x07,
	CFA_same_value = 0x08,
	CFA_register = 0x09,
	CFA_remember_state = 0x0a,
	CFA_restore_state = 0x0b,
	CFA_def_cfa = 0x0c,
	CFA_def_cfa_register = 0x0d,
	CFA_def_cfa_offset = 0x0e,
	CFA_def_cfa_expression = 0x0f,
	CFA_expression = 0x10,
	CFA_offset_extended_sf = 0x11,
	CFA_def_cfa_sf = 0x12,
	CFA_def_cfa_offset_sf = 0x13,
	CFA_val_offset = 0x14,
	CFA_val_offset_sf = 0x15,
	CFA_val_expression = 0x16,
	CFA_GNU_args_size = 0x2e,

	OP_deref = 0x06,
	OP_and = 0x1a,
	OP_plus = 0x22,
	OP_plus_uconst = 0x23,
	OP_shl = 0x24,
	OP_ge = 0x2a,
	OP_lit0 = 0x30,  /* .. lit31 */
	OP_breg0 = 0x70, /* .. breg31 */

	/* Of a program: nested remember_state. gcc and clang use one. */
	MAX_STATES = 8,
	/* Of an expression. The longest known, of a PLT, uses three. */
	MAX_TERMS = 8,
};

enum {
	/* A rule that a row cannot express; not the same as GR_RULE_UNDEF
	 * for the return address, whose meaning is "no caller". */
	RULE_LOST = GR_RULE_UNDEF + 1,
	BASE_CFA = 0xfe,  /* of a term: counts from the CFA */
	BASE_NONE = 0xff, /* of a term: a plain number */
};

struct state {
	bool cfa_known, cfa_deref;
	uint8_t cfa_reg;
	uint8_t rule[GR_REGS_KEPT];
	uint8_t base[GR_REGS_KEPT]; /* of GR_RULE_BASE */
	int64_t cfa_offset;
	int64_t offset[GR_REGS_KEPT];
};

struct machine {
	const struct gr_module *module;
	const struct gr_cie *cie;
	struct gr_reader r;
	uintptr_t at, pc; /* the row holds from `at`; wanted: that of `pc` */
	struct state now, initial;
	struct state saved[MAX_STATES];
	unsigned saved_n;
};

/* A value that an expression works on: [deref] (base + offset). Offsets wrap,
 * as the numbers may be hostile. */
struct term {
	uint8_t base;
	bool deref;
	uint64_t offset;
};

/* Two terms make one. False: no row can say it. */
static bool
combine(uint8_t op, struct term *a, const struct term *b)
{
	uint64_t x = a->offset, y = b->offset;

	if (b->base != BASE_NONE || b->deref || a->deref)
		return false;
	if (op != OP_plus && a->base != BASE_NONE)
		return false;
	switch (op) {
	case OP_plus:
		x += y;
		break;
	case OP_and:
		x &= y;
		break;
	case OP_shl:
		x = y < 64 ? x << y : 0;
		break;
	case OP_ge:
		x = (int64_t)x >= (int64_t)y;
		break;
	default:
		return false;
	}
	a->offset = x;
	return true;
}

/*
 * Evaluate an expression as far as that goes without registers:
 *
 *   breg6 -8; deref             CFA of a realigned frame (gcc)
 *   breg6 -16                   a register saved in one
 *   breg7 160; deref            CFA of a signal frame (libc)
 *   breg7 8; breg16 0; lit15; and; lit11; ge; lit3; shl; plus
 *                               CFA within a PLT (ld); the PC is known here
 *
 * @start  the term on the stack at the beginning, or NULL
 */
static bool
expression(struct machine *mc, const struct term *start, struct term *ret)
{
	struct term t[MAX_TERMS];
	struct gr_reader r = mc->r;
	uint64_t bytes = gr_take_uleb(&r);
	unsigned n = 0;

	mc->r = r;
	gr_skip(&mc->r, bytes);
	if (mc->r.bad)
		return false;
	r.end = mc->r.p;
	if (start)
		t[n++] = *start;
	while (r.p < r.end) {
		uint8_t op = (uint8_t)gr_take(&r, 1);

		if (op >= OP_breg0 && op < OP_breg0 + 32 && n < MAX_TERMS) {
			t[n].base = op - OP_breg0;
			t[n].deref = false;
			t[n].offset = (uint64_t)gr_take_sleb(&r);
			if (t[n].base == GR_REG_PC) {
				t[n].base = BASE_NONE;
				t[n].offset += mc->pc;
			}
			n++;
		} else if (op >= OP_lit0 && op < OP_lit0 + 32 &&
			   n < MAX_TERMS) {
			t[n++] = (struct term){ BASE_NONE, false,
						op - OP_lit0 };
		} else if (op == OP_plus_uconst && n && !t[n - 1].deref) {
			t[n - 1].offset += gr_take_uleb(&r);
		} else if (op == OP_deref && n && !t[n - 1].deref) {
			t[n - 1].deref = true;
		} else if (n >= 2 && combine(op, &t[n - 2], &t[n - 1])) {
			n--;
		} else {
			return false;
		}
	}
	if (r.bad || !n)
		return false;
	*ret = t[n - 1];
	return true;
}

static void
set_rule(struct machine *mc, uint64_t dwarf, uint8_t rule, int64_t offset)
{
	int i = gr_regs_kept_index(dwarf);

	if (i < 0)
		return;
	mc->now.rule[i] = rule;
	mc->now.offset[i] = offset;
}

static void
restore_rule(struct machine *mc, uint64_t dwarf)
{
	int i = gr_regs_kept_index(dwarf);

	if (i < 0)
		return;
	mc->now.rule[i] = mc->initial.rule[i];
	mc->now.base[i] = mc->initial.base[i];
	mc->now.offset[i] = mc->initial.offset[i];
}

static void
set_rule_expression(struct machine *mc, uint64_t dwarf)
{
	static const struct term cfa = { BASE_CFA, false, 0 };
	int i = gr_regs_kept_index(dwarf);
	struct term t;

	if (!expression(mc, &cfa, &t) || t.deref || t.base == BASE_NONE) {
		set_rule(mc, dwarf, RULE_LOST, 0);
	} else if (t.base == BASE_CFA) {
		set_rule(mc, dwarf, GR_RULE_CFA, (int64_t)t.offset);
	} else if (i >= 0) {
		set_rule(mc, dwarf, GR_RULE_BASE, (int64_t)t.offset);
		mc->now.base[i] = t.base;
	}
}

static void
set_cfa(struct machine *mc, uint64_t dwarf, int64_t offset)
{
	mc->now.cfa_known = dwarf < GR_REG_PC;
	mc->now.cfa_deref = false;
	mc->now.cfa_reg = (uint8_t)dwarf;
	mc->now.cfa_offset = offset;
}

static void
set_cfa_expression(struct machine *mc)
{
	struct term t;

	mc->now.cfa_known = false;
	if (!expression(mc, NULL, &t) || t.base >= GR_REG_PC)
		return;
	set_cfa(mc, t.base, (int64_t)t.offset);
	mc->now.cfa_deref = t.deref;
}

/* The next signed or unsigned operand in units of the data alignment. */
static int64_t
take_factored(struct machine *mc, bool is_signed)
{
	uint64_t v = is_signed ? (uint64_t)gr_take_sleb(&mc->r) :
				 gr_take_uleb(&mc->r);

	return (int64_t)(v * (uint64_t)mc->cie->data_align);
}

/* Instructions that say how far the text goes that the row so far is for.
 * True: it is one of them. */
static bool
execute_advance(struct machine *mc, uint8_t op, uint8_t operand)
{
	uint64_t delta;

	switch (op) {
	case CFA_advance << 6:
		delta = operand;
		break;
	case CFA_advance1:
		delta = gr_take(&mc->r, 1);
		break;
	case CFA_advance2:
		delta = gr_take(&mc->r, 2);
		break;
	case CFA_advance4:
		delta = gr_take(&mc->r, 4);
		break;
	case CFA_set_loc:
		mc->at = gr_take_pointer(&mc->r, mc->module, mc->cie->encoding,
					 0);
		return true;
	default:
		return false;
	}
	mc->at += delta * mc->cie->code_align;
	return true;
}

/* Instructions about the CFA. True: it is one of them. */
static bool
execute_cfa(struct machine *mc, uint8_t op)
{
	struct gr_reader *r = &mc->r;
	uint64_t reg;

	switch (op) {
	case CFA_def_cfa:
		reg = gr_take_uleb(r);
		set_cfa(mc, reg, (int64_t)gr_take_uleb(r));
		return true;
	case CFA_def_cfa_sf:
		reg = gr_take_uleb(r);
		set_cfa(mc, reg, take_factored(mc, true));
		return true;
	case CFA_def_cfa_register:
		set_cfa(mc, gr_take_uleb(r), mc->now.cfa_offset);
		return true;
	case CFA_def_cfa_offset:
		mc->now.cfa_offset = (int64_t)gr_take_uleb(r);
		return true;
	case CFA_def_cfa_offset_sf:
		mc->now.cfa_offset = take_factored(mc, true);
		return true;
	case CFA_def_cfa_expression:
		set_cfa_expression(mc);
		return true;
	default:
		return false;
	}
}

/* Instructions about the whole state. True: it is one of them. */
static bool
execute_state(struct machine *mc, uint8_t op)
{
	switch (op) {
	case CFA_nop:
		return true;
	case CFA_GNU_args_size:
		gr_take_uleb(&mc->r);
		return true;
	case CFA_remember_state:
		mc->r.bad |= mc->saved_n == MAX_STATES;
		if (!mc->r.bad)
			mc->saved[mc->saved_n++] = mc->now;
		return true;
	case CFA_restore_state:
		mc->r.bad |= !mc->saved_n;
		if (!mc->r.bad)
			mc->now = mc->saved[--mc->saved_n];
		return true;
	default:
		return false;
	}
}

/* All others: about one register, their first operand. False: unknown. */
static bool
execute_rule(struct machine *mc, uint8_t op, uint8_t operand)
{
	struct gr_reader *r = &mc->r;
	uint64_t reg = operand;

	if (op >> 6 == 0)
		reg = gr_take_uleb(r);
	switch (op) {
	case CFA_offset << 6:
	case CFA_offset_extended:
		set_rule(mc, reg, GR_RULE_CFA, take_factored(mc, false));
		return true;
	case CFA_offset_extended_sf:
		set_rule(mc, reg, GR_RULE_CFA, take_factored(mc, true));
		return true;
	case CFA_restore << 6:
	case CFA_restore_extended:
		restore_rule(mc, reg);
		return true;
	case CFA_undefined:
		set_rule(mc, reg, GR_RULE_UNDEF, 0);
		return true;
	case CFA_same_value:
		set_rule(mc, reg, GR_RULE_SAME, 0);
		return true;
	case CFA_register:
		set_rule(mc, reg, GR_RULE_REG, (int64_t)gr_take_uleb(r));
		return true;
	case CFA_expression:
		set_rule_expression(mc, reg);
		return true;
	case CFA_val_offset:
	case CFA_val_offset_sf:
		gr_take_uleb(r);
		break;
	case CFA_val_expression:
		gr_skip(r, gr_take_uleb(r));
		break;
	default:
		return false;
	}
	set_rule(mc, reg, RULE_LOST, 0);
	return true;
}

/* Run a program up to the row of mc->pc. False: it cannot be trusted. */
static bool
run(struct machine *mc, const struct gr_reader *program)
{
	struct gr_reader *r = &mc->r;

	*r = *program;
	while (r->p < r->end && !r->bad) {
		uint8_t op = (uint8_t)gr_take(r, 1), operand = op & 0x3f;

		if (op >> 6)
			op &= 0xc0;
		if (execute_advance(mc, op, operand)) {
			if (mc->at > mc->pc)
				return !r->bad;
		} else if (!execute_cfa(mc, op) && !execute_state(mc, op) &&
			   !execute_rule(mc, op, operand)) {
			return false;
		}
	}
	return !r->bad;
}

static bool
fits_row(int64_t offset)
{
	return offset == (int32_t)offset;
}

/* Write down what the machine has found; false: no row can say it. */
static bool
row_from(const struct state *s, struct gr_row *ret)
{
	if (!s->cfa_known || !fits_row(s->cfa_offset))
		return false;
	ret->cfa_reg = s->cfa_reg;
	ret->cfa_offset = (int32_t)s->cfa_offset;
	if (s->cfa_deref)
		ret->flags |= GR_ROW_DEREF;
	for (unsigned i = 0; i < GR_REGS_KEPT; i++) {
		unsigned rule = s->rule[i];

		if (!fits_row(s->offset[i]) ||
		    (rule == GR_RULE_BASE && s->base[i] != s->cfa_reg) ||
		    (rule == GR_RULE_REG &&
		     (uint64_t)s->offset[i] >= GR_REG_PC))
			rule = RULE_LOST;
		if (i == GR_REG_RA_INDEX &&
		    (rule == RULE_LOST || rule == GR_RULE_SAME))
			return false;
		if (rule == RULE_LOST)
			rule = GR_RULE_UNDEF;
		ret->rules |= rule << (i * GR_RULE_BITS);
		ret->offset[i] = (int32_t)s->offset[i];
	}
	return true;
}

/*
 * Make the row of @pc; flagged GR_ROW_NONE where there is none. Of a return
 * address, ask for the byte before it: the call may be its function's last
 * instruction.
 */
void
gr_cfi_row(const struct gr_modules *ms, uintptr_t pc, struct gr_row *ret)
{
	const struct gr_module *m = gr_modules_find(ms, pc);
	struct machine mc = { .module = m, .cie = NULL, .pc = pc };
	struct gr_window window;
	struct gr_fde fde;

	memset(ret, 0, sizeof(*ret));
	ret->pc = pc;
	if (!m || !gr_fde_find(m, &window, pc, &fde)) {
		ret->flags = GR_ROW_NONE;
		return;
	}
	mc.cie = &fde.cie;
	mc.at = fde.start;
	if (run(&mc, &fde.cie.program)) {
		mc.initial = mc.now;
		mc.at = fde.start;
		if (run(&mc, &fde.program) && row_from(&mc.now, ret)) {
			ret->flags |= fde.cie.signal ? GR_ROW_SIGNAL : 0;
			return;
		}
	}
	memset(ret, 0, sizeof(*ret));
	ret->pc = pc;
	ret->flags = GR_ROW_NONE;
}
