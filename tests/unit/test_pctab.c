// SPDX-License-Identifier: MIT
/*
 * test_pctab.c - the table of PCs, and sorting
 */
#include "test.h"

#include <stdlib.h>

#include "tracer/pctab.h"
#include "tracer/sort.h"
#include "tracer/unwind.h"

static void
a_pc_keeps_its_id(void **state)
{
	struct gt_pctab tab;

	(void)state;
	assert_null(gt_pctab_init(&tab));
	for (unsigned round = 0; round < 2; round++)
		for (uint32_t i = 0; i < 100000; i++)
			assert_int_equal(gt_pctab_id(&tab, 0x400000 + i * 16,
						     false),
					 i + 1);
	assert_int_equal(tab.n, 100001);
	assert_int_equal(gt_row_pc(&tab.rows[5]), 0x400040);
	gt_pctab_fini(&tab);
}

static void
exact_and_return_addresses_are_different(void **state)
{
	struct gt_pctab tab;

	(void)state;
	assert_null(gt_pctab_init(&tab));
	uint32_t a = gt_pctab_id(&tab, 0x1000, false);
	uint32_t b = gt_pctab_id(&tab, 0x1000, true);
	assert_int_not_equal(a, b);
	assert_int_equal(gt_row_lookup(&tab.rows[a]), 0xfff);
	assert_int_equal(gt_row_lookup(&tab.rows[b]), 0x1000);
	gt_pctab_fini(&tab);
}

static void
a_deep_trace_keeps_both_ends(void **state)
{
	struct gt_trace trace = { 0 };
	uint32_t ids[GT_TRACE_INNER + GT_TRACE_OUTER], dropped;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		gt_trace_push(&trace, i);
	assert_int_equal(gt_trace_ids(&trace, ids, &dropped),
			 GT_TRACE_INNER + GT_TRACE_OUTER);
	assert_int_equal(dropped, 1000 - GT_TRACE_INNER - GT_TRACE_OUTER);
	for (uint32_t i = 0; i < GT_TRACE_INNER; i++)
		assert_int_equal(ids[i], i);
	for (uint32_t i = 0; i < GT_TRACE_OUTER; i++)
		assert_int_equal(ids[GT_TRACE_INNER + i],
				 1000 - GT_TRACE_OUTER + i);
}

static void
a_trace_that_just_fits_is_whole(void **state)
{
	struct gt_trace trace = { 0 };
	uint32_t ids[GT_TRACE_INNER + GT_TRACE_OUTER], dropped;
	uint32_t n = GT_TRACE_INNER + GT_TRACE_OUTER;

	(void)state;
	for (uint32_t i = 0; i < n; i++)
		gt_trace_push(&trace, i);
	assert_int_equal(gt_trace_ids(&trace, ids, &dropped), n);
	assert_int_equal(dropped, 0);
	assert_int_equal(ids[n - 1], n - 1);
}

static void
numbers_are_sorted_and_equals_keep_their_order(void **state)
{
	enum { N = 1000 };
	struct gt_sort_item items[N], spare[N];

	(void)state;
	srand(1);
	for (unsigned i = 0; i < N; i++)
		items[i] = (struct gt_sort_item){
			.key = ((uint64_t)rand() << (i % 40)) % 5000,
			.index = i,
		};
	gt_sort(items, spare, N);
	for (unsigned i = 1; i < N; i++)
		assert_true(items[i - 1].key < items[i].key ||
			    (items[i - 1].key == items[i].key &&
			     items[i - 1].index < items[i].index));
	gt_sort(items, spare, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pc_keeps_its_id),
		cmocka_unit_test(exact_and_return_addresses_are_different),
		cmocka_unit_test(a_deep_trace_keeps_both_ends),
		cmocka_unit_test(a_trace_that_just_fits_is_whole),
		cmocka_unit_test(
			numbers_are_sorted_and_equals_keep_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
