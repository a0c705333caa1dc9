// SPDX-License-Identifier: MIT
/*
 * test_select.c - the rules of select, one by one
 */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chan_queued.h"
#include "goro/goro.h"

/* --- Which one ------------------------------------------------------------ */

enum { DRAWS = 60000, WAYS = 4 };

/*
 * How far @counts are from all being the same: chi-square with WAYS - 1 = 3
 * degrees of freedom. Chance alone exceeds 60 once in 10^12 times.
 */
static void
check_uniform(const int *counts)
{
	double expected = (double)DRAWS / WAYS, sum = 0;

	for (int i = 0; i < WAYS; i++) {
		double off = counts[i] - expected;

		sum += off * off / expected;
	}
	if (sum >= 60)
		print_error("chi-square %.1f: %d %d %d %d\n", sum, counts[0],
			    counts[1], counts[2], counts[3]);
	T_CHECK(sum < 60);
}

/* Draw among channels that each hold an element, which is put back. */
static void
draw(int (*select)(struct goro_case *cases, int n))
{
	struct goro_chan *ch[WAYS];
	struct goro_case cases[WAYS];
	int counts[WAYS] = { 0 }, n;

	for (int i = 0; i < WAYS; i++) {
		ch[i] = goro_chan_create(sizeof(int), 1);
		goro_chan_try_send(ch[i], &i);
		cases[i] = GORO_RECV(ch[i], &n);
	}
	for (int i = 0; i < DRAWS; i++) {
		int chosen = select(cases, WAYS);

		T_CHECK(chosen >= 0 && chosen < WAYS);
		T_CHECK_EQ(n, chosen);
		T_CHECK(cases[chosen].ok);
		counts[chosen]++;
		T_CHECK_EQ(goro_chan_try_send(ch[chosen], &n), 0);
	}
	check_uniform(counts);
	for (int i = 0; i < WAYS; i++)
		goro_chan_unref(ch[i]);
}

T_GORO(choice_is_uniform)
{
	draw(goro_select);
	draw(goro_try_select);
}

static void
choice_is_uniform_outside_of_goroutines(void **state)
{
	(void)state;
	draw(goro_try_select);
}

T_GORO(choice_is_uniform_where_a_channel_stands_several_times)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 1);
	struct goro_case cases[WAYS];
	int counts[WAYS] = { 0 }, n = 0;

	goro_chan_send(ch, &n);
	for (int i = 0; i < WAYS; i++)
		cases[i] = GORO_RECV(ch, &n);
	for (int i = 0; i < DRAWS; i++) {
		counts[goro_select(cases, WAYS)]++;
		goro_chan_send(ch, &n);
	}
	check_uniform(counts);
	goro_chan_unref(ch);
}

static void
send_for_ever(void *ch)
{
	for (int n = 0;; n++)
		goro_chan_send(ch, &n);
}

/* Whether the sender waits by then or comes later. */
T_GORO(choice_is_uniform_where_a_channel_is_waited_for_several_times)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 0);
	struct goro_chan *other = goro_chan_create(sizeof(int), 0);
	struct goro_case cases[WAYS + 1];
	int counts[WAYS + 1] = { 0 };

	for (int i = 0; i < WAYS; i++)
		cases[i] = GORO_RECV(ch, NULL);
	cases[WAYS] = GORO_RECV(other, NULL);
	goro_go(send_for_ever, ch);
	for (int i = 0; i < DRAWS; i++)
		counts[goro_select(cases, WAYS + 1)]++;
	T_CHECK_EQ(counts[WAYS], 0);
	check_uniform(counts);
}

T_GORO(closed_channel_is_as_likely_as_any)
{
	struct goro_chan *closed = goro_chan_create(0, 0);
	struct goro_chan *full = goro_chan_create(0, 1);
	struct goro_chan *empty = goro_chan_create(0, 1);
	int counts[WAYS] = { 0 };

	goro_chan_close(closed);
	goro_chan_send(full, NULL);
	for (int i = 0; i < DRAWS; i++) {
		struct goro_case cases[WAYS] = {
			GORO_RECV(closed, NULL),
			GORO_RECV(full, NULL),
			GORO_RECV(closed, NULL),
			GORO_SEND(empty, NULL),
		};
		int chosen = goro_select(cases, WAYS);

		counts[chosen]++;
		if (chosen == 1)
			goro_chan_send(full, NULL);
		if (chosen == 3)
			goro_chan_recv(empty, NULL);
	}
	check_uniform(counts);
	goro_chan_unref(closed);
	goro_chan_unref(full);
	goro_chan_unref(empty);
}

/* --- What is done --------------------------------------------------------- */

T_GORO(only_the_chosen_case_is_done)
{
	struct goro_chan *empty = goro_chan_create(sizeof(int), 1);
	struct goro_chan *full = goro_chan_create(sizeof(int), 1);
	int in = 5, out = 6;

	goro_chan_send(full, &(int){ 7 });
	/* A receive of nothing and a send without room: only 2 can go on. */
	struct goro_case cases[] = {
		GORO_RECV(empty, &in),
		GORO_SEND(full, &out),
		GORO_SEND(empty, &out),
	};
	T_CHECK_EQ(goro_select(cases, 3), 2);
	T_CHECK_EQ(in, 5);
	T_CHECK_EQ(goro_chan_len(full), 1);
	T_CHECK_EQ(goro_chan_len(empty), 1);
	T_CHECK(goro_chan_recv(empty, &in));
	T_CHECK_EQ(in, 6);
	goro_chan_unref(empty);
	goro_chan_unref(full);
}

T_GORO(closed_channel_gives_zeroes_and_not_ok)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 1);
	int n = 5;
	struct goro_case c = GORO_RECV(ch, &n);

	goro_chan_send(ch, &(int){ 3 });
	goro_chan_close(ch);
	T_CHECK_EQ(goro_select(&c, 1), 0);
	T_CHECK(c.ok);
	T_CHECK_EQ(n, 3);
	for (int i = 0; i < 3; i++) {
		n = 5;
		c.ok = true;
		T_CHECK_EQ(goro_select(&c, 1), 0);
		T_CHECK(!c.ok);
		T_CHECK_EQ(n, 0);
	}
	goro_chan_unref(ch);
}

T_GORO(recv_into_null_drops_the_element)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 1);
	struct goro_case c = GORO_RECV(ch, NULL);

	goro_chan_send(ch, &(int){ 3 });
	T_CHECK_EQ(goro_select(&c, 1), 0);
	T_CHECK(c.ok);
	T_CHECK_EQ(goro_chan_len(ch), 0);
	goro_chan_unref(ch);
}

/* --- Nothing, NULL, default, until ---------------------------------------- */

T_GORO(null_is_never_chosen)
{
	struct goro_chan *ch = goro_chan_create(0, 1);
	int n;

	for (int i = 0; i < 1000; i++) {
		struct goro_case cases[] = {
			GORO_RECV(NULL, &n),
			GORO_SEND(ch, NULL),
			GORO_SEND(NULL, &n),
		};

		T_CHECK_EQ(goro_select(cases, 3), 1);
		goro_chan_recv(ch, NULL);
	}
	goro_chan_unref(ch);
}

static void
select_nothing(void *arg)
{
	(void)arg;
	goro_select(NULL, 0);
	abort();
}

static void
select_only_nulls(void *arg)
{
	int n;

	(void)arg;
	goro_select((struct goro_case[]){ GORO_RECV(NULL, &n),
					  GORO_SEND(NULL, &n) },
		    2);
	abort();
}

T_GORO(nothing_to_choose_from_waits_for_ever)
{
	goro_go(select_nothing, NULL);
	goro_go(select_only_nulls, NULL);
	for (int i = 0; i < 20; i++)
		goro_sleep(100000);
	T_CHECK_EQ(goro_count(), 3);
}

T_GORO(try_select_is_a_select_with_default)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 1);
	int n = 5;
	struct goro_case recv = GORO_RECV(ch, &n), send = GORO_SEND(ch, &n);

	T_CHECK_EQ(goro_try_select(NULL, 0), -EAGAIN);
	T_CHECK_EQ(goro_try_select(&recv, 1), -EAGAIN);
	T_CHECK_EQ(n, 5);
	T_CHECK_EQ(goro_try_select(&send, 1), 0);
	T_CHECK_EQ(goro_try_select(&send, 1), -EAGAIN);
	T_CHECK_EQ(goro_try_select(&recv, 1), 0);
	T_CHECK_EQ(n, 5);
	goro_chan_unref(ch);
}

T_GORO(until_gives_up_at_its_deadline_and_not_before)
{
	struct goro_chan *ch = goro_chan_create(0, 0);
	int64_t deadline_ns = goro_now() + 2000000;
	struct goro_case cases[] = {
		GORO_RECV(ch, NULL),
		GORO_SEND(ch, NULL),
		GORO_RECV(NULL, NULL),
	};

	T_CHECK_EQ(goro_select_until(cases, 3, deadline_ns), -ETIMEDOUT);
	T_CHECK(goro_now() >= deadline_ns);
	T_CHECK_EQ(RECEIVERS(ch) + SENDERS(ch), 0);

	deadline_ns = goro_now() + 2000000;
	T_CHECK_EQ(goro_select_until(&cases[2], 1, deadline_ns), -ETIMEDOUT);
	T_CHECK(goro_now() >= deadline_ns);
	T_CHECK_EQ(goro_select_until(NULL, 0, 0), -ETIMEDOUT);
	goro_chan_unref(ch);
}

T_GORO(until_tries_once_though_the_deadline_has_passed)
{
	struct goro_chan *ch = goro_chan_create(0, 1);
	struct goro_case recv = GORO_RECV(ch, NULL);

	T_CHECK_EQ(goro_select_until(&recv, 1, 0), -ETIMEDOUT);
	goro_chan_send(ch, NULL);
	T_CHECK_EQ(goro_select_until(&recv, 1, 0), 0);
	goro_chan_unref(ch);
}

/* --- Waiting -------------------------------------------------------------- */

struct waiter {
	struct goro_chan *a, *b, *done;
	int64_t deadline_ns; /* 0: goro_select() */
	int in, out, chosen;
	bool ok;
};

/* Wait to receive from a or to send to b. */
static void
wait_for_two(void *arg)
{
	struct waiter *w = arg;
	struct goro_case cases[] = {
		GORO_RECV(w->a, &w->in),
		GORO_SEND(w->b, &w->out),
	};

	w->chosen = w->deadline_ns ?
			    goro_select_until(cases, 2, w->deadline_ns) :
			    goro_select(cases, 2);
	w->ok = cases[0].ok;
	goro_chan_send(w->done, NULL);
}

static struct waiter *
start_waiter(int64_t deadline_ns)
{
	static struct waiter w;

	w = (struct waiter){
		.a = goro_chan_create(sizeof(int), 0),
		.b = goro_chan_create(sizeof(int), 0),
		.done = goro_chan_create(0, 0),
		.deadline_ns = deadline_ns,
		.in = -1,
		.out = 8,
		.chosen = -1,
	};
	goro_go(wait_for_two, &w);
	T_EVENTUALLY(RECEIVERS(w.a) == 1 && SENDERS(w.b) == 1);
	return &w;
}

/* It is over; the other case must be out of its queue. */
static void
end_waiter(struct waiter *w, int chosen)
{
	T_CHECK(goro_chan_recv(w->done, NULL));
	T_CHECK_EQ(w->chosen, chosen);
	T_CHECK_EQ(RECEIVERS(w->a) + SENDERS(w->b), 0);
	goro_chan_unref(w->a);
	goro_chan_unref(w->b);
	goro_chan_unref(w->done);
}

static void
wake_each_way(int64_t deadline_ns)
{
	struct waiter *w = start_waiter(deadline_ns);
	int n;

	goro_chan_send(w->a, &(int){ 4 });
	end_waiter(w, 0);
	T_CHECK_EQ(w->in, 4);
	T_CHECK(w->ok);

	w = start_waiter(deadline_ns);
	T_CHECK(goro_chan_recv(w->b, &n));
	end_waiter(w, 1);
	T_CHECK_EQ(n, 8);
	T_CHECK_EQ(w->in, -1);

	w = start_waiter(deadline_ns);
	goro_chan_close(w->a);
	end_waiter(w, 0);
	T_CHECK_EQ(w->in, 0);
	T_CHECK(!w->ok);
}

T_GORO(waiting_select_is_woken_by_any_of_its_channels)
{
	for (int i = 0; i < 50; i++) {
		wake_each_way(0);
		wake_each_way(GORO_FOREVER);
		wake_each_way(goro_now() + 3600000000000);
	}
}

T_GORO(waiting_select_takes_one_of_two_that_come_at_once)
{
	for (int i = 0; i < 200; i++) {
		struct waiter *w = start_waiter(0);
		int sent = goro_chan_try_send(w->a, &i), n;
		int received = goro_chan_try_recv(w->b, &n);

		T_CHECK_EQ(sent, 0);
		T_CHECK_EQ(received, -EAGAIN);
		end_waiter(w, 0);
		T_CHECK_EQ(w->in, i);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choice_is_uniform),
		cmocka_unit_test(choice_is_uniform_outside_of_goroutines),
		cmocka_unit_test(
			choice_is_uniform_where_a_channel_stands_several_times),
		cmocka_unit_test(
			choice_is_uniform_where_a_channel_is_waited_for_several_times),
		cmocka_unit_test(closed_channel_is_as_likely_as_any),
		cmocka_unit_test(only_the_chosen_case_is_done),
		cmocka_unit_test(closed_channel_gives_zeroes_and_not_ok),
		cmocka_unit_test(recv_into_null_drops_the_element),
		cmocka_unit_test(null_is_never_chosen),
		cmocka_unit_test(nothing_to_choose_from_waits_for_ever),
		cmocka_unit_test(try_select_is_a_select_with_default),
		cmocka_unit_test(until_gives_up_at_its_deadline_and_not_before),
		cmocka_unit_test(
			until_tries_once_though_the_deadline_has_passed),
		cmocka_unit_test(
			waiting_select_is_woken_by_any_of_its_channels),
		cmocka_unit_test(
			waiting_select_takes_one_of_two_that_come_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
