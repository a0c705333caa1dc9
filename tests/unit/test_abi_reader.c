// SPDX-License-Identifier: MIT
/*
 * test_abi_reader.c - the debug ABI table, as it should be and damaged
 */
#include "test.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "fake_target.h"
#include "tracer/registry.h"

static int
make(void **state)
{
	*state = fake_create();
	return 0;
}

static int
drop(void **state)
{
	fake_destroy(*state);
	return 0;
}

/* The code that the search ends with; 0: the table is taken. */
static int
find(struct fake *f)
{
	static struct gt_abi abi;
	struct gt_error *err = gt_abi_find(&f->target, &abi);
	int code = err ? (int)err->code : 0;

	gt_error_free(err);
	return code;
}

static void
the_note_leads_to_the_table(void **state)
{
	struct fake *f = *state;
	struct gt_abi abi;

	fake_abi(f, &abi);
	assert_int_equal(abi.table, fake_addr(f, &f->mem->table));
	assert_string_equal(gt_abi_state_name(&abi, GORO_ABI_RUNNING), "runnin"
								       "g");
	assert_string_equal(gt_abi_reason_name(&abi, GORO_WAIT_CHAN_RECV), "cha"
									   "n "
									   "rec"
									   "eiv"
									   "e");
}

static void
names_that_are_not_there_have_a_stand_in(void **state)
{
	struct fake *f = *state;
	struct gt_abi abi;

	f->mem->table.reason_names = 0x666;
	f->mem->table.state_names_n = UINT32_MAX;
	fake_abi(f, &abi);
	assert_string_equal(gt_abi_state_name(&abi, 1000), "???");
	assert_string_equal(gt_abi_reason_name(&abi, 1), "unknown wait reason");
}

static void
cycles_become_ns(void **state)
{
	struct gt_abi abi;

	fake_abi(*state, &abi);
	/* Now is 2,000e9 cycles of half a nanosecond. */
	assert_int_equal(gt_abi_age_ns(&abi, UINT64_C(1990000000000)),
			 UINT64_C(5000000000));
	assert_int_equal(gt_abi_age_ns(&abi, 0), 0);
	assert_int_equal(gt_abi_age_ns(&abi, UINT64_MAX), 0);
}

static void
without_a_note_there_is_no_runtime(void **state)
{
	struct fake *f = *state;

	((Elf64_Phdr *)(f->mem->elf + sizeof(Elf64_Ehdr)))[1].p_type = PT_NULL;
	assert_int_equal(find(f), GT_NO_RUNTIME);
	memset(f->mem->elf, 0, sizeof(f->mem->elf));
	assert_int_equal(find(f), GT_NO_RUNTIME);
}

static void
a_note_that_points_nowhere_is_damage(void **state)
{
	struct fake *f = *state;
	int64_t far = INT64_MAX;

	memcpy(f->mem->elf + 532, &far, sizeof(far));
	assert_int_equal(find(f), GT_DAMAGED);
}

static void
a_newer_version_is_said_to_be_newer(void **state)
{
	struct fake *f = *state;

	f->mem->table.version = GORO_ABI_VERSION + 1;
	assert_int_equal(find(f), GT_NEWER);
	/* Whatever else a newer table holds. */
	memset((char *)&f->mem->table + 16, 0xff, sizeof(f->mem->table) - 16);
	assert_int_equal(find(f), GT_NEWER);
}

static void
another_processor_is_no_runtime_of_ours(void **state)
{
	struct fake *f = *state;

	f->mem->table.machine = EM_S390;
	assert_int_equal(find(f), GT_NO_RUNTIME);
}

/* Set a 16- or 32-bit field of the table, look, and put it back. */
#define REFUSES(f, field, value)                       \
	do {                                           \
		__typeof__(field) t_before = (field);  \
		(field) = (value);                     \
		assert_int_equal(find(f), GT_DAMAGED); \
		(field) = t_before;                    \
		assert_int_equal(find(f), 0);          \
	} while (0)

static void
what_cannot_be_true_is_refused(void **state)
{
	struct fake *f = *state;
	struct goro_abi_table *t = &f->mem->table;

	REFUSES(f, t->cookie[3], 'x');
	REFUSES(f, t->version, 0);
	REFUSES(f, t->table_bytes, 12);
	REFUSES(f, t->table_bytes, UINT32_MAX);
	REFUSES(f, t->chunk.bytes, 0);
	REFUSES(f, t->chunk.bytes, UINT32_MAX);
	REFUSES(f, t->chunk.word_stride, 8);
	REFUSES(f, t->chunk.colours, 0);
	REFUSES(f, t->chunk.colours, UINT32_MAX);
	REFUSES(f, t->chunk.colour_bytes, UINT32_MAX);
	REFUSES(f, t->chunk.next.bytes, 0);
	REFUSES(f, t->g.bytes, GT_ABI_STRUCT_MAX + 1);
	REFUSES(f, t->g.sp.offset, sizeof(struct fake_g));
	REFUSES(f, t->g.sp.offset, 4);
	REFUSES(f, t->g.sp.bytes, 3);
	REFUSES(f, t->g.sp.bytes, 16);
	REFUSES(f, t->g.id.bytes, 0);
	REFUSES(f, t->g.name.offset, UINT16_MAX);
	REFUSES(f, t->thread.tid.bytes, 0);
	REFUSES(f, t->slab.bytes, 4);
	REFUSES(f, t->chan.id.bytes, 0);
	REFUSES(f, t->waiter.bytes, 0);
	REFUSES(f, t->mutex.bytes, UINT32_MAX);
	REFUSES(f, t->context_bytes, UINT32_MAX);
	REFUSES(f, t->saved_regs_n, 0);
	REFUSES(f, t->saved_regs_n, GORO_ABI_SAVED_REGS + 1);
	REFUSES(f, t->saved_regs[0].dwarf, GT_REGS_MAX);
	REFUSES(f, t->saved_regs[0].offset, -8);
	REFUSES(f, t->saved_regs[1].offset, 17);
}

static void
a_field_that_a_runtime_lacks_reads_as_zero(void **state)
{
	struct fake *f = *state;
	struct gt_abi abi;
	uint64_t ones = UINT64_MAX;

	f->mem->table.g.name.bytes = 0;
	fake_abi(f, &abi);
	assert_int_equal(gt_abi_load(&ones, abi.t.g.name), 0);
}

static void
what_a_shorter_table_lacks_reads_as_zero(void **state)
{
	struct fake *f = *state;
	struct gt_abi abi;

	memset((char *)&f->mem->table + GT_ABI_TABLE_MIN, 0xff,
	       sizeof(f->mem->table) - GT_ABI_TABLE_MIN);
	f->mem->table.table_bytes = GT_ABI_TABLE_MIN;
	fake_abi(f, &abi);
	assert_int_equal(abi.t.chan_more.kind.bytes, 0);
	f->mem->table.table_bytes = GT_ABI_TABLE_MIN - 1;
	assert_int_equal(find(f), GT_DAMAGED);
}

static void
a_longer_table_is_read_as_far_as_it_is_known(void **state)
{
	struct fake *f = *state;

	f->mem->table.table_bytes = sizeof(f->mem->table) + 100;
	assert_int_equal(find(f), 0);
}

static void
fields_have_their_own_width(void **state)
{
	const unsigned char bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

	(void)state;
#define LOAD(off, n) gt_abi_load(bytes, (struct goro_abi_field){ off, n })
	assert_int_equal(LOAD(8, 1), 9);
	assert_int_equal(LOAD(2, 2), 0x0403);
	assert_int_equal(LOAD(4, 4), 0x08070605);
	assert_int_equal(LOAD(0, 8), UINT64_C(0x0807060504030201));
}

static void
a_table_that_has_gone_is_noticed(void **state)
{
	struct fake *f = *state;
	struct gt_abi abi;

	fake_abi(f, &abi);
	assert_null(gt_abi_check_again(&f->target, &abi));
	f->mem->table.chunks++;
	struct gt_error *err = gt_abi_check_again(&f->target, &abi);
	assert_int_equal(err->code, GT_ENDED);
	gt_error_free(err);
}

/* Headers and notes of an image are hostile as well. */
static void
no_byte_of_an_image_leads_astray(void **state)
{
	struct fake *f = *state;
	static const unsigned char values[] = { 0, 1, 0x7f, 0x80, 0xff };

	for (unsigned at = 0; at < 600; at++) {
		unsigned char before = f->mem->elf[at];

		for (unsigned i = 0; i < sizeof(values); i++) {
			f->mem->elf[at] = values[i];
			f->read_bytes = 0;
			find(f);
			assert_true(f->read_bytes < 1 << 20);
		}
		f->mem->elf[at] = before;
	}
	assert_int_equal(find(f), 0);
}

/* ---- lists ---- */

static struct gt_error *
chunks(struct fake *f, size_t *ret_n)
{
	struct gt_chunks list = { 0 };
	struct gt_abi abi;

	fake_abi(f, &abi);
	struct gt_error *err = gt_registry_chunks(&f->target, &abi, &list);
	free(list.v);
	*ret_n = list.n;
	return err;
}

static void
expect_chunks(struct fake *f, size_t n, int code)
{
	size_t have;
	struct gt_error *err = chunks(f, &have);

	assert_int_equal(err ? (int)err->code : 0, code);
	assert_int_equal(have, n);
	gt_error_free(err);
}

static void
a_list_is_followed_to_its_end(void **state)
{
	struct fake *f = *state;

	f->mem->chunk[0].next = fake_addr(f, &f->mem->chunk[1]);
	expect_chunks(f, 2, 0);
}

static void
a_list_that_goes_round_ends(void **state)
{
	struct fake *f = *state;

	f->mem->chunk[0].next = fake_addr(f, &f->mem->chunk[1]);
	f->mem->chunk[1].next = fake_addr(f, &f->mem->chunk[1]);
	f->reads = 0;
	expect_chunks(f, 2, GT_DAMAGED);
	assert_true(f->reads < 100);
	f->mem->chunk[1].next = fake_addr(f, &f->mem->chunk[0]);
	expect_chunks(f, 2, GT_DAMAGED);
}

static void
a_list_that_leads_nowhere_keeps_its_beginning(void **state)
{
	struct fake *f = *state;

	f->mem->chunk[0].next = 0xdead0000;
	expect_chunks(f, 1, GT_DAMAGED);
	f->mem->chunks = 0xdead0000;
	expect_chunks(f, 0, GT_DAMAGED);
	f->mem->table.chunks = 0xdead0000;
	expect_chunks(f, 0, GT_DAMAGED);
}

static void
chunks_that_cannot_be_true_are_refused(void **state)
{
	struct fake *f = *state;
	struct fake_chunk *c = &f->mem->chunk[0], good = *c;

#define BAD_CHUNK(field, value)                  \
	do {                                     \
		*c = good;                       \
		c->field = (value);              \
		expect_chunks(f, 0, GT_DAMAGED); \
	} while (0)
	BAD_CHUNK(slots, 0);
	BAD_CHUNK(slots, 63);
	BAD_CHUNK(slots, 1u << 31);
	BAD_CHUNK(carved, FAKE_SLOTS + 1);
	BAD_CHUNK(slot_bytes, 0);
	BAD_CHUNK(slot_bytes, UINT64_MAX);
	BAD_CHUNK(base, UINT64_MAX);
	BAD_CHUNK(words, c->words + 1);
	BAD_CHUNK(words, UINT64_MAX - 7);
}

static void
chunks_that_overlap_are_not_counted_twice(void **state)
{
	struct fake *f = *state;

	f->mem->chunk[0].next = fake_addr(f, &f->mem->chunk[1]);
	f->mem->chunk[1].base = f->mem->chunk[0].base + FAKE_SLOT_BYTES;
	expect_chunks(f, 1, GT_DAMAGED);
}

static void
threads_are_listed_with_what_they_run(void **state)
{
	struct fake *f = *state;
	struct gt_threads list = { 0 };
	struct gt_abi abi;

	for (unsigned i = 0; i < 3; i++)
		f->mem->thread[i] = (struct fake_thread){
			.next = i < 2 ? fake_addr(f, &f->mem->thread[i + 1]) :
					0,
			.tid = 100 + i,
			.g = i,
		};
	f->mem->threads = fake_addr(f, &f->mem->thread[0]);
	fake_abi(f, &abi);
	assert_null(gt_registry_threads(&f->target, &abi, &list));
	assert_int_equal(list.n, 3);
	assert_int_equal(list.v[2].tid, 102);
	assert_int_equal(list.v[2].g, 2);
	free(list.v);
}

int
main(void)
{
#define FAKE(test) cmocka_unit_test_setup_teardown(test, make, drop)
	const struct CMUnitTest tests[] = {
		FAKE(the_note_leads_to_the_table),
		FAKE(names_that_are_not_there_have_a_stand_in),
		FAKE(cycles_become_ns),
		FAKE(without_a_note_there_is_no_runtime),
		FAKE(a_note_that_points_nowhere_is_damage),
		FAKE(a_newer_version_is_said_to_be_newer),
		FAKE(another_processor_is_no_runtime_of_ours),
		FAKE(what_cannot_be_true_is_refused),
		FAKE(a_field_that_a_runtime_lacks_reads_as_zero),
		FAKE(what_a_shorter_table_lacks_reads_as_zero),
		FAKE(a_longer_table_is_read_as_far_as_it_is_known),
		cmocka_unit_test(fields_have_their_own_width),
		FAKE(a_table_that_has_gone_is_noticed),
		FAKE(no_byte_of_an_image_leads_astray),
		FAKE(a_list_is_followed_to_its_end),
		FAKE(a_list_that_goes_round_ends),
		FAKE(a_list_that_leads_nowhere_keeps_its_beginning),
		FAKE(chunks_that_cannot_be_true_are_refused),
		FAKE(chunks_that_overlap_are_not_counted_twice),
		FAKE(threads_are_listed_with_what_they_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
