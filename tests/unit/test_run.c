// SPDX-License-Identifier: MIT
/*
 * test_run.c - a run of goroutines: its start, its end, what it leaves
 */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chan.h"
#include "goro/goro.h"

static struct t_child child;

static int
return_arg(void *arg)
{
	return (int)(intptr_t)arg;
}

static void
run_returns_what_main_returned(void **state)
{
	(void)state;
	assert_int_equal(goro_run(return_arg, (void *)0), 0);
	assert_int_equal(goro_run(return_arg, (void *)42), 42);
	assert_int_equal(goro_run(return_arg, (void *)-7), -7);
}

static void *
run_on_thread(void *arg)
{
	*(int *)arg = goro_run(return_arg, NULL);
	return NULL;
}

T_GORO(run_during_a_run_is_busy)
{
	pthread_t thread;
	int result = 0;

	T_CHECK_EQ(goro_run(return_arg, NULL), -EBUSY);
	T_CHECK_EQ(pthread_create(&thread, NULL, run_on_thread, &result), 0);
	pthread_join(thread, NULL);
	T_CHECK_EQ(result, -EBUSY);
}

static struct goro_chan *pair[2];

static void
select_both(void *arg)
{
	struct goro_case cases[] = { GORO_RECV(pair[0], NULL),
				     GORO_RECV(pair[1], NULL) };

	(void)arg;
	goro_select(cases, 2);
}

/* All are woken, and most do not get to run before the end. */
static int
wake_selects_and_end(void *arg)
{
	int64_t until_ns = goro_now() + 20000000;

	for (int i = 0; i < 300; i++)
		goro_go(select_both, NULL);
	while (goro_now() < until_ns)
		goro_yield();
	goro_chan_close(pair[0]);
	return return_arg(arg);
}

static int
try_send_second(void *arg)
{
	(void)arg;
	return goro_chan_try_send(pair[1], NULL);
}

static void
woken_selects_leave_all_queues_at_the_end(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		pair[i] = goro_chan_create(0, 0);
	assert_int_equal(goro_run(wake_selects_and_end, NULL), 0);
	assert_int_equal(goro_run(try_send_second, NULL), -EAGAIN);
	for (int i = 0; i < 2; i++)
		goro_chan_unref(pair[i]);
}

static void
send_nth(void *arg)
{
	goro_chan_send(arg, &(int){ 1 });
}

static int
spawn_ten_and_wait(void *arg)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 0);
	int sum = 0, n;

	(void)arg;
	for (int i = 0; i < 10; i++)
		T_CHECK(goro_go(send_nth, ch));
	for (int i = 0; i < 10; i++) {
		T_CHECK(goro_chan_recv(ch, &n));
		sum += n;
	}
	goro_chan_unref(ch);
	return sum;
}

static void
run_can_follow_run_many_times(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++)
		assert_int_equal(goro_run(spawn_ten_and_wait, NULL), 10);
}

/* --- Goroutines that are left over ---------------------------------------- */

static struct goro_chan *unbuffered, *full, *quiet;

static void
wait_to_receive(void *arg)
{
	(void)arg;
	goro_chan_recv(unbuffered, NULL);
	abort();
}

static void
wait_to_send(void *arg)
{
	(void)arg;
	goro_chan_send(full, &(int){ 2 });
	abort();
}

static void
wait_in_select(void *arg)
{
	struct goro_case cases[] = {
		GORO_RECV(unbuffered, NULL),
		GORO_RECV(quiet, NULL),
		GORO_SEND(full, &(int){ 3 }),
	};

	(void)arg;
	goro_select(cases, 3);
	abort();
}

static void
wait_until(void *arg)
{
	(void)arg;
	goro_chan_recv_until(unbuffered, NULL, goro_now() + 3600000000000);
	abort();
}

static void
sleep_long(void *arg)
{
	(void)arg;
	goro_sleep(3600000000000);
	abort();
}

static unsigned
waiters(struct gr_waitq *q, struct goro_chan *ch)
{
	unsigned n = 0;

	gr_lock(&ch->lock);
	for (struct gr_waiter *w = q->first; w; w = w->next)
		n++;
	gr_unlock(&ch->lock);
	return n;
}

static int
leave_some_waiting(void *arg)
{
	(void)arg;
	goro_chan_send(full, &(int){ 1 });
	goro_go(wait_to_receive, NULL);
	goro_go(wait_to_send, NULL);
	goro_go(wait_in_select, NULL);
	goro_go(wait_until, NULL);
	goro_go(sleep_long, NULL);
	T_EVENTUALLY(waiters(&unbuffered->recvq, unbuffered) == 3);
	T_EVENTUALLY(waiters(&full->sendq, full) == 2);
	return 0;
}

static int
use_the_same_channels(void *arg)
{
	int n;

	(void)arg;
	T_CHECK_EQ(goro_count(), 1);
	T_CHECK_EQ(goro_chan_try_send(unbuffered, &n), -EAGAIN);
	T_CHECK_EQ(goro_chan_try_recv(full, &n), 0);
	T_CHECK_EQ(n, 1);
	T_CHECK_EQ(goro_chan_try_recv(full, &n), -EAGAIN);
	goro_go(send_nth, unbuffered);
	T_CHECK(goro_chan_recv(unbuffered, &n));
	T_CHECK_EQ(n, 1);
	return 0;
}

static void
goroutines_left_over_are_gone_in_the_next_run(void **state)
{
	(void)state;
	unbuffered = goro_chan_create(sizeof(int), 0);
	quiet = goro_chan_create(sizeof(int), 0);
	full = goro_chan_create(sizeof(int), 1);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(goro_run(leave_some_waiting, NULL), 0);
		assert_int_equal(goro_run(use_the_same_channels, NULL), 0);
	}
	goro_chan_unref(unbuffered);
	goro_chan_unref(quiet);
	goro_chan_unref(full);
}

static atomic_bool spinning, let_go;

static void
spin(void *arg)
{
	(void)arg;
	goro_preempt_off(); /* or the end of the run would stop it */
	spinning = true;
	while (!let_go)
		;
	goro_preempt_on();
}

static int
leave_one_spinning(void *arg)
{
	(void)arg;
	goro_go(spin, NULL);
	T_EVENTUALLY(spinning);
	return 3;
}

static void
run_beside_a_spinner(void)
{
	setenv("GOROMAXPROCS", "2", 1);
	T_CHECK_EQ(goro_run(leave_one_spinning, NULL), 3);
	T_CHECK_EQ(goro_run(return_arg, (void *)4), -EBUSY);
	let_go = true;
	T_EVENTUALLY(goro_run(return_arg, (void *)4) == 4);
}

static void
a_goroutine_that_does_not_let_go_keeps_others_from_running(void **state)
{
	(void)state;
	t_child_run(&child, run_beside_a_spinner);
	assert_int_equal(child.status, 0);
}

/* --- Ending --------------------------------------------------------------- */

static void
exit_deep_inside(struct goro_chan *done)
{
	goro_chan_send(done, &(int){ 1 });
	goro_exit();
}

static atomic_bool returned;

static void
call_what_exits(void *arg)
{
	exit_deep_inside(arg);
	returned = true;
}

T_GORO(exit_ends_the_caller_and_nothing_else)
{
	struct goro_chan *done = goro_chan_create(sizeof(int), 0);

	goro_go(call_what_exits, done);
	T_CHECK(goro_chan_recv(done, NULL));
	T_EVENTUALLY(goro_count() == 1);
	T_CHECK(!returned);
	goro_chan_unref(done);
}

static void
exit_3_later(void *arg)
{
	(void)arg;
	for (int i = 0; i < 100; i++)
		goro_yield();
	goro_sleep(1000000);
	_exit(3);
}

static int
exit_in_main(void *arg)
{
	(void)arg;
	goro_go(exit_3_later, NULL);
	goro_exit();
}

static void
run_exit_in_main(void)
{
	goro_run(exit_in_main, NULL);
}

static void
exit_in_main_lets_the_others_go_on(void **state)
{
	(void)state;
	t_child_run(&child, run_exit_in_main);
	assert_int_equal(child.status, 3);
}

static int
panic_now(void *arg)
{
	(void)arg;
	goro_panic("seven is %d", 7);
}

static void
run_panic(void)
{
	goro_run(panic_now, NULL);
}

static void
panic_says_why_and_exits_with_2(void **state)
{
	(void)state;
	t_child_run(&child, run_panic);
	assert_int_equal(child.status, 2);
	assert_ptr_equal(strstr(child.out, "panic: seven is 7\n"), child.out);
}

static void
go_outside(void)
{
	goro_go(send_nth, NULL);
}

static void
go_outside_a_goroutine_panics(void **state)
{
	(void)state;
	t_child_run(&child, go_outside);
	assert_int_equal(child.status, 2);
	assert_non_null(strstr(child.out, "outside a goroutine"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(run_returns_what_main_returned),
		cmocka_unit_test(woken_selects_leave_all_queues_at_the_end),
		cmocka_unit_test(run_during_a_run_is_busy),
		cmocka_unit_test(run_can_follow_run_many_times),
		cmocka_unit_test(goroutines_left_over_are_gone_in_the_next_run),
		cmocka_unit_test(
			a_goroutine_that_does_not_let_go_keeps_others_from_running),
		cmocka_unit_test(exit_ends_the_caller_and_nothing_else),
		cmocka_unit_test(exit_in_main_lets_the_others_go_on),
		cmocka_unit_test(panic_says_why_and_exits_with_2),
		cmocka_unit_test(go_outside_a_goroutine_panics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
