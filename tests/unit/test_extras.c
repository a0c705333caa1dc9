// SPDX-License-Identifier: MIT
/*
 * test_extras.c - labels, read locks and selects, as they should be and damaged
 */
#include "test.h"

#include <string.h>

#include "fake_target.h"
#include "tracer/model.h"

/* Laid out by this test, told by the table. */
struct fake_labels {
	uint64_t n;
	struct {
		uint64_t key, value;
	} pair[2];
};

struct fake_hold {
	uint64_t obj, count, next;
};

struct fake_waiter {
	uint64_t obj;
	uint8_t dir, pad[7];
};

struct with {
	struct fake *f;
	struct gt_abi abi;
	struct gt_model model;
	struct fake_g *g;
	struct fake_labels *labels;
	struct fake_hold *hold; /* the one in the record */
};

#define FIELD(type, member)                                \
	{                                                  \
		offsetof(struct type, member),             \
			sizeof(((struct type *)0)->member) \
	}

static int
make(void **state)
{
	static struct with with;
	struct fake *f = fake_create();
	struct fake_memory *m = f->mem;

	memset(&with, 0, sizeof(with));
	with.f = f;
	with.g = fake_park(f, 0, 1, 7, 256);
	m->table.labels.bytes = sizeof(uint64_t);
	m->table.labels.pair_bytes = 16;
	m->table.labels.set = (struct goro_abi_field)FIELD(fake_g, pads[0]);
	m->table.labels.n = (struct goro_abi_field)FIELD(fake_labels, n);
	m->table.labels.pairs.offset = offsetof(struct fake_labels, pair);
	m->table.labels.key = (struct goro_abi_field){ 0, 8 };
	m->table.labels.value = (struct goro_abi_field){ 8, 8 };
	m->table.hold.bytes = sizeof(struct fake_hold);
	m->table.hold.first.offset = offsetof(struct fake_g, pads[1]);
	m->table.hold.obj = (struct goro_abi_field)FIELD(fake_hold, obj);
	m->table.hold.count = (struct goro_abi_field)FIELD(fake_hold, count);
	m->table.hold.next = (struct goro_abi_field)FIELD(fake_hold, next);
	m->table.waiter.bytes = sizeof(struct fake_waiter);
	memset(&m->table.waiter.next, 0,
	       sizeof(m->table.waiter) -
		       offsetof(__typeof__(m->table.waiter), next));
	m->table.waiter.obj = (struct goro_abi_field)FIELD(fake_waiter, obj);
	m->table.waiter.dir = (struct goro_abi_field)FIELD(fake_waiter, dir);
	/* Some place that is used for nothing else. */
	with.labels = (struct fake_labels *)m->stacks[1];
	strcpy(m->text, "tenant");
	strcpy(m->text + 16, "acme");
	with.labels->n = 1;
	with.labels->pair[0].key = fake_addr(f, m->text);
	with.labels->pair[0].value = fake_addr(f, m->text + 16);
	with.g->pads[0] = fake_addr(f, with.labels);
	with.hold = (struct fake_hold *)&with.g->pads[1];
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

static void
nothing(struct gt_unwinder *u, const struct gt_stack *stack,
	struct gt_trace *trace)
{
	(void)u, (void)stack, (void)trace;
}

/* The first goroutine of the model. */
static const struct gt_goroutine *
load(struct with *with)
{
	static const struct gt_unwinder_ops ops = { .unwind = nothing };
	struct gt_unwinder unwinder = { .ops = &ops };

	fake_abi(with->f, &with->abi);
	gt_model_fini(&with->model);
	T_CHECK(!gt_model_init(&with->model, &with->abi));
	assert_null(gt_model_load(&with->model, &with->f->target, &unwinder));
	assert_true(with->model.goroutines_n > 0);
	return with->model.goroutines;
}

/* Its labels as "key=value,", or "". */
static const char *
labels_of(struct with *with, const struct gt_goroutine *g)
{
	static char text[4096];
	const char *key, *value;
	size_t at = 0;

	text[0] = '\0';
	for (uint32_t i = 0;
	     gt_label_next(&with->model, g->labels, &i, &key, &value);)
		at += snprintf(text + at, sizeof(text) - at, "%s=%s,", key,
			       value);
	return text;
}

static void
labels_are_read(void **state)
{
	struct with *with = *state;
	struct fake_memory *m = with->f->mem;

	assert_string_equal(labels_of(with, load(with)), "tenant=acme,");
	with->labels->n = 2;
	with->labels->pair[1].key = fake_addr(with->f, m->text + 16);
	with->labels->pair[1].value = fake_addr(with->f, m->text + 100);
	assert_string_equal(labels_of(with, load(with)), "tenant=acme,acme=,");
}

static void
a_shared_set_is_read_and_kept_once(void **state)
{
	struct with *with = *state;

	load(with);
	unsigned reads = with->f->reads;
	uint64_t strings = with->model.strings_n;
	for (unsigned slot = 2; slot < 40; slot++)
		fake_park(with->f, 0, slot, 100 + slot, 64)->pads[0] =
			with->g->pads[0];
	with->f->reads = 0;
	const struct gt_goroutine *g = load(with);
	assert_int_equal(with->model.goroutines_n, 39);
	assert_int_equal(g[0].labels, g[38].labels);
	assert_int_equal(with->model.strings_n, strings);
	assert_true(with->f->reads <= 2 * reads);
}

static void
a_set_that_cannot_be_read_is_none(void **state)
{
	struct with *with = *state;

	with->g->pads[0] = 0x666;
	assert_string_equal(labels_of(with, load(with)), "");
	with->g->pads[0] = UINT64_MAX - 4;
	assert_string_equal(labels_of(with, load(with)), "");
	with->g->pads[0] = fake_addr(with->f, with->labels);
	with->labels->n = 0;
	assert_string_equal(labels_of(with, load(with)), "");
	with->labels->n = UINT64_MAX;
	assert_int_equal(load(with)->id, 7);
	with->labels->n = 1;
	with->labels->pair[0].value = 0x666;
	assert_string_equal(labels_of(with, load(with)), "tenant=,");
}

static void
read_locks_are_a_list(void **state)
{
	struct with *with = *state;
	struct fake_hold *more = (struct fake_hold *)(with->labels + 1);

	assert_int_equal(load(with)->holds_n, 0);
	*with->hold = (struct fake_hold){ 0x1000, 2, fake_addr(with->f, more) };
	*more = (struct fake_hold){ 0, 0, fake_addr(with->f, more + 1) };
	more[1] = (struct fake_hold){ 0x2000, 1, 0 };
	const struct gt_goroutine *g = load(with);
	assert_int_equal(g->holds_n, 2);
	assert_int_equal(with->model.holds[g->holds].obj, 0x1000);
	assert_int_equal(with->model.holds[g->holds].count, 2);
	assert_int_equal(with->model.holds[g->holds + 1].obj, 0x2000);
}

static void
a_list_of_read_locks_that_goes_round_ends(void **state)
{
	struct with *with = *state;

	*with->hold = (struct fake_hold){ 0x1000, 1,
					  fake_addr(with->f, with->hold) };
	with->f->reads = 0;
	assert_true(load(with)->holds_n <= 64);
	assert_true(with->f->reads < 200);
	with->hold->next = 0x666;
	assert_int_equal(load(with)->holds_n, 1);
}

static void
a_selects_channels_are_on_its_stack(void **state)
{
	struct with *with = *state;
	struct fake_waiter *w = (struct fake_waiter *)((char *)with->g - 64);

	w[0] = (struct fake_waiter){ .obj = 0x1000, .dir = GT_DIR_SEND };
	w[1] = (struct fake_waiter){ 0 };
	w[2] = (struct fake_waiter){ .obj = 0x2000, .dir = GT_DIR_RECV };
	with->g->wait_reason = GORO_WAIT_SELECT;
	with->g->wait_obj = fake_addr(with->f, w);
	with->g->wait_n = 3;
	const struct gt_goroutine *g = load(with);
	assert_int_equal(g->waits_n, 2);
	assert_int_equal(with->model.waits[g->waits].obj, 0x1000);
	assert_int_equal(with->model.waits[g->waits].dir, GT_DIR_SEND);
	assert_int_equal(with->model.waits[g->waits + 1].obj, 0x2000);
	/* What is not on the stack is not read. */
	with->g->wait_n = 5;
	assert_int_equal(load(with)->waits_n, 0);
	with->g->wait_n = UINT16_MAX;
	assert_int_equal(load(with)->waits_n, 0);
	with->g->wait_obj = 0x666;
	assert_int_equal(load(with)->waits_n, 0);
	with->g->wait_obj = UINT64_MAX;
	assert_int_equal(load(with)->waits_n, 0);
}

static void
descriptor_0_is_waited_for(void **state)
{
	struct with *with = *state;

	with->g->wait_reason = GORO_WAIT_IO;
	with->g->wait_obj = 0;
	assert_int_equal(load(with)->waits_n, 1);
	with->g->wait_reason = GORO_WAIT_SLEEP;
	with->g->wait_obj = 12345;
	assert_int_equal(load(with)->waits_n, 0);
}

static void
later_structures_that_cannot_be_true_are_refused(void **state)
{
	struct with *with = *state;
	struct goro_abi_table good = with->f->mem->table, bad;
	struct gt_error *err;

#define BAD(field, value)                                \
	do {                                             \
		bad = good;                              \
		bad.field = (value);                     \
		err = gt_abi_check(&bad, 0);             \
		assert_non_null(err);                    \
		assert_int_equal(err->code, GT_DAMAGED); \
		gt_error_free(err);                      \
	} while (0)
	assert_null(gt_abi_check(&good, 0));
	BAD(labels.bytes, GT_ABI_STRUCT_MAX + 1);
	BAD(labels.pair_bytes, GT_LABEL_PAIR_MAX + 1);
	BAD(labels.set.offset, sizeof(struct fake_g));
	BAD(labels.n.bytes, 16);
	BAD(labels.pairs.offset, UINT16_MAX);
	BAD(labels.value.offset, 16);
	BAD(hold.bytes, GT_ABI_STRUCT_MAX + 1);
	BAD(hold.first.offset, sizeof(struct fake_g));
	BAD(hold.next.offset, 24);
	BAD(rwmutex.bytes, GT_ABI_STRUCT_MAX + 1);
	BAD(rwmutex.state.bytes, 3);
	BAD(waitgroup.state.bytes, 8);
	BAD(cond.waiters.bytes, 8);
	BAD(once.owner.bytes, 8);
}

int
main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, make, drop)
	const struct CMUnitTest tests[] = {
		WITH(labels_are_read),
		WITH(a_shared_set_is_read_and_kept_once),
		WITH(a_set_that_cannot_be_read_is_none),
		WITH(read_locks_are_a_list),
		WITH(a_list_of_read_locks_that_goes_round_ends),
		WITH(a_selects_channels_are_on_its_stack),
		WITH(descriptor_0_is_waited_for),
		WITH(later_structures_that_cannot_be_true_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
