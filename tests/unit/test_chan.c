// SPDX-License-Identifier: MIT
/*
 * test_chan.c - the rules of a channel, one by one
 */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chan_queued.h"
#include "goro/goro.h"

/* What a goroutine is to do, and what came of it. */
struct op {
	struct goro_chan *ch;
	int value;
	bool ok, done;
};

static void
send_value(void *arg)
{
	struct op *op = arg;

	goro_chan_send(op->ch, &op->value);
	__atomic_store_n(&op->done, true, __ATOMIC_RELEASE);
}

static void
recv_value(void *arg)
{
	struct op *op = arg;

	op->ok = goro_chan_recv(op->ch, &op->value);
	__atomic_store_n(&op->done, true, __ATOMIC_RELEASE);
}

static bool
is_done(struct op *op)
{
	return __atomic_load_n(&op->done, __ATOMIC_ACQUIRE);
}

static void
wait_for(struct op *ops, int n)
{
	for (int i = 0; i < n; i++)
		T_EVENTUALLY(is_done(&ops[i]));
}

/* Start senders of 1, 2, ... that wait in this order. */
static void
queue_senders(struct goro_chan *ch, struct op *ops, int n)
{
	for (int i = 0; i < n; i++) {
		ops[i] = (struct op){ .ch = ch, .value = i + 1 };
		goro_go(send_value, &ops[i]);
		T_EVENTUALLY(SENDERS(ch) == i + 1);
	}
}

/* Start receivers that wait in this order. */
static void
queue_receivers(struct goro_chan *ch, struct op *ops, int n)
{
	for (int i = 0; i < n; i++) {
		ops[i] = (struct op){ .ch = ch, .value = -1 };
		goro_go(recv_value, &ops[i]);
		T_EVENTUALLY(RECEIVERS(ch) == i + 1);
	}
}

/* --- Order, hand-off, buffer ---------------------------------------------- */

T_GORO(unbuffered_send_waits_for_its_receiver)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 0);
	struct op op;
	int n;

	queue_senders(ch, &op, 1);
	for (int i = 0; i < 100; i++)
		goro_yield();
	T_CHECK(!is_done(&op));
	T_CHECK(goro_chan_recv(ch, &n));
	T_CHECK_EQ(n, 1);
	wait_for(&op, 1);
	goro_chan_unref(ch);
}

T_GORO(senders_are_served_in_the_order_of_their_arrival)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 0);
	struct op ops[10];
	int n;

	queue_senders(ch, ops, 10);
	for (int i = 1; i <= 10; i++) {
		T_CHECK(goro_chan_recv(ch, &n));
		T_CHECK_EQ(n, i);
	}
	wait_for(ops, 10);
	goro_chan_unref(ch);
}

T_GORO(receivers_are_served_in_the_order_of_their_arrival)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 4);
	struct op ops[10];

	queue_receivers(ch, ops, 10);
	for (int i = 0; i < 10; i++) {
		goro_chan_send(ch, &i);
		T_CHECK_EQ(goro_chan_len(ch), 0); /* past the buffer */
	}
	wait_for(ops, 10);
	for (int i = 0; i < 10; i++) {
		T_CHECK(ops[i].ok);
		T_CHECK_EQ(ops[i].value, i);
	}
	goro_chan_unref(ch);
}

T_GORO(buffer_keeps_order_round_and_round)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 7);
	int sent = 0, received = 0, n;

	/* Fill and drain by amounts that share no factor with 7. */
	for (int round = 0; round < 500; round++) {
		for (int i = 0; i < 5 && sent - received < 7; i++)
			goro_chan_send(ch, &(int){ sent++ });
		T_CHECK_EQ(goro_chan_len(ch), sent - received);
		for (int i = 0; i < 4; i++) {
			T_CHECK(goro_chan_recv(ch, &n));
			T_CHECK_EQ(n, received++);
		}
	}
	goro_chan_unref(ch);
}

T_GORO(sender_that_waits_follows_what_is_buffered)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 2);
	struct op ops[3];
	int n;

	goro_chan_send(ch, &(int){ -1 });
	goro_chan_send(ch, &(int){ 0 });
	queue_senders(ch, ops, 3);
	for (int i = -1; i <= 3; i++) {
		T_CHECK(goro_chan_recv(ch, &n));
		T_CHECK_EQ(n, i);
		T_CHECK_EQ(goro_chan_len(ch), i < 2 ? 2 : 3 - i);
	}
	wait_for(ops, 3);
	goro_chan_unref(ch);
}

T_GORO(len_and_cap_are_of_the_buffer)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 3);

	T_CHECK_EQ(goro_chan_cap(ch), 3);
	for (int i = 0; i < 3; i++) {
		T_CHECK_EQ(goro_chan_len(ch), i);
		goro_chan_send(ch, &i);
	}
	T_CHECK_EQ(goro_chan_len(ch), 3);
	T_CHECK_EQ(goro_chan_len(NULL), 0);
	T_CHECK_EQ(goro_chan_cap(NULL), 0);
	goro_chan_unref(ch);
}

/* --- Elements of every size ----------------------------------------------- */

static void
send_large(void *arg)
{
	struct goro_chan *ch = arg;
	unsigned char *elem = malloc(65536);

	for (int k = 0; k < 6; k++) {
		for (int i = 0; i < 65536; i++)
			elem[i] = i * 13 + i / 256 + k;
		goro_chan_send(ch, elem);
	}
	free(elem);
	goro_chan_close(ch);
}

static void
exchange_large(size_t capacity)
{
	struct goro_chan *ch = goro_chan_create(65536, capacity);
	unsigned char *elem = malloc(65536);
	int k = 0;

	goro_go(send_large, ch);
	for (; goro_chan_recv(ch, elem); k++)
		for (int i = 0; i < 65536; i++)
			T_CHECK_EQ(elem[i],
				   (unsigned char)(i * 13 + i / 256 + k));
	T_CHECK_EQ(k, 6);
	for (int i = 0; i < 65536; i++)
		T_CHECK_EQ(elem[i], 0); /* what a closed channel gives */
	free(elem);
	goro_chan_unref(ch);
}

T_GORO(elements_of_64_kib_arrive_whole)
{
	exchange_large(0);
	exchange_large(1);
	exchange_large(4);
}

T_GORO(elements_of_every_small_size_arrive_whole)
{
	for (size_t bytes = 1; bytes <= 40; bytes++) {
		struct goro_chan *ch = goro_chan_create(bytes, 3);
		unsigned char in[40], out[42];

		for (int k = 0; k < 10; k++) {
			memset(in, k + 1, sizeof(in));
			memset(out, 0xee, sizeof(out));
			goro_chan_send(ch, in);
			T_CHECK(goro_chan_recv(ch, out + 1));
			T_CHECK(!memcmp(out + 1, in, bytes));
			T_CHECK_EQ(out[0], 0xee);
			T_CHECK_EQ(out[bytes + 1], 0xee);
		}
		goro_chan_unref(ch);
	}
}

static void
send_three_nothings(void *arg)
{
	for (int i = 0; i < 3; i++)
		goro_chan_send(arg, NULL);
}

T_GORO(elements_of_no_size_are_counted)
{
	struct goro_chan *ch = goro_chan_create(0, 2);

	goro_chan_send(ch, NULL);
	goro_chan_send(ch, NULL);
	T_CHECK_EQ(goro_chan_len(ch), 2);
	T_CHECK_EQ(goro_chan_try_send(ch, NULL), -EAGAIN);
	goro_go(send_three_nothings, ch);
	for (int i = 0; i < 5; i++)
		T_CHECK(goro_chan_recv(ch, NULL));
	T_CHECK_EQ(goro_chan_try_recv(ch, NULL), -EAGAIN);
	goro_chan_close(ch);
	T_CHECK(!goro_chan_recv(ch, NULL));
	goro_chan_unref(ch);
}

T_GORO(recv_into_null_drops_the_element)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 2);
	struct op ops[2];
	int n;

	goro_chan_send(ch, &(int){ 1 });
	goro_chan_send(ch, &(int){ 2 });
	T_CHECK(goro_chan_recv(ch, NULL));
	T_CHECK_EQ(goro_chan_try_recv(ch, NULL), 0);
	goro_chan_unref(ch);

	ch = goro_chan_create(sizeof(int), 0);
	queue_senders(ch, ops, 2);
	T_CHECK(goro_chan_recv(ch, NULL)); /* from the sender's hands */
	T_CHECK(goro_chan_recv(ch, &n));
	T_CHECK_EQ(n, 2);
	wait_for(ops, 2);
	goro_chan_unref(ch);
}

static void
create_refuses_what_cannot_be(void **state)
{
	(void)state;
	assert_null(goro_chan_create(SIZE_MAX, 2));
	assert_null(goro_chan_create(2, SIZE_MAX));
	assert_null(goro_chan_create(SIZE_MAX / 2 + 1, 2));
	assert_null(goro_chan_create(SIZE_MAX / 2 + 1, 1));
}

/* --- Nil channels --------------------------------------------------------- */

static struct op nil_ops[2];

T_GORO(nil_channel_waits_for_ever)
{
	T_CHECK_EQ(goro_chan_try_send(NULL, NULL), -EAGAIN);
	T_CHECK_EQ(goro_chan_try_recv(NULL, NULL), -EAGAIN);
	T_CHECK_EQ(goro_chan_send_until(NULL, NULL, goro_now() + 1000000),
		   -ETIMEDOUT);
	T_CHECK_EQ(goro_chan_recv_until(NULL, NULL, INT64_MIN), -ETIMEDOUT);
	T_CHECK_EQ(goro_chan_send_until(NULL, NULL, INT64_MIN), -ETIMEDOUT);
	T_CHECK_EQ(goro_chan_recv_until(NULL, NULL, goro_now() + 1000000),
		   -ETIMEDOUT);
	goro_go(send_value, &nil_ops[0]);
	goro_go(recv_value, &nil_ops[1]);
	for (int i = 0; i < 20; i++)
		goro_sleep(100000);
	T_CHECK_EQ(goro_count(), 3);
	T_CHECK(!is_done(&nil_ops[0]) && !is_done(&nil_ops[1]));
	goro_chan_unref(NULL);
	T_CHECK(!goro_chan_ref(NULL));
}

/* --- Close ---------------------------------------------------------------- */

T_GORO(close_wakes_all_receivers_with_zeroes)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 0);
	struct op ops[20];

	queue_receivers(ch, ops, 20);
	goro_chan_close(ch);
	wait_for(ops, 20);
	for (int i = 0; i < 20; i++) {
		T_CHECK(!ops[i].ok);
		T_CHECK_EQ(ops[i].value, 0);
	}
	goro_chan_unref(ch);
}

T_GORO(closed_channel_is_drained_before_it_ends)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 3);
	int n;

	for (int i = 1; i <= 3; i++)
		goro_chan_send(ch, &i);
	goro_chan_close(ch);
	T_CHECK_EQ(goro_chan_len(ch), 3);
	T_CHECK(goro_chan_recv(ch, &n));
	T_CHECK_EQ(n, 1);
	T_CHECK_EQ(goro_chan_try_recv(ch, &n), 0);
	T_CHECK_EQ(n, 2);
	T_CHECK_EQ(goro_chan_recv_until(ch, &n, 0), 0);
	T_CHECK_EQ(n, 3);
	for (int i = 0; i < 3; i++) {
		n = 7;
		T_CHECK(!goro_chan_recv(ch, &n));
		T_CHECK_EQ(n, 0);
		n = 7;
		T_CHECK_EQ(goro_chan_try_recv(ch, &n), -EPIPE);
		T_CHECK_EQ(n, 0);
		n = 7;
		T_CHECK_EQ(goro_chan_recv_until(ch, &n, GORO_FOREVER), -EPIPE);
		T_CHECK_EQ(n, 0);
	}
	goro_chan_unref(ch);
}

/* --- Not waiting, and waiting until --------------------------------------- */

T_GORO(try_does_what_needs_no_waiting)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 1);
	struct op op;
	int n = 5;

	T_CHECK_EQ(goro_chan_try_recv(ch, &n), -EAGAIN);
	T_CHECK_EQ(n, 5);
	T_CHECK_EQ(goro_chan_try_send(ch, &(int){ 1 }), 0);
	T_CHECK_EQ(goro_chan_try_send(ch, &(int){ 2 }), -EAGAIN);
	T_CHECK_EQ(goro_chan_try_recv(ch, &n), 0);
	T_CHECK_EQ(n, 1);
	goro_chan_unref(ch);

	ch = goro_chan_create(sizeof(int), 0);
	queue_receivers(ch, &op, 1);
	T_CHECK_EQ(goro_chan_try_send(ch, &(int){ 9 }), 0);
	wait_for(&op, 1);
	T_CHECK_EQ(op.value, 9);
	T_CHECK_EQ(goro_chan_try_send(ch, &(int){ 9 }), -EAGAIN);
	queue_senders(ch, &op, 1);
	T_CHECK_EQ(goro_chan_try_recv(ch, &n), 0);
	T_CHECK_EQ(n, 1);
	wait_for(&op, 1);
	goro_chan_unref(ch);
}

T_GORO(until_gives_up_at_its_deadline_and_not_before)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 0);
	int64_t deadline_ns = goro_now() + 2000000;
	int n = 5;

	T_CHECK_EQ(goro_chan_recv_until(ch, &n, deadline_ns), -ETIMEDOUT);
	T_CHECK(goro_now() >= deadline_ns);
	T_CHECK_EQ(n, 5);
	T_CHECK_EQ(RECEIVERS(ch), 0);

	deadline_ns = goro_now() + 2000000;
	T_CHECK_EQ(goro_chan_send_until(ch, &n, deadline_ns), -ETIMEDOUT);
	T_CHECK(goro_now() >= deadline_ns);
	T_CHECK_EQ(SENDERS(ch), 0);
	goro_chan_unref(ch);
}

T_GORO(until_tries_once_though_the_deadline_has_passed)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 1);
	int n;

	T_CHECK_EQ(goro_chan_recv_until(ch, &n, 0), -ETIMEDOUT);
	T_CHECK_EQ(goro_chan_send_until(ch, &(int){ 1 }, -1), 0);
	T_CHECK_EQ(goro_chan_send_until(ch, &(int){ 2 }, 0), -ETIMEDOUT);
	T_CHECK_EQ(goro_chan_recv_until(ch, &n, 0), 0);
	T_CHECK_EQ(n, 1);
	goro_chan_unref(ch);
}

T_GORO(until_takes_what_comes_in_time)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 0);
	int64_t hour_ns = goro_now() + 3600000000000;
	struct op op;
	int n;

	op = (struct op){ .ch = ch, .value = 8 };
	goro_go(send_value, &op);
	T_CHECK_EQ(goro_chan_recv_until(ch, &n, hour_ns), 0);
	T_CHECK_EQ(n, 8);
	op = (struct op){ .ch = ch };
	goro_go(recv_value, &op);
	T_CHECK_EQ(goro_chan_send_until(ch, &(int){ 6 }, GORO_FOREVER), 0);
	wait_for(&op, 1);
	T_CHECK_EQ(op.value, 6);
	goro_chan_unref(ch);
}

/* --- Names ---------------------------------------------------------------- */

static void
name_is_copied(void **state)
{
	struct goro_chan *ch = goro_chan_create(0, 0);
	char name[] = "orders";

	(void)state;
	goro_chan_set_name(ch, name);
	name[0] = 'X';
	assert_string_equal(ch->name, "orders");
	goro_chan_set_name(ch, "other");
	assert_string_equal(ch->name, "other");
	goro_chan_set_name(ch, NULL);
	assert_null(ch->name);
	goro_chan_unref(ch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unbuffered_send_waits_for_its_receiver),
		cmocka_unit_test(
			senders_are_served_in_the_order_of_their_arrival),
		cmocka_unit_test(
			receivers_are_served_in_the_order_of_their_arrival),
		cmocka_unit_test(buffer_keeps_order_round_and_round),
		cmocka_unit_test(sender_that_waits_follows_what_is_buffered),
		cmocka_unit_test(len_and_cap_are_of_the_buffer),
		cmocka_unit_test(elements_of_64_kib_arrive_whole),
		cmocka_unit_test(elements_of_every_small_size_arrive_whole),
		cmocka_unit_test(elements_of_no_size_are_counted),
		cmocka_unit_test(recv_into_null_drops_the_element),
		cmocka_unit_test(create_refuses_what_cannot_be),
		cmocka_unit_test(nil_channel_waits_for_ever),
		cmocka_unit_test(close_wakes_all_receivers_with_zeroes),
		cmocka_unit_test(closed_channel_is_drained_before_it_ends),
		cmocka_unit_test(try_does_what_needs_no_waiting),
		cmocka_unit_test(until_gives_up_at_its_deadline_and_not_before),
		cmocka_unit_test(
			until_tries_once_though_the_deadline_has_passed),
		cmocka_unit_test(until_takes_what_comes_in_time),
		cmocka_unit_test(name_is_copied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
