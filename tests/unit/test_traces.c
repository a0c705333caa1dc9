// SPDX-License-Identifier: MIT
/*
 * test_traces.c - events summed by stack
 */
#include "traces.h"

#include <pthread.h>
#include <string.h>

#include "test.h"

struct sums {
	uint64_t n, count, value;
};

static void
sum(const struct gr_trace *t, void *arg)
{
	struct sums *s = arg;

	s->n++;
	s->count += t->count;
	s->value += t->value;
}

static struct sums
sums_of(struct gr_traces *ts)
{
	struct sums s = { 0 };

	gr_traces_each(ts, sum, &s);
	return s;
}

static void
traces_are_apart_by_frames_and_tag(void **state)
{
	struct gr_traces *ts = gr_traces_create(GR_TRACES_BYTES, false);
	uintptr_t pc[] = { 1, 2, 3 };

	(void)state;
	for (int i = 0; i < 10; i++) {
		gr_traces_add(ts, &(struct gr_trace_key){ pc, 3, 0, NULL, 0 },
			      1, 5);
		gr_traces_add(ts, &(struct gr_trace_key){ pc, 2, 0, NULL, 0 },
			      1, 5);
		gr_traces_add(ts, &(struct gr_trace_key){ pc, 3, 1, NULL, 0 },
			      1, 5);
		gr_traces_add(ts, &(struct gr_trace_key){ pc, 0, 0, NULL, 0 },
			      1, 5);
	}
	assert_int_equal(sums_of(ts).n, 4);
	assert_int_equal(sums_of(ts).count, 40);
	assert_int_equal(sums_of(ts).value, 200);
	gr_traces_destroy(ts);
}

enum { THREADS = 4, ROUNDS = 20, STACKS = 5000 };

/* All threads add the same stacks, at about the same time each. */
static void *
add_all(void *arg)
{
	for (uintptr_t r = 0; r < ROUNDS; r++)
		for (uintptr_t i = 0; i < STACKS; i++) {
			uintptr_t pc[] = { i, 2 * i, 3 };

			gr_traces_add(arg,
				      &(struct gr_trace_key){ pc, 3, 0, NULL,
							      0 },
				      1, i);
		}
	return NULL;
}

static void
traces_lose_nothing_between_threads(void **state)
{
	struct gr_traces *ts = gr_traces_create(GR_TRACES_BYTES, false);
	pthread_t thread[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, add_all, ts);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(sums_of(ts).n, STACKS);
	assert_int_equal(sums_of(ts).count, THREADS * ROUNDS * STACKS);
	assert_int_equal(sums_of(ts).value, (uint64_t)THREADS * ROUNDS *
						    STACKS * (STACKS - 1) / 2);
	assert_int_equal(ts->lost, 0);
	gr_traces_destroy(ts);
}

static void
traces_say_what_they_had_no_room_for(void **state)
{
	struct gr_traces *ts = gr_traces_create(
		sizeof(struct gr_traces) + 65536, false);

	(void)state;
	for (uintptr_t i = 0; i < STACKS; i++)
		gr_traces_add(ts, &(struct gr_trace_key){ &i, 1, 0, NULL, 0 },
			      1, 2);
	assert_true(sums_of(ts).n > 500);
	assert_true(ts->lost > 0);
	assert_int_equal(sums_of(ts).count + ts->lost, STACKS);
	assert_int_equal(sums_of(ts).value + ts->lost_value, 2 * STACKS);
	gr_traces_destroy(ts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(traces_are_apart_by_frames_and_tag),
		cmocka_unit_test(traces_lose_nothing_between_threads),
		cmocka_unit_test(traces_say_what_they_had_no_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
