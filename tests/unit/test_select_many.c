// SPDX-License-Identifier: MIT
/*
 * test_select_many.c - selects that meet selects, on several workers
 *
 * The invariant is conservation: what was sent was received, once.
 */
#include "test.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "chan_queued.h"
#include "goro/goro.h"

/* --- One channel, both directions, in one select -------------------------- */

enum { ROUNDS = 20000 };

struct pair {
	struct goro_chan *ch;
	struct goro_waitgroup running;
	atomic_int sent, received;
	atomic_llong sum_sent, sum_received;
};

/* Send to or receive from the other, whichever it is that happens. */
static void
send_or_receive(void *arg)
{
	struct pair *p = arg;

	for (int i = 1; i <= ROUNDS; i++) {
		int out = i, in;
		struct goro_case cases[] = {
			GORO_SEND(p->ch, &out),
			GORO_RECV(p->ch, &in),
		};

		if (goro_select(cases, 2) == 0) {
			p->sent++;
			p->sum_sent += out;
		} else {
			T_CHECK(cases[1].ok);
			p->received++;
			p->sum_received += in;
		}
	}
	goro_waitgroup_done(&p->running);
}

/* Each operation of one is an operation of the other: both come to their end,
 * and neither ever meets itself. */
T_GORO(two_that_send_or_receive_meet_each_other)
{
	struct pair p = { .ch = goro_chan_create(sizeof(int), 0) };

	goro_waitgroup_add(&p.running, 2);
	goro_go(send_or_receive, &p);
	goro_go(send_or_receive, &p);
	goro_waitgroup_wait(&p.running);
	T_CHECK_EQ(p.sent, ROUNDS);
	T_CHECK_EQ(p.received, ROUNDS);
	T_CHECK_EQ(p.sum_sent, p.sum_received);
	goro_chan_unref(p.ch);
}

T_GORO(one_can_send_to_itself_through_a_buffer)
{
	struct pair p = { .ch = goro_chan_create(sizeof(int), 3) };
	int n;

	goro_waitgroup_add(&p.running, 1);
	send_or_receive(&p);
	while (goro_chan_try_recv(p.ch, &n) == 0) {
		p.received++;
		p.sum_received += n;
	}
	T_CHECK_EQ(p.sent, p.received);
	T_CHECK_EQ(p.sum_sent, p.sum_received);
	goro_chan_unref(p.ch);
}

/* --- Many channels, many goroutines --------------------------------------- */

enum { CHANNELS = 5, GOROUTINES = 24, OPERATIONS = 100000 };

struct market {
	struct goro_chan *ch[CHANNELS], *quit;
	struct goro_waitgroup running;
	bool until;
	atomic_int operations;
	atomic_llong sent, received, sum_sent, sum_received;
};

struct trader {
	struct market *market;
	unsigned seed;
};

/* A select of up to six random cases, the last of which is `quit`. */
static int
fill_cases(struct trader *t, struct goro_case *cases, int *out, int *in)
{
	int n = 1 + rand_r(&t->seed) % 5;

	for (int i = 0; i < n; i++) {
		struct goro_chan *ch =
			t->market->ch[rand_r(&t->seed) % CHANNELS];

		if (i > 0 && rand_r(&t->seed) % 16 == 0)
			ch = NULL;
		cases[i] = rand_r(&t->seed) % 2 ? GORO_SEND(ch, out) :
						  GORO_RECV(ch, in);
	}
	cases[n] = GORO_RECV(t->market->quit, NULL);
	return n + 1;
}

static void
trade(void *arg)
{
	struct trader *t = arg;
	struct market *m = t->market;
	struct goro_case cases[6];

	for (;;) {
		int out = rand_r(&t->seed) % 1000, in = -1;
		int n = fill_cases(t, cases, &out, &in), i;

		i = m->until ?
			    goro_select_until(cases, n, goro_now() + out * 20) :
			    goro_select(cases, n);
		if (i == -ETIMEDOUT)
			continue;
		T_CHECK(i >= 0 && i < n && cases[i].ch);
		if (i == n - 1)
			break;
		if (cases[i].dir == GORO_DIR_SEND) {
			m->sent++;
			m->sum_sent += out;
		} else {
			T_CHECK(cases[i].ok);
			m->received++;
			m->sum_received += in;
		}
		m->operations++;
	}
	goro_waitgroup_done(&m->running);
}

static void
run_market(size_t capacity, bool until)
{
	struct market m = { .quit = goro_chan_create(0, 0), .until = until };
	int n;

	for (int i = 0; i < CHANNELS; i++)
		m.ch[i] = goro_chan_create(sizeof(int), capacity);
	goro_waitgroup_add(&m.running, GOROUTINES);
	for (int i = 0; i < GOROUTINES; i++)
		goro_go_copy(trade, &(struct trader){ &m, i + 1 },
			     sizeof(struct trader));
	/* All may come to wait for the same direction: then stir. */
	for (int i = 0; m.operations < OPERATIONS; i = (i + 1) % CHANNELS) {
		if (goro_chan_try_send(m.ch[i], &i) == 0) {
			m.sent++;
			m.sum_sent += i;
		}
		if (goro_chan_try_recv(m.ch[i], &n) == 0) {
			m.received++;
			m.sum_received += n;
		}
		goro_yield();
	}
	goro_chan_close(m.quit);
	goro_waitgroup_wait(&m.running);
	for (int i = 0; i < CHANNELS; i++) {
		T_CHECK_EQ(RECEIVERS(m.ch[i]) + SENDERS(m.ch[i]), 0);
		while (goro_chan_try_recv(m.ch[i], &n) == 0) {
			m.received++;
			m.sum_received += n;
		}
		goro_chan_unref(m.ch[i]);
	}
	goro_chan_unref(m.quit);
	T_CHECK_EQ(m.sent, m.received);
	T_CHECK_EQ(m.sum_sent, m.sum_received);
}

T_GORO(selects_lose_nothing_unbuffered)
{
	run_market(0, false);
}

T_GORO(selects_lose_nothing_buffered)
{
	run_market(2, false);
}

T_GORO(selects_lose_nothing_when_deadlines_pass)
{
	run_market(0, true);
	run_market(1, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_that_send_or_receive_meet_each_other),
		cmocka_unit_test(one_can_send_to_itself_through_a_buffer),
		cmocka_unit_test(selects_lose_nothing_unbuffered),
		cmocka_unit_test(selects_lose_nothing_buffered),
		cmocka_unit_test(selects_lose_nothing_when_deadlines_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
