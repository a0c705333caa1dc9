// SPDX-License-Identifier: MIT
/*
 * test_time.c - after, timers, func timers and tickers, one at a time
 *
 * Nothing here fires early, and what is to come comes; how late is for the
 * benchmarks. A timer that must not fire is an hour long.
 */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "chan.h"
#include "goro/goro.h"

#define MS INT64_C(1000000)
#define HOUR (3600 * 1000 * MS)

static struct t_child child;

/* Timers that the P have armed. */
static uint32_t
armed(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < gr_procs_ever; i++) {
		gr_lock(&gr_procs[i]->timers.lock);
		n += gr_procs[i]->timers.n;
		gr_unlock(&gr_procs[i]->timers.lock);
	}
	return n;
}

/* Receive an instant that is not before @from_ns, nor in the future. */
static int64_t
recv_after(struct goro_chan *ch, int64_t from_ns)
{
	int64_t at_ns = 0;

	T_CHECK(goro_chan_recv(ch, &at_ns));
	T_CHECK(at_ns >= from_ns);
	T_CHECK(at_ns <= goro_now());
	return at_ns;
}

static bool
nothing_comes(struct goro_chan *ch)
{
	return goro_chan_recv_until(ch, NULL, goro_now() + 2 * MS) ==
	       -ETIMEDOUT;
}

T_GORO(after_gives_the_instant_once)
{
	int64_t start_ns = goro_now();
	struct goro_chan *ch = goro_after(3 * MS);

	recv_after(ch, start_ns + 3 * MS);
	T_CHECK(nothing_comes(ch));
	goro_chan_unref(ch);
}

T_GORO(after_no_time_at_all_comes_at_once)
{
	int64_t start_ns = goro_now();
	struct goro_chan *now = goro_after(0), *past = goro_after(-HOUR);

	recv_after(past, start_ns);
	recv_after(now, start_ns);
	goro_chan_unref(now);
	goro_chan_unref(past);
}

T_GORO(after_for_ever_never_comes)
{
	struct goro_chan *ch = goro_after(INT64_MAX);

	T_CHECK(nothing_comes(ch));
	goro_chan_unref(ch);
	T_CHECK_EQ(armed(), 0);
}

T_GORO(unref_of_after_cancels_it)
{
	struct goro_chan *ch = goro_after(HOUR);

	T_CHECK_EQ(armed(), 1);
	goro_chan_unref(goro_chan_ref(ch));
	T_CHECK_EQ(armed(), 1);
	goro_chan_unref(ch);
	T_CHECK_EQ(armed(), 0);
}

T_GORO(after_is_a_timeout_in_select)
{
	struct goro_chan *never = goro_chan_create(0, 0);
	struct goro_chan *timeout = goro_after(2 * MS);
	struct goro_case cases[] = {
		GORO_RECV(never, NULL),
		GORO_RECV(timeout, NULL),
	};

	T_CHECK_EQ(goro_select(cases, 2), 1);
	T_CHECK(cases[1].ok);
	goro_chan_unref(never);
	goro_chan_unref(timeout);
}

T_GORO(timer_channel_looks_unbuffered)
{
	struct goro_timer *t = goro_timer_create(0);
	struct goro_chan *ch = goro_timer_chan(t);

	T_CHECK_EQ(goro_chan_cap(ch), 0);
	goro_sleep(2 * MS);
	T_CHECK_EQ(goro_chan_len(ch), 0);
	goro_timer_destroy(t);
}

static __attribute__((noinline)) struct goro_timer *
create_here(void)
{
	struct goro_timer *t = goro_timer_create(HOUR);

	__asm__ volatile("" : : "r"(t)); /* no tail call */
	return t;
}

T_GORO(timer_channel_is_known_and_so_is_who_made_it)
{
	struct goro_timer *t = create_here();
	struct goro_chan *ch = goro_timer_chan(t), *other = goro_after(HOUR);
	uint64_t here = (uintptr_t)create_here;

	T_CHECK_EQ(ch->kind, GORO_ABI_CHAN_TIMER);
	T_CHECK_EQ(other->kind, GORO_ABI_CHAN_TIMER);
	T_CHECK_EQ(ch->creator_id, goro_self());
	T_CHECK(ch->creator_pc > here && ch->creator_pc < here + 1000);
	goro_chan_unref(other);
	goro_timer_destroy(t);
}

T_GORO(stop_keeps_a_timer_from_firing)
{
	struct goro_timer *t = goro_timer_create(HOUR);

	T_CHECK(goro_timer_stop(t));
	T_CHECK_EQ(armed(), 0);
	T_CHECK(!goro_timer_stop(t));
	goro_timer_destroy(t);
}

T_GORO(stop_after_the_value_was_received_is_too_late)
{
	struct goro_timer *t = goro_timer_create(0);

	goro_chan_recv(goro_timer_chan(t), NULL);
	T_CHECK(!goro_timer_stop(t));
	goro_timer_destroy(t);
}

/* As in Go 1.23: nobody has seen it fire. */
T_GORO(stop_takes_back_a_value_that_nobody_received)
{
	struct goro_timer *t = goro_timer_create(0);

	T_EVENTUALLY(armed() == 0);
	T_CHECK(goro_timer_stop(t));
	T_CHECK_EQ(goro_chan_try_recv(goro_timer_chan(t), NULL), -EAGAIN);
	T_CHECK(nothing_comes(goro_timer_chan(t)));
	goro_timer_destroy(t);
}

T_GORO(reset_makes_it_sooner)
{
	struct goro_timer *t = goro_timer_create(HOUR);
	int64_t start_ns = goro_now();

	T_CHECK(goro_timer_reset(t, 2 * MS));
	recv_after(goro_timer_chan(t), start_ns + 2 * MS);
	goro_timer_destroy(t);
}

T_GORO(reset_makes_it_later)
{
	struct goro_timer *t = goro_timer_create(5 * MS);
	int64_t start_ns = goro_now();

	T_CHECK(goro_timer_reset(t, 20 * MS));
	recv_after(goro_timer_chan(t), start_ns + 20 * MS);
	goro_timer_destroy(t);
}

T_GORO(reset_after_firing_starts_it_anew)
{
	struct goro_timer *t = goro_timer_create(0);
	int64_t start_ns;

	for (int i = 0; i < 5; i++) {
		goro_chan_recv(goro_timer_chan(t), NULL);
		start_ns = goro_now();
		T_CHECK(!goro_timer_reset(t, MS));
	}
	recv_after(goro_timer_chan(t), start_ns + MS);
	goro_timer_destroy(t);
}

T_GORO(reset_drops_a_value_that_nobody_received)
{
	struct goro_timer *t = goro_timer_create(0);
	int64_t start_ns;

	T_EVENTUALLY(armed() == 0);
	start_ns = goro_now();
	T_CHECK(goro_timer_reset(t, 2 * MS));
	recv_after(goro_timer_chan(t), start_ns + 2 * MS);
	goro_timer_destroy(t);
}

T_GORO(channel_outlives_its_timer)
{
	struct goro_timer *t = goro_timer_create(0);
	struct goro_chan *ch = goro_chan_ref(goro_timer_chan(t));

	goro_timer_destroy(t);
	T_CHECK(nothing_comes(ch));
	goro_chan_unref(ch);
	goro_timer_destroy(NULL);
}

struct call {
	struct goro_timer *t;
	struct goro_chan *done;
	int calls, reset;
	uint64_t id;
};

static void
note_call(void *arg)
{
	struct call *c = arg;

	c->id = goro_self();
	c->calls++;
	if (c->calls <= c->reset)
		T_CHECK(!goro_timer_reset(c->t, MS));
	else
		goro_chan_send(c->done, NULL);
}

T_GORO(func_timer_calls_in_another_goroutine)
{
	struct call c = { .done = goro_chan_create(0, 0) };

	c.t = goro_timer_create_func(MS, note_call, &c);
	T_CHECK(goro_timer_chan(c.t) == NULL);
	goro_chan_recv(c.done, NULL);
	T_CHECK_EQ(c.calls, 1);
	T_CHECK(c.id != goro_self());
	T_CHECK(!goro_timer_stop(c.t));
	goro_timer_destroy(c.t);
	goro_chan_unref(c.done);
}

T_GORO(func_timer_may_be_reset_by_its_function)
{
	struct call c = { .done = goro_chan_create(0, 0), .reset = 5 };

	c.t = goro_timer_create_func(HOUR, note_call, &c);
	goro_timer_reset(c.t, 0); /* now it knows its timer */
	goro_chan_recv(c.done, NULL);
	T_CHECK_EQ(c.calls, 6);
	goro_timer_destroy(c.t);
	goro_chan_unref(c.done);
}

static void
destroy_own_timer(void *arg)
{
	struct call *c = arg;

	goro_timer_destroy(c->t);
	goro_chan_send(c->done, NULL);
}

T_GORO(func_timer_may_be_destroyed_by_its_function)
{
	struct call c = { .done = goro_chan_create(0, 0) };

	c.t = goro_timer_create_func(HOUR, destroy_own_timer, &c);
	goro_timer_reset(c.t, MS);
	goro_chan_recv(c.done, NULL);
	goro_chan_unref(c.done);
}

T_GORO(func_timer_that_is_stopped_does_not_call)
{
	struct call c = { 0 };

	c.t = goro_timer_create_func(HOUR, note_call, &c);
	T_CHECK(goro_timer_stop(c.t));
	T_CHECK(!goro_timer_stop(c.t));
	T_CHECK(!goro_timer_reset(c.t, HOUR));
	T_CHECK(goro_timer_reset(c.t, HOUR));
	goro_timer_destroy(c.t);
	T_CHECK_EQ(armed(), 0);
	T_CHECK_EQ(c.calls, 0);
}

T_GORO(ticker_comes_in_whole_periods)
{
	int64_t start_ns = goro_now(), at_ns, last_ns;
	struct goro_timer *t = goro_ticker_create(2 * MS);

	last_ns = recv_after(goro_timer_chan(t), start_ns + 2 * MS);
	for (int i = 0; i < 10; i++) {
		at_ns = recv_after(goro_timer_chan(t), last_ns + 2 * MS);
		T_CHECK_EQ((at_ns - last_ns) % (2 * MS), 0);
		last_ns = at_ns;
	}
	goro_timer_destroy(t);
}

T_GORO(ticker_drops_what_a_slow_receiver_misses)
{
	struct goro_timer *t = goro_ticker_create(MS);
	struct goro_chan *ch = goro_timer_chan(t);
	int64_t first_ns, second_ns;

	/* The first that it missed is there, the others are not. */
	do {
		goro_sleep(5 * MS);
		goro_chan_recv(ch, &first_ns);
		goro_chan_recv(ch, &second_ns);
		T_CHECK(second_ns > first_ns);
	} while (second_ns == first_ns + MS);
	goro_timer_destroy(t);
}

T_GORO(ticker_stops)
{
	struct goro_timer *t = goro_ticker_create(MS);

	goro_chan_recv(goro_timer_chan(t), NULL);
	T_CHECK(goro_timer_stop(t));
	T_CHECK(!goro_timer_stop(t));
	T_CHECK(nothing_comes(goro_timer_chan(t)));
	goro_timer_destroy(t);
}

T_GORO(ticker_reset_changes_the_period)
{
	struct goro_timer *t = goro_ticker_create(HOUR);
	int64_t start_ns = goro_now(), first_ns, second_ns;

	T_CHECK(goro_timer_reset(t, 3 * MS));
	first_ns = recv_after(goro_timer_chan(t), start_ns + 3 * MS);
	second_ns = recv_after(goro_timer_chan(t), first_ns + 3 * MS);
	T_CHECK_EQ((second_ns - first_ns) % (3 * MS), 0);
	T_CHECK(goro_timer_stop(t));
	T_CHECK(!goro_timer_reset(t, MS));
	goro_chan_recv(goro_timer_chan(t), NULL);
	goro_timer_destroy(t);
}

T_GORO(ticker_of_the_longest_period_never_ticks)
{
	struct goro_timer *t = goro_ticker_create(INT64_MAX);

	T_CHECK(nothing_comes(goro_timer_chan(t)));
	goro_timer_destroy(t);
}

T_GORO(ticker_without_a_period_is_refused)
{
	T_CHECK(goro_ticker_create(0) == NULL);
	T_CHECK(goro_ticker_create(-1) == NULL);
}

static int
reset_ticker_to_0(void *arg)
{
	(void)arg;
	goro_timer_reset(goro_ticker_create(HOUR), 0);
	return 0;
}

static void
run_reset_ticker_to_0(void)
{
	goro_run(reset_ticker_to_0, NULL);
}

static int
start_timer_of_nothing(void *arg)
{
	(void)arg;
	goro_timer_create_func(0, NULL, NULL);
	goro_sleep(HOUR);
	return 0;
}

static void
run_timer_of_nothing(void)
{
	goro_run(start_timer_of_nothing, NULL);
}

static void
func_timer_without_a_function_is_fatal(void **state)
{
	(void)state;
	t_child_run(&child, run_timer_of_nothing);
	assert_int_equal(child.status, 2);
	assert_non_null(strstr(child.out, "fatal error: go of nil func value"));
}

static void
ticker_reset_to_no_period_panics(void **state)
{
	(void)state;
	t_child_run(&child, run_reset_ticker_to_0);
	assert_int_equal(child.status, 2);
	assert_non_null(strstr(child.out, "panic: non-positive interval for "
					  "Ticker.Reset"));
}

static int
wait_for_a_stopped_timer(void *arg)
{
	struct goro_timer *t = goro_timer_create(HOUR);

	(void)arg;
	goro_timer_stop(t);
	goro_chan_recv(goro_timer_chan(t), NULL);
	return 0;
}

static void
run_wait_for_a_stopped_timer(void)
{
	goro_run(wait_for_a_stopped_timer, NULL);
}

static void
waiting_for_a_stopped_timer_is_a_deadlock(void **state)
{
	(void)state;
	t_child_run(&child, run_wait_for_a_stopped_timer);
	assert_int_equal(child.status, 2);
	assert_non_null(strstr(child.out, "all goroutines are asleep"));
}

/* No scheduler runs while a goroutine polls and the others' P are off. */
T_GORO(polling_sees_a_timer_that_is_due)
{
	struct goro_chan *ch = goro_after(2 * MS), *other = goro_after(2 * MS);
	struct goro_case c = GORO_RECV(other, NULL);
	int procs = goro_maxprocs(1);
	int64_t start_ns = goro_now();

	while (goro_chan_try_recv(ch, NULL) == -EAGAIN)
		T_CHECK(goro_now() < start_ns + HOUR);
	while (goro_try_select(&c, 1) == -EAGAIN)
		T_CHECK(goro_now() < start_ns + HOUR);
	goro_chan_unref(ch);
	goro_chan_unref(other);
	goro_maxprocs(procs);
}

static struct {
	struct goro_timer *timer, *func, *ticker;
	struct goro_chan *after;
} left;

static int
leave_timers(void *arg)
{
	(void)arg;
	left.timer = goro_timer_create(HOUR);
	left.func = goro_timer_create_func(HOUR, note_call, NULL);
	left.ticker = goro_ticker_create(HOUR);
	left.after = goro_after(HOUR);
	return 0;
}

static int
use_left_timers(void *arg)
{
	int64_t start_ns = goro_now();

	(void)arg;
	T_CHECK(!goro_timer_reset(left.timer, MS));
	recv_after(goro_timer_chan(left.timer), start_ns + MS);
	T_CHECK(!goro_timer_reset(left.ticker, HOUR));
	T_CHECK(goro_timer_stop(left.ticker));
	return 0;
}

static void
timers_outlive_the_run(void **state)
{
	(void)state;
	assert_int_equal(goro_run(leave_timers, NULL), 0);
	assert_false(goro_timer_stop(left.timer));
	assert_int_equal(goro_chan_try_recv(left.after, NULL), -EAGAIN);
	assert_int_equal(goro_run(use_left_timers, NULL), 0);
	goro_timer_destroy(left.timer);
	goro_timer_destroy(left.func);
	goro_timer_destroy(left.ticker);
	goro_chan_unref(left.after);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_gives_the_instant_once),
		cmocka_unit_test(after_no_time_at_all_comes_at_once),
		cmocka_unit_test(after_for_ever_never_comes),
		cmocka_unit_test(unref_of_after_cancels_it),
		cmocka_unit_test(after_is_a_timeout_in_select),
		cmocka_unit_test(timer_channel_looks_unbuffered),
		cmocka_unit_test(timer_channel_is_known_and_so_is_who_made_it),
		cmocka_unit_test(stop_keeps_a_timer_from_firing),
		cmocka_unit_test(stop_after_the_value_was_received_is_too_late),
		cmocka_unit_test(stop_takes_back_a_value_that_nobody_received),
		cmocka_unit_test(reset_makes_it_sooner),
		cmocka_unit_test(reset_makes_it_later),
		cmocka_unit_test(reset_after_firing_starts_it_anew),
		cmocka_unit_test(reset_drops_a_value_that_nobody_received),
		cmocka_unit_test(channel_outlives_its_timer),
		cmocka_unit_test(func_timer_calls_in_another_goroutine),
		cmocka_unit_test(func_timer_may_be_reset_by_its_function),
		cmocka_unit_test(func_timer_may_be_destroyed_by_its_function),
		cmocka_unit_test(func_timer_that_is_stopped_does_not_call),
		cmocka_unit_test(ticker_comes_in_whole_periods),
		cmocka_unit_test(ticker_drops_what_a_slow_receiver_misses),
		cmocka_unit_test(ticker_stops),
		cmocka_unit_test(ticker_reset_changes_the_period),
		cmocka_unit_test(ticker_of_the_longest_period_never_ticks),
		cmocka_unit_test(ticker_without_a_period_is_refused),
		cmocka_unit_test(func_timer_without_a_function_is_fatal),
		cmocka_unit_test(ticker_reset_to_no_period_panics),
		cmocka_unit_test(waiting_for_a_stopped_timer_is_a_deadlock),
		cmocka_unit_test(polling_sees_a_timer_that_is_due),
		cmocka_unit_test(timers_outlive_the_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
