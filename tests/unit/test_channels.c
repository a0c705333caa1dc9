// SPDX-License-Identifier: MIT
/*
 * test_channels.c - the registry of channels, as it should be and damaged
 */
#include "test.h"

#include <string.h>

#include "fake_target.h"
#include "tracer/model.h"

struct with {
	struct fake *f;
	struct gt_abi abi;
	struct gt_model model;
};

static int
make(void **state)
{
	static struct with with;
	struct fake *f = fake_create();
	struct fake_memory *m = f->mem;

	memset(&with, 0, sizeof(with));
	with.f = f;
	strcpy(m->text, "orders");
	m->chan[1] = (struct fake_chan){
		.id = 7,
		.elem_bytes = 8,
		.cap = 16,
		.len = 3,
		.name = fake_addr(f, m->text),
	};
	m->chan[2] = (struct fake_chan){ .id = 9, .closed = 1, .name = 0x666 };
	m->chan[5] = (struct fake_chan){ .id = 11 };
	m->slab = (struct fake_slab){
		.base = fake_addr(f, m->chan),
		.stride = sizeof(struct fake_chan),
		.count = 8,
		.carved = 5,
	};
	m->slabs = fake_addr(f, &m->slab);
	*state = &with;
	return 0;
}

static int
drop(void **state)
{
	struct with *with = *state;

	gt_model_fini(&with->model);
	fake_destroy(with->f);
	return 0;
}

/* The code of the error, 0 for none. */
static int
load(struct with *with)
{
	fake_abi(with->f, &with->abi);
	gt_model_fini(&with->model);
	T_CHECK(!gt_model_init(&with->model, &with->abi));
	struct gt_error *err = gt_model_load_channels(&with->model,
						      &with->f->target);
	int code = err ? (int)err->code : 0;
	gt_error_free(err);
	return code;
}

static void
channels_are_found_and_free_slots_are_not(void **state)
{
	struct with *with = *state;
	const struct gt_channel *ch;

	assert_int_equal(load(with), 0);
	assert_int_equal(with->model.channels_n, 2);
	ch = &with->model.channels[0];
	assert_int_equal(ch->id, 7);
	assert_int_equal(ch->addr, fake_addr(with->f, &with->f->mem->chan[1]));
	assert_int_equal(ch->elem_bytes, 8);
	assert_int_equal(ch->cap, 16);
	assert_int_equal(ch->len, 3);
	assert_false(ch->closed);
	assert_string_equal(with->model.strings + ch->name, "orders");
}

static void
a_name_that_is_gone_is_empty(void **state)
{
	struct with *with = *state;

	assert_int_equal(load(with), 0);
	assert_true(with->model.channels[1].closed);
	assert_string_equal(with->model.strings + with->model.channels[1].name,
			    "");
}

static void
no_slabs_are_no_channels(void **state)
{
	struct with *with = *state;

	with->f->mem->slabs = 0;
	assert_int_equal(load(with), 0);
	assert_int_equal(with->model.channels_n, 0);
}

static void
slabs_that_cannot_be_true_are_refused(void **state)
{
	struct with *with = *state;
	struct fake_slab *s = &with->f->mem->slab, good = *s;

#define BAD_SLAB(field, value)                            \
	do {                                              \
		*s = good;                                \
		s->field = (value);                       \
		assert_int_equal(load(with), GT_DAMAGED); \
	} while (0)
	BAD_SLAB(stride, 0);
	BAD_SLAB(stride, sizeof(struct fake_chan) - 1);
	BAD_SLAB(stride, UINT32_MAX);
	BAD_SLAB(count, UINT32_MAX);
	BAD_SLAB(carved, 9);
	BAD_SLAB(base, UINT64_MAX - 8);
	BAD_SLAB(next, 0x666);
	*s = good;
	s->base = 0x66660000;
	assert_int_equal(load(with), GT_DAMAGED);
}

static void
a_list_of_slabs_that_goes_round_ends(void **state)
{
	struct with *with = *state;

	with->f->mem->slab.next = with->f->mem->slabs;
	with->f->reads = 0;
	assert_int_equal(load(with), GT_DAMAGED);
	assert_true(with->f->reads < 100);
}

/* Of many that are the same memory there would be no end. */
static void
slabs_that_overlap_are_read_once(void **state)
{
	struct with *with = *state;
	struct fake_memory *m = with->f->mem;
	struct fake_slab *again = (struct fake_slab *)m->stacks;

	*again = m->slab;
	again->base += 2 * sizeof(struct fake_chan);
	again->carved = again->count = 4;
	m->slab.next = fake_addr(with->f, again);
	assert_int_equal(load(with), GT_DAMAGED);
	assert_int_equal(with->model.channels_n, 2);
}

int
main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, make, drop)
	const struct CMUnitTest tests[] = {
		WITH(channels_are_found_and_free_slots_are_not),
		WITH(a_name_that_is_gone_is_empty),
		WITH(no_slabs_are_no_channels),
		WITH(slabs_that_cannot_be_true_are_refused),
		WITH(a_list_of_slabs_that_goes_round_ends),
		WITH(slabs_that_overlap_are_read_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
