// SPDX-License-Identifier: MIT
/*
 * test_procs.c - how many goroutines run at once, and what idle workers do
 */
#include "test.h"

#include <stdatomic.h>
#include <time.h>

#include "goro/goro.h"

/* --- Idle ----------------------------------------------------------------- */

static void
do_nothing(void *arg)
{
	(void)arg;
}

static int64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

T_GORO(idle_workers_use_no_cpu)
{
	int64_t start_ns, cpu_start_ns;

	for (int i = 0; i < 1000; i++)
		goro_go(do_nothing, NULL); /* as many workers as there can be */
	T_EVENTUALLY(goro_count() == 1);
	start_ns = goro_now();
	cpu_start_ns = cpu_ns();
	goro_sleep(300000000);
	T_CHECK(cpu_ns() - cpu_start_ns < (goro_now() - start_ns) / 2);
}

/* --- How many at once ----------------------------------------------------- */

static atomic_long work_done;
static atomic_int now_running, most_running;

static void
work(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2000; i++) {
		int n = ++now_running, most = most_running;

		while (n > most &&
		       !atomic_compare_exchange_weak(&most_running, &most, n))
			;
		now_running--;
		work_done++;
		goro_yield();
	}
}

T_GORO(maxprocs_changes_while_goroutines_run)
{
	static const int procs[] = { 1, 4, 2, 8, 1, 3, 16, 2 };
	enum { CHANGES = 80 };
	int before = goro_maxprocs(0), now = before;

	T_CHECK_EQ(goro_maxprocs(0), before);
	T_CHECK_EQ(goro_maxprocs(-5), before);
	work_done = 0;
	for (int i = 0; i < 20; i++)
		goro_go(work, NULL);
	for (int i = 0; i < CHANGES; i++) {
		int n = procs[i % (sizeof(procs) / sizeof(*procs))];

		T_CHECK_EQ(goro_maxprocs(n), now);
		T_CHECK_EQ(goro_maxprocs(0), n);
		now = n;
		goro_sleep(200000);
	}
	T_EVENTUALLY(goro_count() == 1);
	T_CHECK_EQ(work_done, 20 * 2000);
	T_CHECK_EQ(goro_maxprocs(before), now);
}

T_GORO(maxprocs_1_means_one_at_a_time)
{
	goro_maxprocs(1);
	goro_yield();
	/* Those who are still on another worker leave it at a yield. */
	for (int i = 0; i < 100; i++)
		goro_sleep(10000);
	most_running = now_running = 0;
	for (int i = 0; i < 8; i++)
		goro_go(work, NULL);
	T_EVENTUALLY(goro_count() == 1);
	T_CHECK_EQ(most_running, 1);
}

T_GORO(maxprocs_has_a_limit)
{
	goro_maxprocs(100000);
	T_CHECK_EQ(goro_maxprocs(2), 256);
}

static void
send_one(void *arg)
{
	goro_chan_send(arg, &(int){ 1 });
}

static void
sleep_then_send_one(void *arg)
{
	goro_sleep(2000000);
	goro_chan_send(arg, &(int){ 1 });
}

/* Start @fn 200 times on 8 workers, turn all but one off, and wait for all. */
static int
turn_off_workers_of(void (*fn)(void *arg))
{
	for (int round = 0; round < 10; round++) {
		struct goro_chan *done = goro_chan_create(sizeof(int), 0);

		goro_maxprocs(8);
		for (int i = 0; i < 200; i++)
			goro_go(fn, done);
		for (int i = 0; i < 20; i++)
			goro_sleep(10000);
		goro_maxprocs(1);
		for (int i = 0; i < 200; i++)
			goro_chan_recv(done, NULL);
		goro_chan_unref(done);
	}
	return 0;
}

static int
runnable_on_all_workers(void *arg)
{
	(void)arg;
	return turn_off_workers_of(send_one);
}

static int
asleep_on_all_workers(void *arg)
{
	(void)arg;
	return turn_off_workers_of(sleep_then_send_one);
}

static void
work_of_workers_that_are_turned_off_goes_on(void **state)
{
	(void)state;
	t_run_procs("8", runnable_on_all_workers, NULL);
}

static void
timers_of_workers_that_are_turned_off_go_on(void **state)
{
	(void)state;
	t_run_procs("8", asleep_on_all_workers, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_workers_use_no_cpu),
		cmocka_unit_test(maxprocs_changes_while_goroutines_run),
		cmocka_unit_test(maxprocs_1_means_one_at_a_time),
		cmocka_unit_test(maxprocs_has_a_limit),
		cmocka_unit_test(work_of_workers_that_are_turned_off_goes_on),
		cmocka_unit_test(timers_of_workers_that_are_turned_off_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
