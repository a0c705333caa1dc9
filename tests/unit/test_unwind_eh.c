// SPDX-License-Identifier: MIT
/*
 * test_unwind_eh.c - the reader of unwind tables against elfutils, and garbage
 *
 * Rows are compared by what they mean, not by how they are written: both sides
 * are evaluated on the same made-up registers and memory, at the start and at
 * the end of each stretch of text that elfutils says has one row.
 */
#include "test.h"

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

#include "cfi.h"
#include "san.h"

enum {
	STACK_TERMS = 16,
	MUTATIONS = 3000,
	PCS_PER_MUTATION = 20,
};

static struct gr_modules modules;

static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 31) * 0x9e3779b97f4a7c15ull;
	return x ^ x >> 29;
}

/* The made-up machine: any register, any memory. */
static uint64_t
fake_reg(unsigned dwarf, uintptr_t pc)
{
	return dwarf == GR_REG_PC ? pc : mix(dwarf + 1) & ~15ull;
}

static uint64_t
fake_memory(uint64_t at)
{
	return mix(at) & ~15ull;
}

struct answer {
	bool known; /* else: no rule, or one too hard */
	uint64_t value;
};

/* DWARF's stack machine, as far as unwind tables use it. */
static struct answer
evaluate(const Dwarf_Op *ops, size_t n, uintptr_t pc, uint64_t cfa)
{
	uint64_t t[STACK_TERMS] = { 0 };
	unsigned top = 0;

	for (size_t i = 0; i < n && top < STACK_TERMS - 1; i++) {
		uint8_t atom = ops[i].atom;

		if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31) {
			t[top++] = fake_reg(atom - DW_OP_breg0, pc) +
				   ops[i].number;
			continue;
		}
		if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31) {
			t[top++] = atom - DW_OP_lit0;
			continue;
		}
		if (atom == DW_OP_bregx) {
			t[top++] = fake_reg((unsigned)ops[i].number, pc) +
				   ops[i].number2;
			continue;
		}
		if (atom == DW_OP_call_frame_cfa) {
			t[top++] = cfa;
			continue;
		}
		if (!top)
			return (struct answer){ .known = false };
		if (atom == DW_OP_plus_uconst) {
			t[top - 1] += ops[i].number;
			continue;
		}
		if (atom == DW_OP_deref) {
			t[top - 1] = fake_memory(t[top - 1]);
			continue;
		}
		if (top < 2)
			return (struct answer){ .known = false };
		top--;
		switch (atom) {
		case DW_OP_plus:
			t[top - 1] += t[top];
			break;
		case DW_OP_and:
			t[top - 1] &= t[top];
			break;
		case DW_OP_shl:
			t[top - 1] <<= t[top];
			break;
		case DW_OP_ge:
			t[top - 1] = (int64_t)t[top - 1] >= (int64_t)t[top];
			break;
		default:
			return (struct answer){ .known = false };
		}
	}
	if (!top)
		return (struct answer){ .known = false };
	return (struct answer){ true, t[top - 1] };
}

static struct answer
their_cfa(Dwarf_Frame *frame, uintptr_t pc)
{
	Dwarf_Op *ops;
	size_t n;

	if (dwarf_frame_cfa(frame, &ops, &n) || !n)
		return (struct answer){ .known = false };
	return evaluate(ops, n, pc, 0);
}

/* The caller's value of a register. */
static struct answer
their_value(Dwarf_Frame *frame, unsigned dwarf, uintptr_t pc, uint64_t cfa)
{
	Dwarf_Op mem[3], *ops;
	struct answer a = { .known = false };
	size_t n;

	if (dwarf_frame_register(frame, (int)dwarf, mem, &ops, &n))
		return a;
	/* Nothing: undefined, or the same. The table of defaults in elfutils
	 * 0.188 lists rax where it means rbx, so rbx counts as undefined
	 * there unless the program itself says otherwise. */
	if (!n)
		return ops == mem && dwarf != 3 ?
			       a :
			       (struct answer){ true, fake_reg(dwarf, pc) };
	if (n == 1 && ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31)
		return (struct answer){ true, fake_reg(ops[0].atom - DW_OP_reg0,
						       pc) };
	if (n == 1 && ops[0].atom == DW_OP_regx)
		return (struct answer){ true,
					fake_reg((unsigned)ops[0].number, pc) };
	if (ops[n - 1].atom == DW_OP_stack_value)
		return evaluate(ops, n - 1, pc, cfa);
	a = evaluate(ops, n, pc, cfa);
	if (a.known)
		a.value = fake_memory(a.value);
	return a;
}

static struct answer
our_cfa(const struct gr_row *row, uintptr_t pc)
{
	uint64_t cfa = fake_reg(row->cfa_reg, pc) +
		       (uint64_t)(int64_t)row->cfa_offset;

	if (row->flags & GR_ROW_NONE)
		return (struct answer){ .known = false };
	if (row->flags & GR_ROW_DEREF)
		cfa = fake_memory(cfa);
	return (struct answer){ true, cfa };
}

static struct answer
our_value(const struct gr_row *row, unsigned i, uintptr_t pc, uint64_t cfa)
{
	uint64_t offset = (uint64_t)(int64_t)row->offset[i];

	switch (gr_row_rule(row, i)) {
	case GR_RULE_SAME:
		return (struct answer){ true, fake_reg(gr_regs_kept[i], pc) };
	case GR_RULE_CFA:
		return (struct answer){ true, fake_memory(cfa + offset) };
	case GR_RULE_BASE:
		return (struct answer){
			true, fake_memory(fake_reg(row->cfa_reg, pc) + offset)
		};
	case GR_RULE_REG:
		return (struct answer){ true, fake_reg((unsigned)offset, pc) };
	default:
		return (struct answer){ .known = false };
	}
}

struct tally {
	long rows, signals, expressions, refused;
};

/* Compare one row; @pc is an ELF address. */
static void
compare_row(const struct gr_module *m, Dwarf_Frame *frame, uintptr_t pc,
	    bool is_signal, struct tally *tally)
{
	uintptr_t here = m->bias + pc;
	struct answer a, b;
	Dwarf_Op *ops;
	struct gr_row row;
	size_t n;

	gr_cfi_row(&modules, here, &row);
	tally->rows++;
	tally->signals += is_signal;
	a = their_cfa(frame, here);
	b = our_cfa(&row, here);
	if (!dwarf_frame_cfa(frame, &ops, &n) && n > 1)
		tally->expressions++;
	if (!b.known) {
		tally->refused++;
		return;
	}
	T_CHECK(a.known);
	T_CHECK(a.value == b.value);
	T_CHECK(is_signal == !!(row.flags & GR_ROW_SIGNAL));
	for (unsigned i = 0; i < GR_REGS_KEPT; i++) {
		struct answer x = their_value(frame, gr_regs_kept[i], here,
					      a.value);
		struct answer y = our_value(&row, i, here, b.value);

		if (x.known && !y.known)
			tally->refused++;
		else
			T_CHECK(x.known == y.known &&
				(!x.known || x.value == y.value));
	}
}

static void
compare_module(const struct gr_module *m, Elf *elf, struct tally *tally)
{
	Dwarf_CFI *cfi = dwarf_getcfi_elf(elf);
	uintptr_t pc = m->text_lo - m->bias, end = m->text_hi - m->bias;

	T_CHECK(cfi);
	while (pc < end) {
		Dwarf_Addr lo, hi;
		Dwarf_Frame *frame;
		bool is_signal;

		if (dwarf_cfi_addrframe(cfi, pc, &frame)) {
			struct gr_row row;

			gr_cfi_row(&modules, m->bias + pc, &row);
			T_CHECK(row.flags & GR_ROW_NONE);
			pc++;
			continue;
		}
		T_CHECK(dwarf_frame_info(frame, &lo, &hi, &is_signal) >= 0);
		T_CHECK(lo <= pc && hi > pc);
		compare_row(m, frame, pc, is_signal, tally);
		compare_row(m, frame, hi - 1, is_signal, tally);
		/* A PLT's row depends on the PC: not the same throughout. */
		for (uintptr_t p = pc; p < hi && p < pc + 32; p++)
			compare_row(m, frame, p, is_signal, tally);
		free(frame);
		pc = hi;
	}
	dwarf_cfi_end(cfi);
}

static void
rows_mean_the_same_to_elfutils_in_every_module(void **state)
{
	struct tally tally = { 0 };

	(void)state;
	elf_version(EV_CURRENT);
	gr_modules_read(&modules);
	assert_true(modules.n >= 4);
	for (uint32_t i = 0; i < modules.n; i++) {
		struct gr_module *m = &modules.module[i];
		struct tally before = tally;
		struct gr_image im;
		Elf *elf;

		/* Nobody unloads it here: half a million rows take their time
		 * otherwise. */
		m->stays = true;

		/* A sanitizer's runtime is big and not ours. */
		if (strstr(m->path, "san.so"))
			continue;
		assert_true(gr_module_open(m, &im));
		elf = im.fd < 0 ?
			      elf_memory((char *)m->start, m->end - m->start) :
			      elf_begin(im.fd, ELF_C_READ, NULL);
		assert_non_null(elf);
		compare_module(m, elf, &tally);
		elf_end(elf);
		gr_image_close(&im);
		print_message("%-34s %7ld rows, %ld refused\n",
			      gr_module_name(m), tally.rows - before.rows,
			      tally.refused - before.refused);
	}
	print_message("%ld expressions, %ld signal frames\n", tally.expressions,
		      tally.signals);
	assert_true(tally.expressions > 0);
	assert_true(tally.signals > 0);
	assert_true(tally.refused * 1000 < tally.rows);
}

static const struct gr_module *
module_of(const void *code)
{
	const struct gr_module *m;

	gr_modules_read(&modules);
	m = gr_modules_find(&modules, (uintptr_t)code);
	assert_non_null(m);
	assert_true(m->eh_hdr && m->eh_lo);
	return m;
}

/*
 * Make @ret a list of one module, like @m, whose tables are a copy in memory
 * of their own, so that AddressSanitizer sees each byte past their end. What
 * they describe moves along with them: by ret->module[0].bias - m->bias, which
 * is a multiple of 16, since the rule of a PLT asks for the PC's lowest bits.
 */
static uint8_t *
copy_tables(const struct gr_module *m, size_t bytes, struct gr_modules *ret)
{
	struct gr_module *copy = &ret->module[0];
	size_t pad = m->eh_hdr & 15;
	uint8_t *block = malloc(pad + bytes);
	uint8_t *table = block + pad;
	uintptr_t shift = (uintptr_t)table - m->eh_hdr;

	assert_non_null(block);
	memcpy(table, (const void *)m->eh_hdr, bytes);
	ret->n = 1;
	*copy = *m;
	copy->bias += shift;
	copy->text_lo += shift;
	copy->text_hi += shift;
	copy->eh_hdr += shift;
	copy->eh_lo = copy->eh_hdr;
	copy->eh_hi = copy->eh_lo + bytes;
	return table;
}

static void
free_tables(uint8_t *table)
{
	free(table - ((uintptr_t)table & 15));
}

static bool
same_row(const struct gr_row *a, const struct gr_row *b)
{
	return a->flags == b->flags && a->rules == b->rules &&
	       a->cfa_reg == b->cfa_reg && a->cfa_offset == b->cfa_offset &&
	       !memcmp(a->offset, b->offset, sizeof(a->offset));
}

static struct gr_modules copied;

static void
scan_without_index_finds_the_same_rows(void **state)
{
	const struct gr_module *m = module_of((void *)qsort);
	uint8_t *table = copy_tables(m, m->eh_hi - m->eh_hdr, &copied);
	struct gr_module *c = &copied.module[0];
	uintptr_t shift = c->bias - m->bias;
	int32_t eh_frame;

	(void)state;
	/* The index begins with where .eh_frame is, relative to here. */
	memcpy(&eh_frame, table + 4, sizeof(eh_frame));
	c->eh_frame = c->eh_hdr + 4 + (uintptr_t)(intptr_t)eh_frame;
	c->eh_hdr = 0;
	c->stays = false; /* so it is copied piece by piece */
	for (uintptr_t pc = m->text_lo; pc < m->text_hi; pc += 1009) {
		struct gr_row a, b;

		gr_cfi_row(&modules, pc, &a);
		gr_cfi_row(&copied, pc + shift, &b);
		T_CHECK(same_row(&a, &b));
	}
	free_tables(table);
}

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 33;
}

/* Rows of a damaged table may be wrong. They may not read beyond it, nor take
 * for ever; the test's bound and the sanitizers watch over that. */
static void
damaged_tables_are_read_within_their_bounds(void **state)
{
	const struct gr_module *m = module_of((void *)evaluate);
	size_t bytes = m->eh_hi - m->eh_hdr;
	uint64_t random = 1;
	long rows = 0;

	(void)state;
	for (int i = 0; i < MUTATIONS; i++) {
		size_t cut = i % 2 ? bytes : next_random(&random) % bytes;
		uint8_t *table = copy_tables(m, cut ? cut : 1, &copied);
		struct gr_module *c = &copied.module[0];

		for (int k = 0; k < 8; k++)
			table[next_random(&random) % (cut ? cut : 1)] =
				(uint8_t)next_random(&random);
		if (i % 4 == 3) {
			c->eh_frame = c->eh_hdr + next_random(&random) % bytes;
			c->eh_hdr = 0;
		}
		for (int k = 0; k < PCS_PER_MUTATION; k++) {
			uintptr_t pc = c->text_lo +
				       next_random(&random) %
					       (c->text_hi - c->text_lo);
			struct gr_row row;

			gr_cfi_row(&copied, pc, &row);
			rows += !(row.flags & GR_ROW_NONE);
			T_CHECK(row.pc == pc);
		}
		free_tables(table);
	}
	print_message("%ld rows of %d survived\n", rows,
		      MUTATIONS * PCS_PER_MUTATION);
	assert_true(rows > MUTATIONS);
}

static void
pc_outside_of_any_module_has_no_row(void **state)
{
	static const uintptr_t nowhere[] = { 0, 1, 4096, UINTPTR_MAX,
					     UINTPTR_MAX - 1 };
	struct gr_row row;

	(void)state;
	gr_modules_read(&modules);
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(*nowhere); i++) {
		gr_cfi_row(&modules, nowhere[i], &row);
		assert_int_equal(row.flags, GR_ROW_NONE);
	}
	gr_cfi_row(&modules, (uintptr_t)&modules, &row);
	assert_int_equal(row.flags, GR_ROW_NONE);
}

/* Between the list of modules and the look at their tables, one may go. */
static void
module_that_went_away_is_no_fault(void **state)
{
	void *library = dlopen("libanl.so.1", RTLD_NOW);
	const struct gr_module *m;
	struct gr_row row;

	(void)state;
	if (!library)
		skip();
	gr_modules_read(&modules);
	for (m = modules.module; !strstr(m->path, "/libanl"); m++)
		assert_true(m < modules.module + modules.n - 1);
	assert_false(m->stays);
	dlclose(library);
	gr_cfi_row(&modules, m->text_lo + 16, &row);
#if !defined(GR_ASAN) && !defined(GR_TSAN) /* which keep what was loaded */
	assert_true(row.flags & GR_ROW_NONE);
#endif
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			rows_mean_the_same_to_elfutils_in_every_module),
		cmocka_unit_test(scan_without_index_finds_the_same_rows),
		cmocka_unit_test(damaged_tables_are_read_within_their_bounds),
		cmocka_unit_test(module_that_went_away_is_no_fault),
		cmocka_unit_test(pc_outside_of_any_module_has_no_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
