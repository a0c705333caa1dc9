// SPDX-License-Identifier: MIT
/*
 * test_objects.c - what is waited for, read from a process made of arrays
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "fake_target.h"
#include "tracer/objects.h"
#include "tracer/waits.h"

/* Laid out by this test, told by the table. */
struct fake_lock {
	uint64_t owner, state;
};

enum { LOCKS = 8 };

struct with {
	struct fake *f;
	struct gt_abi abi;
	struct gt_model model;
	struct gt_objects objects;
	struct gt_knots knots;
	struct fake_lock *lock; /* LOCKS of them */
};

static int
make(void **state)
{
	static struct with with;
	struct fake *f = fake_create();
	struct goro_abi_table *t = &f->mem->table;
	const struct goro_abi_field first = { 0, 8 }, second = { 8, 8 };

	memset(&with, 0, sizeof(with));
	with.f = f;
	/* Of a chunk that is not in the list: a place for anything. */
	with.lock = (struct fake_lock *)f->mem->stacks[1];
	t->mutex.bytes = t->rwmutex.bytes = t->waitgroup.bytes = t->once.bytes =
		sizeof(struct fake_lock);
	memset(&t->mutex.waiters, 0, sizeof(t->mutex.waiters));
	t->mutex.owner = t->rwmutex.owner = t->once.owner = first;
	t->rwmutex.state = t->waitgroup.state = second;
	/* The list of read locks: one entry, in the record. */
	t->hold.bytes = 24;
	t->hold.first.offset = offsetof(struct fake_g, pads[0]);
	t->hold.obj = first;
	t->hold.count = second;
	t->hold.next = (struct goro_abi_field){ 16, 8 };
	*state = &with;
	return 0;
}

static void
forget(struct with *w)
{
	gt_knots_fini(&w->knots);
	gt_objects_fini(&w->objects);
	gt_model_fini(&w->model);
}

static int
drop(void **state)
{
	struct with *w = *state;

	forget(w);
	fake_destroy(w->f);
	return 0;
}

static uint64_t
addr(struct with *w, unsigned lock)
{
	return fake_addr(w->f, &w->lock[lock]);
}

/* Goroutine @id, in the slot of that number. */
static struct fake_g *
waits(struct with *w, unsigned id, enum goro_abi_reason reason, uint64_t obj)
{
	struct fake_g *g = fake_park(w->f, 0, id, id, 256);

	g->wait_reason = reason;
	g->wait_obj = obj;
	return g;
}

static void
nothing(struct gt_unwinder *u, const struct gt_stack *stack,
	struct gt_trace *trace)
{
	(void)u, (void)stack, (void)trace;
}

static void
load(struct with *w)
{
	static const struct gt_unwinder_ops ops = { .unwind = nothing };
	struct gt_unwinder unwinder = { .ops = &ops };
	struct gt_target *t = &w->f->target;

	forget(w);
	fake_abi(w->f, &w->abi);
	T_CHECK(!gt_model_init(&w->model, &w->abi));
	assert_null(gt_model_load(&w->model, t, &unwinder));
	assert_null(gt_model_load_channels(&w->model, t));
	assert_null(gt_objects_load(t, &w->model, false, &w->objects));
}

static void
look(struct with *w)
{
	assert_null(gt_objects_look(&w->f->target, &w->model, &w->objects));
	assert_null(gt_knots_find(&w->model, &w->objects, &w->knots));
}

static uint64_t
party(struct with *w, const struct gt_object *o, enum gt_role role, uint32_t i)
{
	assert_true(i < o->parties[role].n);
	return w->model.goroutines[o->parties[role].v[i].g].id;
}

static void
who_waits_is_found_by_object(void **state)
{
	struct with *w = *state;

	waits(w, 1, GORO_WAIT_MUTEX, addr(w, 1));
	waits(w, 2, GORO_WAIT_MUTEX, addr(w, 0));
	waits(w, 3, GORO_WAIT_MUTEX, addr(w, 1));
	waits(w, 4, GORO_WAIT_SLEEP, 12345);
	load(w);
	assert_int_equal(w->objects.n, 2);
	const struct gt_object *o = gt_objects_find(&w->objects, addr(w, 1));
	assert_non_null(o);
	assert_int_equal(o->kind, GT_KIND_MUTEX);
	assert_int_equal(o->parties[GT_ROLE_WAITS].n, 2);
	assert_int_equal(party(w, o, GT_ROLE_WAITS, 0), 1);
	assert_int_equal(party(w, o, GT_ROLE_WAITS, 1), 3);
	assert_null(gt_objects_find(&w->objects, addr(w, 2)));
}

static void
what_objects_say_is_read(void **state)
{
	struct with *w = *state;
	const struct gt_object *o;

	waits(w, 1, GORO_WAIT_MUTEX, addr(w, 0));
	waits(w, 2, GORO_WAIT_GROUP, addr(w, 1));
	waits(w, 3, GORO_WAIT_ONCE, addr(w, 2));
	waits(w, 4, GORO_WAIT_WLOCK, addr(w, 3));
	w->lock[0].owner = 4;
	w->lock[1].state = (uint64_t)-3 << 32 | 1;
	w->lock[2].owner = 77; /* has ended */
	w->lock[3].state = 2 << 2;
	waits(w, 5, GORO_WAIT_SLEEP, 0)->pads[0] = addr(w, 3);
	waits(w, 6, GORO_WAIT_SLEEP, 0)->pads[0] = addr(w, 4);
	load(w);
	o = gt_objects_find(&w->objects, addr(w, 0));
	assert_true(o->known);
	assert_int_equal(o->owner, 4);
	assert_int_equal(party(w, o, GT_ROLE_HOLDS, 0), 4);
	o = gt_objects_find(&w->objects, addr(w, 1));
	assert_int_equal(o->count, -3);
	assert_int_equal(o->parties[GT_ROLE_HOLDS].n, 0);
	o = gt_objects_find(&w->objects, addr(w, 2));
	assert_int_equal(o->owner, 77);
	assert_int_equal(o->parties[GT_ROLE_HOLDS].n, 0);
	o = gt_objects_find(&w->objects, addr(w, 3));
	assert_false(o->writer);
	assert_int_equal(o->count, 2);
	assert_int_equal(o->parties[GT_ROLE_HOLDS].n, 1);
	assert_int_equal(party(w, o, GT_ROLE_HOLDS, 0), 5);
}

static void
objects_that_are_nowhere_are_not_known(void **state)
{
	struct with *w = *state;

	waits(w, 1, GORO_WAIT_MUTEX, 0x666);
	waits(w, 2, GORO_WAIT_WLOCK, UINT64_MAX - 4);
	waits(w, 3, GORO_WAIT_GROUP, UINT64_MAX);
	waits(w, 4, GORO_WAIT_CHAN_RECV, 0x666000);
	waits(w, 5, GORO_WAIT_IO, 0x666);
	waits(w, 6, 200, 0x777);
	load(w);
	assert_true(w->objects.n >= 5);
	for (size_t i = 0; i < w->objects.n; i++)
		assert_false(w->objects.v[i].known);
	look(w);
	assert_int_equal(w->knots.n, 0);
}

static void
who_has_the_address_on_its_stack_knows_it(void **state)
{
	struct with *w = *state;
	struct fake_g *g;

	waits(w, 1, GORO_WAIT_GROUP, addr(w, 0));
	g = waits(w, 2, GORO_WAIT_SLEEP, 0);
	((uint64_t *)g)[-5] = addr(w, 0);
	((uint64_t *)g)[-6] = addr(w, 0);
	/* One that waits for it knows it, but is of no use to itself. */
	g = waits(w, 3, GORO_WAIT_GROUP, addr(w, 0));
	((uint64_t *)g)[-5] = addr(w, 0);
	load(w);
	look(w);
	const struct gt_object *o = gt_objects_find(&w->objects, addr(w, 0));
	assert_int_equal(o->knows_n, 1);
	assert_int_equal(o->parties[GT_ROLE_KNOWS].n, 1);
	assert_int_equal(party(w, o, GT_ROLE_KNOWS, 0), 2);
}

static void
of_many_who_know_it_some_are_kept(void **state)
{
	struct with *w = *state;

	waits(w, 1, GORO_WAIT_COND, addr(w, 0));
	for (unsigned id = 2; id < 42; id++) {
		struct fake_g *g = waits(w, id, GORO_WAIT_SLEEP, 0);

		((uint64_t *)g)[-5] = addr(w, 0);
		((uint64_t *)g)[-7] = addr(w, 0);
	}
	load(w);
	look(w);
	const struct gt_object *o = gt_objects_find(&w->objects, addr(w, 0));
	assert_int_equal(o->knows_n, 40);
	assert_int_equal(o->parties[GT_ROLE_KNOWS].n, GT_KNOWS_MAX);
}

/* 1 has lock 0 and wants lock 1, 2 has lock 1 and wants lock 0. */
static void
cross(struct with *w)
{
	w->lock[0].owner = 1;
	w->lock[1].owner = 2;
	waits(w, 1, GORO_WAIT_MUTEX, addr(w, 1));
	waits(w, 2, GORO_WAIT_MUTEX, addr(w, 0));
}

static void
two_that_wait_for_each_other_are_a_knot(void **state)
{
	struct with *w = *state;

	cross(w);
	waits(w, 3, GORO_WAIT_MUTEX, addr(w, 0)); /* waits, but is not in it */
	load(w);
	look(w);
	assert_int_equal(w->knots.n, 1);
	assert_int_equal(w->knots.v[0].n, 2);
	assert_int_equal(w->knots.v[0].row_n, 2);
	assert_int_equal(w->model.goroutines[w->knots.v[0].row[0]].id, 1);
	assert_int_equal(w->model.goroutines[w->knots.v[0].row[1]].id, 2);
}

static void
one_that_has_run_meanwhile_is_in_no_knot(void **state)
{
	struct with *w = *state;

	cross(w);
	load(w);
	*fake_word(w->f, 0, 2) += 1 << 8;
	look(w);
	assert_int_equal(w->knots.n, 0);
	load(w);
	*fake_word(w->f, 0, 2) = 9 << 8 | GORO_ABI_RUNNING;
	look(w);
	assert_int_equal(w->knots.n, 0);
}

static void
a_channels_fields_are_found(void **state)
{
	struct with *w = *state;
	struct fake_memory *m = w->f->mem;

	m->chan[1] = (struct fake_chan){ .id = 7, .cap = 16 };
	m->chan[2] = (struct fake_chan){ .id = 8 };
	m->slab = (struct fake_slab){
		.base = fake_addr(w->f, m->chan),
		.stride = sizeof(struct fake_chan),
		.count = 8,
		.carved = 8,
	};
	m->slabs = fake_addr(w->f, &m->slab);
	waits(w, 1, GORO_WAIT_CHAN_RECV, fake_addr(w->f, &m->chan[1]));
	load(w);
	assert_int_equal(w->objects.n, 1);
	assert_true(w->objects.v[0].known);
	assert_int_equal(w->model.channels[w->objects.v[0].channel].id, 7);
	/* All of them. */
	gt_objects_fini(&w->objects);
	assert_null(
		gt_objects_load(&w->f->target, &w->model, true, &w->objects));
	assert_int_equal(w->objects.n, 2);
	assert_int_equal(w->objects.v[1].parties[GT_ROLE_WAITS].n, 0);
}

int
main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, make, drop)
	const struct CMUnitTest tests[] = {
		WITH(who_waits_is_found_by_object),
		WITH(what_objects_say_is_read),
		WITH(objects_that_are_nowhere_are_not_known),
		WITH(who_has_the_address_on_its_stack_knows_it),
		WITH(of_many_who_know_it_some_are_kept),
		WITH(two_that_wait_for_each_other_are_a_knot),
		WITH(one_that_has_run_meanwhile_is_in_no_knot),
		WITH(a_channels_fields_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
