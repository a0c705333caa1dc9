// SPDX-License-Identifier: MIT
/*
 * test_symbolize.c - functions, files and lines of this very program
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tracer/symbolize.h"

static struct {
	struct gt_target *t;
	struct gt_modules modules;
	struct gt_pctab pcs;
	struct gt_symbols symbols;
	struct gt_abi abi;
} with;

static int
open_self(void **state)
{
	(void)state;
	T_CHECK(!gt_target_live_open(getpid(), &with.t));
	T_CHECK(!gt_modules_init(&with.modules, with.t));
	T_CHECK(!gt_pctab_init(&with.pcs));
	with.abi.t.text_hi = 1;
	gt_symbols_init(&with.symbols, &with.modules, &with.pcs, &with.abi);
	return 0;
}

static int
close_self(void **state)
{
	(void)state;
	gt_symbols_fini(&with.symbols);
	gt_pctab_fini(&with.pcs);
	gt_modules_fini(&with.modules);
	gt_target_destroyp(&with.t);
	return 0;
}

static const struct gt_symbol *
look_up(uint64_t pc, bool exact)
{
	const struct gt_symbol *symbol = gt_symbols_get(
		&with.symbols, gt_pctab_id(&with.pcs, pc, exact));

	T_CHECK(symbol && symbol->n);
	return symbol;
}

static void
assert_in_this_file(const struct gt_frame *f)
{
	assert_non_null(f->file);
	assert_int_equal(f->file[0], '/');
	const char *base = strrchr(f->file, '/');
	assert_string_equal(base, "/test_symbolize.c");
}

static uint64_t where;
static unsigned line;

/* The PC after the call of this is `where`. */
__attribute__((noinline)) static void
mark(unsigned at)
{
	where = (uint64_t)__builtin_return_address(0);
	line = at;
}

__attribute__((noinline)) static void
plain(void)
{
	mark(__LINE__);
	mark(line);
	__asm__ volatile(""); /* no tail call */
}

__attribute__((always_inline)) static inline void
inlined(void)
{
	mark(__LINE__);
}

__attribute__((noinline)) static void
with_inlined(void)
{
	inlined();
	__asm__ volatile("");
}

static void
a_return_address_is_in_the_line_of_the_call(void **state)
{
	(void)state;
	plain();
	const struct gt_symbol *s = look_up(where, false);
	assert_int_equal(s->n, 1);
	assert_string_equal(s->frames[0].function, "plain");
	assert_int_equal(s->frames[0].line, line + 1);
	assert_in_this_file(&s->frames[0]);
	assert_int_equal(s->frames[0].offset, where - (uint64_t)plain);
	assert_false(s->frames[0].internal);
}

static void
what_was_inlined_is_a_frame_of_its_own(void **state)
{
	(void)state;
	with_inlined();
	const struct gt_symbol *s = look_up(where, false);
	assert_int_equal(s->n, 2);
	assert_string_equal(s->frames[0].function, "inlined");
	assert_int_equal(s->frames[0].line, line);
	assert_true(s->frames[0].inlined);
	assert_string_equal(s->frames[1].function, "with_inlined");
	assert_int_equal(s->frames[1].line, line + 6);
	assert_false(s->frames[1].inlined);
	assert_in_this_file(&s->frames[1]);
}

static void
an_entry_is_looked_up_as_it_is(void **state)
{
	(void)state;
	const struct gt_symbol *s = look_up((uint64_t)plain, true);
	assert_string_equal(s->frames[0].function, "plain");
	assert_int_equal(s->frames[0].offset, 0);
}

static void
libc_has_names_without_lines(void **state)
{
	(void)state;
	uint64_t pc = (uint64_t)div + 1;
	const struct gt_symbol *s = look_up(pc, true);
	assert_string_equal(s->frames[0].function, "div");
	assert_null(s->frames[0].file);
	assert_int_equal(s->frames[0].offset, 1);
}

static void
what_is_nowhere_is_a_number(void **state)
{
	(void)state;
	const struct gt_symbol *s = look_up(0x1234, true);
	assert_string_equal(s->frames[0].function, "0x1234");
	assert_null(s->frames[0].file);
	/* Its call would be at the last of all addresses. */
	s = look_up(0, false);
	assert_string_equal(s->frames[0].function, "0x0");
	assert_null(s->frames[0].file);
}

static void
the_runtimes_functions_are_internal(void **state)
{
	(void)state;
	close_self(NULL);
	with.abi.t.text_lo = (uint64_t)plain;
	with.abi.t.text_hi = (uint64_t)plain + 1;
	open_self(NULL);
	with.symbols.runtime_hi = (uint64_t)plain + 1;
	assert_true(look_up((uint64_t)plain, true)->frames[0].internal);
	assert_false(look_up((uint64_t)mark, true)->frames[0].internal);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_return_address_is_in_the_line_of_the_call),
		cmocka_unit_test(what_was_inlined_is_a_frame_of_its_own),
		cmocka_unit_test(an_entry_is_looked_up_as_it_is),
		cmocka_unit_test(libc_has_names_without_lines),
		cmocka_unit_test(what_is_nowhere_is_a_number),
		cmocka_unit_test(the_runtimes_functions_are_internal),
	};

	return cmocka_run_group_tests(tests, open_self, close_self);
}
