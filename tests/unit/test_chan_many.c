// SPDX-License-Identifier: MIT
/*
 * test_chan_many.c - many goroutines on one channel, and threads that are not
 * the runtime's
 */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "chan_queued.h"
#include "goro/goro.h"

enum { SENDERS_N = 8, RECEIVERS_N = 5, EACH = 4000 };

struct item {
	int sender, nth;
};

struct many {
	struct goro_chan *ch;
	bool until; /* with deadlines, many of which pass */
	struct goro_waitgroup running;
	atomic_int senders_left, received;
	atomic_llong sum;
};

struct sender {
	struct many *many;
	int sender;
};

/* Close to now, so that peers and deadlines meet. */
static int64_t
soon(int i)
{
	return goro_now() + i % 7 * 500;
}

static void
send_each(void *arg)
{
	struct sender *s = arg;
	struct many *m = s->many;

	for (int i = 0; i < EACH; i++) {
		struct item it = { s->sender, i };

		if (!m->until)
			goro_chan_send(m->ch, &it);
		else
			while (goro_chan_send_until(m->ch, &it, soon(i)))
				goro_yield();
	}
	if (--m->senders_left == 0)
		goro_chan_close(m->ch);
	goro_waitgroup_done(&m->running);
}

static void
recv_all(void *arg)
{
	struct many *m = arg;
	int last[SENDERS_N];
	struct item it;

	memset(last, -1, sizeof(last));
	for (int i = 0;; i++) {
		if (m->until) {
			int r = goro_chan_recv_until(m->ch, &it, soon(i));
			if (r == -ETIMEDOUT) {
				goro_yield();
				continue;
			}
			if (r)
				break;
		} else if (!goro_chan_recv(m->ch, &it)) {
			break;
		}
		/* Of one sender, each receiver sees rising numbers. */
		T_CHECK(it.nth > last[it.sender]);
		last[it.sender] = it.nth;
		m->received++;
		m->sum += it.nth;
	}
	goro_waitgroup_done(&m->running);
}

static void
exchange(size_t capacity, bool until)
{
	struct many m = {
		.ch = goro_chan_create(sizeof(struct item), capacity),
		.until = until,
		.senders_left = SENDERS_N,
	};

	goro_waitgroup_add(&m.running, SENDERS_N + RECEIVERS_N);
	for (int i = 0; i < RECEIVERS_N; i++)
		goro_go(recv_all, &m);
	for (int i = 0; i < SENDERS_N; i++)
		goro_go_copy(send_each, &(struct sender){ &m, i },
			     sizeof(struct sender));
	goro_waitgroup_wait(&m.running);
	T_CHECK_EQ(m.received, SENDERS_N * EACH);
	T_CHECK_EQ(m.sum, (long long)SENDERS_N * EACH * (EACH - 1) / 2);
	goro_chan_unref(m.ch);
}

T_GORO(nothing_is_lost_or_doubled_unbuffered)
{
	exchange(0, false);
}

T_GORO(nothing_is_lost_or_doubled_buffered)
{
	exchange(1, false);
	exchange(64, false);
}

T_GORO(nothing_is_lost_or_doubled_when_deadlines_pass)
{
	exchange(0, true);
	exchange(3, true);
}

/* --- Threads that are not the runtime's ----------------------------------- */

static void
start(pthread_t *thread, void *(*fn)(void *arg), void *arg)
{
	T_CHECK_EQ(pthread_create(thread, NULL, fn, arg), 0);
}

static void *
try_send_each(void *arg)
{
	struct many *m = arg;

	for (int i = 0; i < EACH; i++)
		while (goro_chan_try_send(m->ch, &(struct item){ 0, i }))
			sched_yield();
	goro_chan_close(m->ch);
	return NULL;
}

static void
send_from_thread(size_t capacity)
{
	struct many m = {
		.ch = goro_chan_create(sizeof(struct item), capacity),
	};
	pthread_t thread;

	goro_waitgroup_add(&m.running, 1); /* ourselves */
	start(&thread, try_send_each, &m);
	recv_all(&m);
	pthread_join(thread, NULL);
	T_CHECK_EQ(m.received, EACH);
	goro_chan_unref(m.ch);
}

T_GORO(thread_can_send_and_close)
{
	send_from_thread(0);
	send_from_thread(8);
}

static void *
try_recv_each(void *arg)
{
	struct many *m = arg;
	struct item it;
	int r;

	while ((r = goro_chan_try_recv(m->ch, &it)) != -EPIPE) {
		if (r) {
			sched_yield();
			continue;
		}
		T_CHECK_EQ(it.nth, m->received);
		m->received++;
	}
	return NULL;
}

T_GORO(thread_can_receive_and_see_the_close)
{
	struct many m = {
		.ch = goro_chan_create(sizeof(struct item), 0),
		.senders_left = 1,
	};
	pthread_t thread;

	goro_waitgroup_add(&m.running, 1); /* ourselves */
	start(&thread, try_recv_each, &m);
	send_each(&(struct sender){ &m, 0 });
	pthread_join(thread, NULL);
	T_CHECK_EQ(m.received, EACH);
	goro_chan_unref(m.ch);
}

static void *
close_when_100_wait(void *arg)
{
	T_EVENTUALLY(RECEIVERS((struct goro_chan *)arg) == 100);
	goro_chan_close(arg);
	return NULL;
}

static void
recv_one(void *arg)
{
	T_CHECK(!goro_chan_recv(arg, NULL));
	goro_chan_unref(arg);
}

T_GORO(close_by_a_thread_wakes_all)
{
	struct goro_chan *ch = goro_chan_create(0, 0);
	pthread_t thread;

	start(&thread, close_when_100_wait, ch);
	for (int i = 0; i < 100; i++)
		goro_go(recv_one, goro_chan_ref(ch));
	T_EVENTUALLY(goro_count() == 1);
	pthread_join(thread, NULL);
	goro_chan_unref(ch);
}

/* --- References ----------------------------------------------------------- */

enum { THREADS = 4 };

static void *
ref_and_unref(void *arg)
{
	for (int i = 0; i < 20000; i++)
		goro_chan_unref(goro_chan_ref(arg));
	goro_chan_unref(arg);
	return NULL;
}

static void
last_unref_frees_whoever_it_is(void **state)
{
	(void)state;
	for (int round = 0; round < 10; round++) {
		struct goro_chan *ch = goro_chan_create(100, 10);
		pthread_t threads[THREADS];

		assert_true(gr_load_acq(&ch->id));
		for (int i = 0; i < THREADS; i++)
			start(&threads[i], ref_and_unref, goro_chan_ref(ch));
		assert_true(gr_load_acq(&ch->id));
		goro_chan_unref(ch);
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		assert_false(gr_load_acq(&ch->id)); /* its slab stays */
	}
}

static void *
create_and_unref(void *arg)
{
	struct goro_chan *chs[50];

	(void)arg;
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 50; i++) {
			chs[i] = goro_chan_create(i, i % 3);
			T_CHECK(chs[i]);
			T_CHECK_EQ(goro_chan_cap(chs[i]), i % 3);
		}
		for (int i = 0; i < 50; i++)
			goro_chan_unref(chs[i]);
	}
	return NULL;
}

static void
channels_can_be_created_by_many_threads(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		start(&threads[i], create_and_unref, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost_or_doubled_unbuffered),
		cmocka_unit_test(nothing_is_lost_or_doubled_buffered),
		cmocka_unit_test(
			nothing_is_lost_or_doubled_when_deadlines_pass),
		cmocka_unit_test(thread_can_send_and_close),
		cmocka_unit_test(thread_can_receive_and_see_the_close),
		cmocka_unit_test(close_by_a_thread_wakes_all),
		cmocka_unit_test(last_unref_frees_whoever_it_is),
		cmocka_unit_test(channels_can_be_created_by_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
