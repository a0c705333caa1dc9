// SPDX-License-Identifier: MIT
/*
 * test_chan_misuse.c - what panics, with Go's words, and exits with 2
 */
#include "test.h"

#include <string.h>

#include "chan_queued.h"
#include "goro/goro.h"

static struct t_child child;
static struct goro_chan *ch;

/* Run @fn as goroutine 1 in a child, which must panic with @words. */
#define PANICS(test, words)                                               \
	static int test##_main(void *arg)                                 \
	{                                                                 \
		(void)arg;                                                \
		test##_body();                                            \
		return 0;                                                 \
	}                                                                 \
	static void test##_run(void)                                      \
	{                                                                 \
		goro_run(test##_main, NULL);                              \
	}                                                                 \
	static void test(void **state)                                    \
	{                                                                 \
		(void)state;                                              \
		t_child_run(&child, test##_run);                          \
		assert_int_equal(child.status, 2);                        \
		assert_ptr_equal(strstr(child.out, "panic: " words "\n"), \
				 child.out);                              \
	}

static void
create_closed(size_t capacity)
{
	ch = goro_chan_create(sizeof(int), capacity);
	goro_chan_close(ch);
}

static void
send_on_closed_body(void)
{
	create_closed(0);
	goro_chan_send(ch, &(int){ 1 });
}

static void
send_on_closed_with_room_body(void)
{
	create_closed(1);
	goro_chan_send(ch, &(int){ 1 });
}

static void
try_send_on_closed_body(void)
{
	create_closed(0);
	goro_chan_try_send(ch, &(int){ 1 });
}

static void
send_until_on_closed_body(void)
{
	create_closed(0);
	goro_chan_send_until(ch, &(int){ 1 }, goro_now() + 1000000);
}

static void
select_send_on_closed_body(void)
{
	struct goro_chan *quiet = goro_chan_create(0, 0);
	int n = 1;

	create_closed(0);
	goro_select((struct goro_case[]){ GORO_RECV(quiet, NULL),
					  GORO_SEND(ch, &n) },
		    2);
}

static void
close_when_somebody_waits(void *arg)
{
	(void)arg;
	T_EVENTUALLY(SENDERS(ch) == 1);
	goro_chan_close(ch);
}

static void
close_while_sending_body(void)
{
	ch = goro_chan_create(sizeof(int), 0);
	goro_go(close_when_somebody_waits, NULL);
	goro_chan_send(ch, &(int){ 1 });
}

static void
close_while_sending_until_body(void)
{
	ch = goro_chan_create(sizeof(int), 0);
	goro_go(close_when_somebody_waits, NULL);
	goro_chan_send_until(ch, &(int){ 1 }, goro_now() + 3600000000000);
}

static void
close_while_selecting_body(void)
{
	struct goro_chan *quiet = goro_chan_create(0, 0);
	int n = 1;

	ch = goro_chan_create(sizeof(int), 0);
	goro_go(close_when_somebody_waits, NULL);
	goro_select((struct goro_case[]){ GORO_RECV(quiet, NULL),
					  GORO_SEND(ch, &n) },
		    2);
}

static void
close_twice_body(void)
{
	create_closed(3);
	goro_chan_close(ch);
}

static void
close_nil_body(void)
{
	goro_chan_close(NULL);
}

#define SEND_ON_CLOSED "send on closed channel"

PANICS(send_on_closed, SEND_ON_CLOSED)
PANICS(send_on_closed_with_room, SEND_ON_CLOSED)
PANICS(try_send_on_closed, SEND_ON_CLOSED)
PANICS(send_until_on_closed, SEND_ON_CLOSED)
PANICS(select_send_on_closed, SEND_ON_CLOSED)
PANICS(close_while_sending, SEND_ON_CLOSED)
PANICS(close_while_sending_until, SEND_ON_CLOSED)
PANICS(close_while_selecting, SEND_ON_CLOSED)
PANICS(close_twice, "close of closed channel")
PANICS(close_nil, "close of nil channel")

static void
select_of_too_many_body(void)
{
	static struct goro_case cases[65536];

	goro_try_select(cases, 65536);
}
PANICS(select_of_too_many, "select of 65536 cases")

/* Where there is no goroutine at all. */
static void
send_outside(void)
{
	ch = goro_chan_create(sizeof(int), 1);
	goro_chan_send(ch, &(int){ 1 });
}

static void
waiting_operations_need_a_goroutine(void **state)
{
	(void)state;
	t_child_run(&child, send_outside);
	assert_int_equal(child.status, 2);
	assert_non_null(strstr(child.out, "outside a goroutine"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(send_on_closed),
		cmocka_unit_test(send_on_closed_with_room),
		cmocka_unit_test(try_send_on_closed),
		cmocka_unit_test(send_until_on_closed),
		cmocka_unit_test(select_send_on_closed),
		cmocka_unit_test(close_while_sending),
		cmocka_unit_test(close_while_sending_until),
		cmocka_unit_test(close_while_selecting),
		cmocka_unit_test(close_twice),
		cmocka_unit_test(close_nil),
		cmocka_unit_test(select_of_too_many),
		cmocka_unit_test(waiting_operations_need_a_goroutine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
