// SPDX-License-Identifier: MIT
/*
 * test_maps.c - /proc/PID/maps
 */
#include "test.h"

#include <string.h>

#include "tracer/maps.h"

static const char text[] = "1000-2000 r--p 00000000 08:01 42 /usr/bin/a b "
			   "(deleted)\n"
			   "2000-4000 r-xp 00001000 08:01 42 /usr/bin/a b "
			   "(deleted)\n"
			   "4000-5000 rw-p 00000000 00:00 0 \n"
			   "this is no mapping\n"
			   "6000-7000 r--p 00000000 08:01 43 /odd\\012name\n"
			   "7ffc00000000-7ffc00001000 r-xp 00000000 00:00 0 "
			   "[vdso]\n";

static int
parse(void **state)
{
	static struct gt_maps maps;

	assert_null(gt_maps_parse(strdup(text), &maps));
	*state = &maps;
	return 0;
}

static int
drop(void **state)
{
	gt_maps_fini(*state);
	return 0;
}

static void
lines_that_are_no_mappings_are_skipped(void **state)
{
	struct gt_maps *maps = *state;

	assert_int_equal(maps->n, 5);
}

static void
each_field_is_read(void **state)
{
	const struct gt_map *map = &((struct gt_maps *)*state)->v[1];

	assert_int_equal(map->start, 0x2000);
	assert_int_equal(map->end, 0x4000);
	assert_int_equal(map->offset, 0x1000);
	assert_int_equal(map->inode, 42);
	assert_int_equal(map->prot, GT_MAP_READ | GT_MAP_EXEC);
	assert_string_equal(map->path, "/usr/bin/a b");
	assert_true(map->deleted);
}

static void
names_are_unescaped_or_empty(void **state)
{
	struct gt_maps *maps = *state;

	assert_string_equal(maps->v[2].path, "");
	assert_string_equal(maps->v[3].path, "/odd\nname");
	assert_string_equal(maps->v[4].path, "[vdso]");
}

static void
an_address_is_found_by_its_mapping(void **state)
{
	struct gt_maps *maps = *state;

	assert_null(gt_maps_find(maps, 0xfff));
	assert_ptr_equal(gt_maps_find(maps, 0x1000), &maps->v[0]);
	assert_ptr_equal(gt_maps_find(maps, 0x1fff), &maps->v[0]);
	assert_ptr_equal(gt_maps_find(maps, 0x3000), &maps->v[1]);
	assert_null(gt_maps_find(maps, 0x5000));
	assert_null(gt_maps_find(maps, UINT64_MAX));
}

static void
neighbours_of_one_file_belong_together(void **state)
{
	struct gt_maps *maps = *state;

	assert_int_equal(gt_maps_file_end(maps, 0), 2);
	assert_int_equal(gt_maps_file_end(maps, 2), 3);
	assert_int_equal(gt_maps_file_end(maps, 4), 5);
}

/* As lld lays out a small program: three segments begin in the first page. */
static void
segments_that_share_the_first_page_belong_together(void **state)
{
	struct gt_maps maps;

	(void)state;
	assert_null(gt_maps_parse(strdup("1000-2000 r--p 0 8:1 7 /a\n"
					 "2000-3000 r-xp 0 8:1 7 /a\n"
					 "3000-5000 r--p 0 8:1 7 /a\n"
					 "5000-6000 rw-p 1000 8:1 7 /a\n"
					 "6000-7000 r--p 0 8:1 7 /a\n"),
				  &maps));
	assert_int_equal(gt_maps_file_end(&maps, 0), 4);
	assert_int_equal(gt_maps_file_end(&maps, 4), 5);
	gt_maps_fini(&maps);
}

static void
an_unsorted_list_is_sorted(void **state)
{
	struct gt_maps maps;

	(void)state;
	assert_null(gt_maps_parse(strdup("5000-6000 r--p 0 0:0 0\n"
					 "1000-2000 r--p 0 0:0 0\n"),
				  &maps));
	assert_int_equal(maps.n, 2);
	assert_int_equal(maps.v[0].start, 0x1000);
	gt_maps_fini(&maps);
}

static void
an_empty_text_has_no_mappings(void **state)
{
	struct gt_maps maps;

	(void)state;
	assert_null(gt_maps_parse(strdup(""), &maps));
	assert_int_equal(maps.n, 0);
	assert_null(gt_maps_find(&maps, 1));
	gt_maps_fini(&maps);
}

int
main(void)
{
#define WITH_MAPS(test) cmocka_unit_test_setup_teardown(test, parse, drop)
	const struct CMUnitTest tests[] = {
		WITH_MAPS(lines_that_are_no_mappings_are_skipped),
		WITH_MAPS(each_field_is_read),
		WITH_MAPS(names_are_unescaped_or_empty),
		WITH_MAPS(an_address_is_found_by_its_mapping),
		WITH_MAPS(neighbours_of_one_file_belong_together),
		cmocka_unit_test(
			segments_that_share_the_first_page_belong_together),
		cmocka_unit_test(an_unsorted_list_is_sorted),
		cmocka_unit_test(an_empty_text_has_no_mappings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
