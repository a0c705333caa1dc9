// SPDX-License-Identifier: MIT
/*
 * test_preempt.c - a goroutine that does not let go, and what stops it
 */
#include <goro/goro.h>
#include <pthread.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#include "san.h"
#include "test.h"

static volatile int stop;
static long turns;

static void
spin(void *arg)
{
	(void)arg;
	while (!stop)
		;
}

static void
reset(void)
{
	stop = 0;
	turns = 0;
}

/* Main sleeps 20 times; with one worker it comes back only by preemption. */
static int
sleep_beside_spinners(void *arg)
{
	goro_maxprocs(1);
	for (long i = 0; i < (long)arg; i++)
		goro_go(spin, NULL);
	for (int i = 0; i < 20; i++)
		goro_sleep(1000000);
	stop = 1;
	return 7;
}

static void
spinners_do_not_keep_a_sleeper_from_running(void **state)
{
	(void)state;
	reset();
	assert_int_equal(goro_run(sleep_beside_spinners, (void *)3l), 7);
}

static void
take_turns(void *arg)
{
	(void)arg;
	while (!stop) {
		__atomic_add_fetch(&turns, 1, __ATOMIC_RELAXED);
		goro_yield();
	}
}

static int
yield_beside_a_spinner(void *arg)
{
	(void)arg;
	goro_maxprocs(1);
	goro_go(take_turns, NULL);
	goro_go(spin, NULL);
	while (__atomic_load_n(&turns, __ATOMIC_RELAXED) < 20)
		goro_yield();
	stop = 1;
	return 0;
}

static void
a_spinner_gets_and_gives_up_its_turn(void **state)
{
	(void)state;
	reset();
	assert_int_equal(goro_run(yield_beside_a_spinner, NULL), 0);
}

/* A section without preemption lasts as long as it likes. */
static int
hold_on(void *arg)
{
	int64_t until_ns = goro_now() + 50000000;

	(void)arg;
	goro_maxprocs(1);
	goro_go(take_turns, NULL);
	goro_preempt_off();
	goro_preempt_off();
	goro_preempt_on();
	while (goro_now() < until_ns)
		;
	T_CHECK(turns == 0);
	goro_preempt_on();
	while (__atomic_load_n(&turns, __ATOMIC_RELAXED) == 0)
		; /* only preemption ends this */
	stop = 1;
	return 0;
}

static void
preempt_off_holds_until_the_last_preempt_on(void **state)
{
	(void)state;
	reset();
	assert_int_equal(goro_run(hold_on, NULL), 0);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void
hog_mutex(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20; i++) {
		int64_t until_ns = goro_now() + 15000000;

		pthread_mutex_lock(&mutex);
		while (goro_now() < until_ns)
			;
		pthread_mutex_unlock(&mutex);
	}
	turns++;
}

static int
two_hogs(void *arg)
{
	(void)arg;
	goro_maxprocs(1);
	goro_go(hog_mutex, NULL);
	goro_go(hog_mutex, NULL);
	while (__atomic_load_n(&turns, __ATOMIC_RELAXED) < 2)
		goro_sleep(1000000);
	return 0;
}

static void
a_holder_of_a_pthread_mutex_is_not_preempted(void **state)
{
	(void)state;
	reset();
	/* It would block the only thread on its own mutex. */
	assert_int_equal(goro_run(two_hogs, NULL), 0);
}

static volatile int alarms;

static void
on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static int
spin_under_alarms(void *arg)
{
	struct itimerval each_ms = { { 0, 1000 }, { 0, 1000 } }, off = { 0 };

	setitimer(ITIMER_REAL, &each_ms, NULL);
	sleep_beside_spinners(arg);
	setitimer(ITIMER_REAL, &off, NULL);
	return 0;
}

static void
the_program_s_own_signals_arrive_meanwhile(void **state)
{
	(void)state;
	reset();
	alarms = 0;
	signal(SIGALRM, on_alarm);
	assert_int_equal(goro_run(spin_under_alarms, (void *)2l), 0);
	signal(SIGALRM, SIG_DFL);
	assert_true(alarms > 0);
}

/*
 * Calls that block the thread, without a blocking section, while others wait
 * for the P: each for longer than a share. A signal that is on its way to who
 * ran before may meet one of them; all that come while they sleep, all would.
 */
static int
block_the_thread(void *arg)
{
	int interrupted = 0;

	(void)arg;
	goro_maxprocs(1);
	for (int i = 0; i < 3; i++)
		goro_go(take_turns, NULL);
	for (int i = 0; i < 10; i++) {
		struct timespec t = { .tv_nsec = 25000000 };

		interrupted += nanosleep(&t, NULL) != 0;
		interrupted += poll(NULL, 0, 25) != 0;
		goro_yield();
	}
	T_CHECK(interrupted <= 5); /* of 20 */
	stop = 1;
	return 0;
}

static void
a_thread_that_sleeps_is_not_interrupted(void **state)
{
	(void)state;
	reset();
	assert_int_equal(goro_run(block_the_thread, NULL), 0);
}

static void
sigurg_is_the_program_s_again_afterwards(void **state)
{
	struct sigaction now;

	(void)state;
	reset();
	assert_int_equal(goro_run(sleep_beside_spinners, NULL), 7);
	sigaction(SIGURG, NULL, &now);
	assert_ptr_equal(now.sa_handler, SIG_DFL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spinners_do_not_keep_a_sleeper_from_running),
		cmocka_unit_test(a_spinner_gets_and_gives_up_its_turn),
		cmocka_unit_test(preempt_off_holds_until_the_last_preempt_on),
		cmocka_unit_test(a_holder_of_a_pthread_mutex_is_not_preempted),
		cmocka_unit_test(the_program_s_own_signals_arrive_meanwhile),
		cmocka_unit_test(a_thread_that_sleeps_is_not_interrupted),
		cmocka_unit_test(sigurg_is_the_program_s_again_afterwards),
	};

#if defined(GR_ASAN) || defined(GR_TSAN)
	return 77; /* nothing is preempted there: docs/PREEMPTION.md */
#endif
	return cmocka_run_group_tests(tests, NULL, NULL);
}
