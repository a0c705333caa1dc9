// SPDX-License-Identifier: MIT
/*
 * test_leak.c - leaks in this very process
 *
 * Run twice: with the table of heap blocks, and without, where what the heap
 * points to is missed but nothing else changes.
 */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "goro/goro.h"
#include "goro/leak.h"
#include "idle.h"
#include "leak/heap.h"
#include "rollcall.h"
#include "san.h"

static struct goro_chan *global_ch;
static struct goro_mutex mutex_a, mutex_b;
static struct goro_rwmutex rwmutex;
static bool exact;

static void
receive(void *ch)
{
	goro_chan_recv(ch, NULL);
}

static void
send_one(void *ch)
{
	goro_chan_send(ch, &(uint64_t){ 1 });
}

static int restless_on_purpose;

static void
count_restless(const struct gr_g *g, void *arg)
{
	int *n = arg;

	if (g->id != goro_self() && !(g->flags & GORO_ABI_G_SYSTEM) &&
	    (gr_g_state(g) != GORO_ABI_WAITING ||
	     g->wait_reason == GORO_WAIT_SLEEP))
		++*n;
}

/* Has everybody come to where he will stay, and do the workers sleep? One that
 * is on its way there, on a thread that gets no CPU just now, is none that has
 * leaked; it took 4 ms to be sure, on a machine with nothing else to do. */
static __attribute__((noinline)) bool
are_at_rest(void)
{
	int n = 0;

	gr_roll_call(count_restless, &n);
	return n == restless_on_purpose &&
	       (n || gr_load_sc(&gr_idle_n) + 1 == gr_procs_n);
}

/* Overwrite what those who were called before have left on the stack: it would
 * lie in the gaps of the next frames. */
static __attribute__((noinline)) void
wipe(void)
{
	volatile char left[16384];

	for (size_t i = 0; i < sizeof(left); i++)
		left[i] = 0;
}

static __attribute__((noinline)) void
rest(void)
{
	T_EVENTUALLY(are_at_rest());
	wipe();
	for (int i = 0; i < 20; i++)
		goro_sleep(200000);
}

/* Start @n goroutines of @fn, each with a channel that only it knows. Deeper
 * than what follows, so that nothing is left on the stack in use. */
static __attribute__((noinline)) void
lose(void (*fn)(void *), int n, size_t room)
{
	volatile char deep[2048];

	deep[0] = 0;
	for (int i = 0; i < n; i++) {
		struct goro_chan *ch = goro_chan_create(8, room);

		T_CHECK(goro_go(fn, ch));
	}
	(void)deep;
}

static void
expect(int leaked, int deadlock, int unclosed)
{
	char *text = NULL;
	size_t bytes;
	FILE *to = open_memstream(&text, &bytes);
	int found = goro_leak_check(to), n;
	bool right;

	fclose(to);
	n = goro_leak_count(GORO_LEAK_PROVEN);
	/* What is old in the heap may point anywhere. */
	right = exact ? n == leaked : n <= leaked;
	right &= goro_leak_count(GORO_LEAK_DEADLOCK) == deadlock;
	n = goro_leak_count(GORO_LEAK_UNCLOSED_CHAN);
	right &= exact ? n == unclosed : n <= unclosed;
	right &= found == goro_leak_count(GORO_LEAK_PROVEN) + deadlock + n;
	if (!right)
		fprintf(stderr, "%d found, %d %d %d expected\n%s\n", found,
			leaked, deadlock, unclosed, text);
	T_CHECK(right);
	free(text);
}

T_GORO(a_program_without_leaks_has_none)
{
	global_ch = goro_chan_create(8, 0);
	goro_go(receive, global_ch);
	rest();
	expect(0, 0, 0);
	send_one(global_ch);
	goro_chan_unref(global_ch);
	global_ch = NULL; /* the next one may have the same address */
}

T_GORO(nil_channels_and_empty_selects_wait_for_ever)
{
	goro_go(receive, NULL);
	goro_go(send_one, NULL);
	rest();
	expect(2, 0, 0);
}

T_GORO(a_channel_that_only_the_waiting_know_is_a_leak)
{
	lose(receive, 3, 0);
	lose(send_one, 2, 0);
	rest();
	expect(5, 0, 0);
}

static void
lock_a_b(void *arg)
{
	(void)arg;
	goro_mutex_lock(&mutex_a);
	goro_sleep(3000000);
	goro_mutex_lock(&mutex_b);
}

static void
lock_b_a(void *arg)
{
	(void)arg;
	goro_mutex_lock(&mutex_b);
	goro_sleep(3000000);
	goro_mutex_lock(&mutex_a);
}

T_GORO(locks_that_wait_for_each_other_are_a_deadlock)
{
	mutex_a = mutex_b = (struct goro_mutex)GORO_MUTEX_INIT;
	goro_go(lock_a_b, NULL);
	goro_go(lock_b_a, NULL);
	goro_sleep(20000000);
	rest();
	expect(0, 2, 0);
}

static void
lock_twice(void *arg)
{
	(void)arg;
	goro_rwmutex_rlock(&rwmutex);
	goro_rwmutex_lock(&rwmutex);
}

static void
lock_and_end(void *arg)
{
	goro_mutex_lock(arg);
}

T_GORO(a_lock_of_ones_own_is_a_deadlock_and_of_one_that_ended_a_leak)
{
	rwmutex = (struct goro_rwmutex)GORO_RWMUTEX_INIT;
	mutex_a = (struct goro_mutex)GORO_MUTEX_INIT;
	goro_go(lock_twice, NULL);
	goro_go(lock_and_end, &mutex_a);
	rest();
	goro_go(lock_and_end, &mutex_a);
	rest();
	expect(1, 1, 0);
}

T_GORO(a_lock_whose_owner_sleeps_is_none)
{
	mutex_a = mutex_b = (struct goro_mutex)GORO_MUTEX_INIT;
	goro_mutex_lock(&mutex_a);
	goro_go(lock_and_end, &mutex_a);
	rest();
	expect(0, 0, 0);
	goro_mutex_unlock(&mutex_a);
	rest();
}

static void
send_two(void *ch)
{
	goro_chan_send(ch, &(uint64_t){ 1 });
	goro_chan_send(ch, &(uint64_t){ 2 });
}

static void
receive_all(void *ch)
{
	while (goro_chan_recv(ch, NULL))
		;
}

static __attribute__((noinline)) void
lose_range(void)
{
	struct goro_chan *ch = goro_chan_create(8, 0);

	goro_go(send_two, ch);
	goro_go(receive_all, ch);
}

T_GORO(a_range_over_a_channel_that_nobody_closes_is_told_of)
{
	lose_range();
	rest();
	expect(1, 0, 1);
}

static __attribute__((noinline)) void
drop_items(void)
{
	struct goro_chan *ch = goro_chan_create(8, 4);

	send_two(ch);
	goro_chan_unref(ch);
	ch = goro_chan_create(8, 4);
	send_two(ch);
	goro_chan_close(ch);
	goro_chan_unref(ch);
}

T_GORO(items_in_an_open_channel_that_is_dropped_are_told_of)
{
	drop_items();
	expect(0, 0, 1);
}

static struct goro_chan **volatile kept;

static __attribute__((noinline)) void
hide_in_block(bool keep)
{
	struct goro_chan **p = malloc(100);

	p[7] = goro_chan_create(8, 0);
	goro_go(receive, p[7]);
	kept = keep ? p + 3 : NULL;
}

T_GORO(a_block_counts_only_where_something_points_to_it)
{
	hide_in_block(false);
	lose(receive, 1, 0);
	rest();
	expect(2, 0, 0);
	hide_in_block(true);
	rest();
	expect(2, 0, 0);
}

static void *
foreign(void *arg)
{
	static _Thread_local void *volatile keep;
	void **to = arg;

	keep = to[0];
	to[0] = NULL;
	while (!__atomic_load_n((int *)&to[1], __ATOMIC_ACQUIRE))
		;
	return keep;
}

static __attribute__((noinline)) void
hide_in_thread(pthread_t *thread, void **to)
{
	to[0] = goro_chan_create(8, 0);
	goro_go(receive, to[0]);
	T_CHECK_EQ(pthread_create(thread, NULL, foreign, to), 0);
	T_EVENTUALLY(!__atomic_load_n(&to[0], __ATOMIC_ACQUIRE));
}

T_GORO(a_thread_local_of_a_foreign_thread_counts)
{
	static void *to[2];
	pthread_t thread;

	hide_in_thread(&thread, to);
	rest();
	expect(0, 0, 0);
	__atomic_store_n((int *)&to[1], 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	to[1] = NULL;
}

static __attribute__((noinline)) void
hide_mangled(uintptr_t *to)
{
	struct goro_chan *ch = goro_chan_create(8, 0);

	goro_go(receive, ch);
	*to = ~(uintptr_t)ch;
}

T_GORO(one_that_runs_after_all_is_owned_up_to)
{
	static uintptr_t mangled;

	hide_mangled(&mangled);
	rest();
	expect(1, 0, 0);
	send_one((void *)~mangled);
	rest();
	if (exact)
		T_CHECK_EQ(goro_leak_check(NULL), -ENOTRECOVERABLE);
	mangled = 0;
}

T_GORO(one_that_was_proven_stays_so)
{
	static uintptr_t mangled;

	hide_mangled(&mangled);
	rest();
	expect(1, 0, 0);
	kept = (void *)~mangled;
	expect(1, 0, 0);
	kept = NULL;
	mangled = 0;
}

static void
meant_to_wait(void *ch)
{
	receive_all(ch); /* or the compiler makes it one with receive() */
	goro_yield();
}

T_GORO(who_is_ignored_is_not_told_of)
{
	goro_leak_ignore("meant_to_wait");
	lose(meant_to_wait, 2, 0);
	lose(receive, 1, 0);
	rest();
	expect(1, 0, 0);
}

static void
wait_for_foreign(void *arg)
{
	while (!__atomic_load_n((int *)arg, __ATOMIC_ACQUIRE))
		goro_yield();
}

T_GORO(goroutines_that_run_all_the_time_are_stopped)
{
	int stop = 0;

	for (int i = 0; i < 8; i++)
		goro_go(wait_for_foreign, &stop);
	restless_on_purpose = 8;
	lose(receive, 4, 0);
	rest();
	for (int i = 0; i < 20; i++) {
		int found = goro_leak_check(NULL);

		/* Their vector registers may still hold what others left. */
		T_CHECK(found >= 1 && found <= 4);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	restless_on_purpose = 0;
	rest();
}

/* --- Fixtures ------------------------------------------------------------- */

static int
leave_one(void *arg)
{
	(void)arg;
	lose(receive, 1, 0);
	rest();
	return 0;
}

static int
leave_none(void *arg)
{
	struct goro_chan *ch = goro_chan_create(8, 0);

	(void)arg;
	goro_go(receive, ch);
	send_one(ch);
	goro_chan_unref(ch);
	return 0;
}

static int
in_one_program(void *arg)
{
	void *state = NULL;

	(void)arg;
	T_CHECK_EQ(goro_leak_setup(&state), 0);
	leave_none(NULL);
	T_CHECK_EQ(goro_leak_teardown(&state), 0);
	T_CHECK_EQ(goro_leak_setup(&state), 0);
	leave_one(NULL);
	T_CHECK_EQ(goro_leak_teardown(&state), -1);
	/* What the one before has left is not the next one's. */
	T_CHECK_EQ(goro_leak_setup(&state), 0);
	leave_none(NULL);
	T_CHECK_EQ(goro_leak_teardown(&state), 0);
	return 0;
}

static void
the_test_that_leaks_fails(void **state)
{
	assert_int_equal(goro_leak_setup(state), 0);
	assert_int_equal(goro_run(leave_none, NULL), 0);
	assert_int_equal(goro_leak_teardown(state), 0);
	assert_int_equal(goro_leak_setup(state), 0);
	assert_int_equal(goro_run(leave_one, NULL), 0);
	assert_int_equal(goro_leak_teardown(state), -1);
	assert_int_equal(goro_run(in_one_program, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_without_leaks_has_none),
		cmocka_unit_test(nil_channels_and_empty_selects_wait_for_ever),
		cmocka_unit_test(
			a_channel_that_only_the_waiting_know_is_a_leak),
		cmocka_unit_test(locks_that_wait_for_each_other_are_a_deadlock),
		cmocka_unit_test(
			a_lock_of_ones_own_is_a_deadlock_and_of_one_that_ended_a_leak),
		cmocka_unit_test(a_lock_whose_owner_sleeps_is_none),
		cmocka_unit_test(
			a_range_over_a_channel_that_nobody_closes_is_told_of),
		cmocka_unit_test(
			items_in_an_open_channel_that_is_dropped_are_told_of),
		cmocka_unit_test(
			a_block_counts_only_where_something_points_to_it),
		cmocka_unit_test(a_thread_local_of_a_foreign_thread_counts),
		cmocka_unit_test(one_that_runs_after_all_is_owned_up_to),
		cmocka_unit_test(one_that_was_proven_stays_so),
		cmocka_unit_test(who_is_ignored_is_not_told_of),
		cmocka_unit_test(goroutines_that_run_all_the_time_are_stopped),
		cmocka_unit_test(the_test_that_leaks_fails),
	};

#ifdef GR_TSAN
	return 77; /* it does not let signals through at once */
#endif
	exact = gr_heap_table() != NULL;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
