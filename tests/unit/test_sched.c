// SPDX-License-Identifier: MIT
/*
 * test_sched.c - starting goroutines, and whose turn it is
 */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "goro/goro.h"
#include "sched.h"

/* --- Ids and the count ---------------------------------------------------- */

enum { MANY = 1000 };

static void
send_self(void *arg)
{
	uint64_t id = goro_self();

	goro_yield();
	T_CHECK_EQ(goro_self(), id);
	goro_chan_send(arg, &id);
}

static int
compare_ids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

T_GORO(ids_are_unique_and_what_go_returned)
{
	static uint64_t given[MANY], seen[MANY];
	struct goro_chan *ch = goro_chan_create(sizeof(uint64_t), 0);

	T_CHECK_EQ(goro_self(), 1);
	for (int i = 0; i < MANY; i++)
		T_CHECK((given[i] = goro_go(send_self, ch)) > 1);
	for (int i = 0; i < MANY; i++)
		goro_chan_recv(ch, &seen[i]);
	qsort(given, MANY, sizeof(*given), compare_ids);
	qsort(seen, MANY, sizeof(*seen), compare_ids);
	T_CHECK(!memcmp(given, seen, sizeof(seen)));
	for (int i = 1; i < MANY; i++)
		T_CHECK(seen[i] != seen[i - 1]);
	goro_chan_unref(ch);
}

static void
self_is_0_outside_of_goroutines(void **state)
{
	(void)state;
	assert_int_equal(goro_self(), 0);
}

static void
wait_for_close(void *arg)
{
	goro_chan_recv(arg, NULL);
	goro_chan_unref(arg);
}

T_GORO(count_is_of_those_alive)
{
	struct goro_chan *ch = goro_chan_create(0, 0);

	T_CHECK_EQ(goro_count(), 1);
	for (int i = 0; i < MANY; i++)
		goro_go(wait_for_close, goro_chan_ref(ch));
	T_CHECK_EQ(goro_count(), MANY + 1);
	goro_chan_close(ch);
	T_EVENTUALLY(goro_count() == 1);
	goro_chan_unref(ch);
}

/* --- Arguments and attributes --------------------------------------------- */

struct copied {
	struct goro_chan *done;
	size_t bytes;
	unsigned char rest[];
};

static void
check_copy(void *arg)
{
	struct copied *c = arg;

	T_CHECK_EQ((uintptr_t)c % 16, 0);
	for (size_t i = 0; i < c->bytes; i++)
		T_CHECK_EQ(c->rest[i], (unsigned char)(i * 7));
	memset(c->rest, 0, c->bytes); /* it is ours */
	goro_chan_send(c->done, NULL);
}

T_GORO(go_copy_copies_and_aligns)
{
	static const size_t sizes[] = { 0,  1,   15,   16,     17,
					63, 100, 4096, 100000, 3000000 };
	struct goro_chan *done = goro_chan_create(0, 0);

	for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
		size_t bytes = sizeof(struct copied) + sizes[k];
		struct copied *c = malloc(bytes);

		c->done = done;
		c->bytes = sizes[k];
		for (size_t i = 0; i < sizes[k]; i++)
			c->rest[i] = i * 7;
		T_CHECK(goro_go_copy(check_copy, c, bytes));
		memset(c, 0xff, bytes); /* the copy was made before */
		free(c);
		goro_chan_recv(done, NULL);
	}
	goro_chan_unref(done);
}

/* Nothing of it is read: there is no stack for it. */
T_GORO(go_copy_of_too_much_fails)
{
	T_CHECK_EQ(goro_go_copy(check_copy, "", SIZE_MAX), 0);
	T_CHECK_EQ(goro_go_copy(check_copy, "", SIZE_MAX / 2), 0);
	T_CHECK_EQ(goro_go_copy(check_copy, "", (size_t)3 << 30), 0);
}

static struct goro_chan *taken;

static void
take_nothing(void *arg)
{
	(void)arg;
	goro_chan_send(taken, NULL);
}

T_GORO(go_copy_of_nothing_is_allowed)
{
	taken = goro_chan_create(0, 0);
	T_CHECK(goro_go_copy(take_nothing, NULL, 0));
	goro_chan_recv(taken, NULL);
	goro_chan_unref(taken);
}

static void
check_name_and_size(void *arg)
{
	const struct goro_attr *attr = arg;
	struct gr_g *g = gr_m_self()->g;
	size_t bytes = attr->stack_bytes ? attr->stack_bytes : 262144;

	if (attr->name)
		T_CHECK(!strncmp(g->name, attr->name, 100));
	else
		T_CHECK(!g->name);
	T_CHECK(g->chunk->slot_bytes >= bytes);
	T_CHECK(g->chunk->slot_bytes < 2 * bytes);
	goro_set_name("later");
	T_CHECK(!strcmp(g->name, "later"));
	goro_set_name(NULL);
	T_CHECK(!g->name);
	goro_chan_send(taken, NULL);
}

T_GORO(attributes_are_kept)
{
	static const size_t sizes[] = { 0,      65536,   65537,
					262144, 1000000, 1 << 24 };
	char name[300];

	taken = goro_chan_create(0, 0);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++)
		for (int named = 0; named < 3; named++) {
			struct goro_attr attr = {
				.stack_bytes = sizes[k],
				.name = named == 2 ? name :
					named      ? "short" :
						     NULL,
			};

			T_CHECK(goro_go_attr(&attr, check_name_and_size,
					     &attr));
			goro_chan_recv(taken, NULL);
		}
	T_CHECK(goro_go_attr(NULL, take_nothing, NULL));
	goro_chan_recv(taken, NULL);
	goro_chan_unref(taken);
}

/* --- Order and fairness --------------------------------------------------- */

static int ran; /* one worker: no two at the same time */

static void
count_one(void *arg)
{
	(void)arg;
	ran++;
}

static int
yield_after_spawning(void *arg)
{
	(void)arg;
	ran = 0;
	for (int i = 0; i < 100; i++)
		goro_go(count_one, NULL);
	T_CHECK_EQ(ran, 0);
	goro_yield();
	T_CHECK_EQ(ran, 100);
	return 0;
}

static void
yield_lets_all_who_wait_run_first(void **state)
{
	(void)state;
	t_run_procs("1", yield_after_spawning, NULL);
}

enum { TURNS = 1000, RUNNERS = 10 };

static int turns[RUNNERS];

static void
take_turns(void *arg)
{
	int *mine = arg;

	while (++*mine < TURNS) {
		for (int i = 0; i < RUNNERS; i++)
			T_CHECK(abs(turns[i] - *mine) <= 2);
		goro_yield();
	}
}

static int
start_runners(void *arg)
{
	(void)arg;
	for (int i = 0; i < RUNNERS; i++)
		goro_go(take_turns, &turns[i]);
	T_EVENTUALLY(goro_count() == 1);
	return 0;
}

static void
those_who_yield_take_turns(void **state)
{
	(void)state;
	memset(turns, 0, sizeof(turns));
	t_run_procs("1", start_runners, NULL);
}

static struct goro_chan *ping, *pong;
static int rounds;
static bool third_has_run;

static void
answer(void *arg)
{
	(void)arg;
	while (goro_chan_recv(ping, NULL))
		goro_chan_send(pong, NULL);
}

static void
run_third(void *arg)
{
	(void)arg;
	third_has_run = true;
}

/* Two that hand to each other are always the newest in the queue. */
static int
hand_to_and_fro(void *arg)
{
	(void)arg;
	ping = goro_chan_create(0, 0);
	pong = goro_chan_create(0, 0);
	goro_go(run_third, NULL);
	goro_go(answer, NULL);
	for (rounds = 0; rounds < 100000 && !third_has_run; rounds++) {
		goro_chan_send(ping, NULL);
		goro_chan_recv(pong, NULL);
	}
	T_CHECK(rounds < 1000);
	goro_chan_close(ping);
	goro_chan_unref(ping);
	goro_chan_unref(pong);
	return 0;
}

static void
a_pair_does_not_starve_a_third(void **state)
{
	(void)state;
	t_run_procs("1", hand_to_and_fro, NULL);
}

static void *
close_it(void *ch)
{
	goro_chan_close(ch);
	return NULL;
}

static int
wait_for_foreigner(void *arg)
{
	struct goro_chan *ch = goro_chan_create(0, 0);
	pthread_t thread;

	(void)arg;
	T_CHECK_EQ(pthread_create(&thread, NULL, close_it, ch), 0);
	goro_chan_recv(ch, NULL);
	pthread_join(thread, NULL);
	goro_chan_unref(ch);
	return 0;
}

static void
a_foreign_thread_can_wake_the_only_goroutine(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		t_run_procs("1", wait_for_foreigner, NULL);
		t_run_procs("2", wait_for_foreigner, NULL);
	}
}

static atomic_bool never_mind;

static void
yield_all_the_time(void *arg)
{
	(void)arg;
	while (!never_mind)
		goro_yield();
}

static int
sleep_beside_busy_ones(void *arg)
{
	(void)arg;
	never_mind = false;
	for (int i = 0; i < 3; i++)
		goro_go(yield_all_the_time, NULL);
	for (int i = 0; i < 20; i++)
		goro_sleep(100000);
	never_mind = true;
	T_EVENTUALLY(goro_count() == 1);
	return 0;
}

static void
busy_ones_do_not_keep_sleepers_from_waking(void **state)
{
	(void)state;
	t_run_procs("1", sleep_beside_busy_ones, NULL);
	t_run_procs("2", sleep_beside_busy_ones, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_unique_and_what_go_returned),
		cmocka_unit_test(self_is_0_outside_of_goroutines),
		cmocka_unit_test(count_is_of_those_alive),
		cmocka_unit_test(go_copy_copies_and_aligns),
		cmocka_unit_test(go_copy_of_nothing_is_allowed),
		cmocka_unit_test(go_copy_of_too_much_fails),
		cmocka_unit_test(attributes_are_kept),
		cmocka_unit_test(yield_lets_all_who_wait_run_first),
		cmocka_unit_test(those_who_yield_take_turns),
		cmocka_unit_test(a_pair_does_not_starve_a_third),
		cmocka_unit_test(a_foreign_thread_can_wake_the_only_goroutine),
		cmocka_unit_test(busy_ones_do_not_keep_sleepers_from_waking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
