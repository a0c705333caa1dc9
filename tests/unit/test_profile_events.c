// SPDX-License-Identifier: MIT
/*
 * test_profile_events.c - waits and who made others wait
 *
 * The program takes down when each wait certainly went on, and when it may
 * have: the profile's sum must lie in between, however busy the machine.
 */
#include <string.h>

#include "chan_queued.h"
#include "goro/goro.h"
#include "profile_of.h"
#include "queued.h"

enum { WAITERS = 5, MS = 1000000 };

/* What all waiters together waited at least and at most. */
static struct {
	int64_t called_ns[WAITERS], over_ns[WAITERS];
	int64_t seen_ns, freed_ns;
} times;

static struct goro_chan *ch;
static struct goro_mutex mu;
static struct goro_rwmutex rw;
static struct goro_waitgroup done;

static int64_t
at_least(void)
{
	return WAITERS * (times.freed_ns - times.seen_ns);
}

static int64_t
at_most(void)
{
	int64_t sum = 0;

	for (int i = 0; i < WAITERS; i++)
		sum += times.over_ns[i] - times.called_ns[i];
	return sum;
}

/* Within what is certain, and 1 % for the rate of the cycle counter. */
static void
check_sum(int64_t ns)
{
	T_CHECK(ns >= at_least() - at_least() / 100);
	T_CHECK(ns <= at_most() + at_most() / 100);
}

/* @fn five times; they wait for what the caller frees 30 ms later. */
__attribute__((noinline)) static void
start_waiters(void (*fn)(void *))
{
	goro_waitgroup_add(&done, WAITERS);
	for (intptr_t i = 0; i < WAITERS; i++)
		goro_go(fn, (void *)i);
}

__attribute__((noinline)) static void
hold_on(void)
{
	times.seen_ns = goro_now();
	goro_sleep(30 * MS);
	times.freed_ns = goro_now();
	__asm__ volatile(""); /* no tail call */
}

static int64_t
delay(const char *kind, const char *function)
{
	struct gt_profile p;
	int64_t sum;

	t_profile(kind, &p);
	T_CHECK(!strcmp(gt_profile_string(&p, p.type[0].type), "contentions"));
	T_CHECK(!strcmp(gt_profile_string(&p, p.type[1].type), "delay"));
	sum = t_profile_sum(&p, function, 1);
	gt_profile_fini(&p);
	return sum;
}

static int64_t
events(const char *kind, const char *function)
{
	struct gt_profile p;
	int64_t sum;

	t_profile(kind, &p);
	sum = t_profile_sum(&p, function, 0);
	gt_profile_fini(&p);
	return sum;
}

static void
receiver(void *arg)
{
	intptr_t i = (intptr_t)arg;

	goro_label_set("who", "receiver");
	times.called_ns[i] = goro_now();
	goro_chan_recv(ch, NULL);
	times.over_ns[i] = goro_now();
	goro_waitgroup_done(&done);
}

T_GORO(waits_are_as_long_as_they_were)
{
	struct gt_profile p;

	goro_profile_block_rate(1);
	ch = goro_chan_create(0, 0);
	start_waiters(receiver);
	T_EVENTUALLY((goro_yield(), RECEIVERS(ch) == WAITERS));
	hold_on();
	goro_chan_close(ch);
	goro_waitgroup_wait(&done);
	goro_profile_block_rate(0);

	check_sum(delay("block", "receiver"));
	T_CHECK_EQ(events("block", "receiver"), WAITERS);
	/* Our own sleep counts in one of the two only. */
	T_CHECK_EQ(events("block", "hold_on"), 0);
	T_CHECK_EQ(events("wait", "hold_on"), 1);
	T_CHECK(delay("wait", "hold_on") >= 29 * MS);

	t_profile("block", &p);
	for (size_t i = 0; i < p.samples.n; i++) {
		const struct gt_profile_sample *s = &p.samples.at[i];

		if (!t_profile_has(&p, s, "receiver", false))
			continue;
		T_CHECK(t_profile_has(&p, s, "goro_chan_recv", true));
		T_CHECK(!strcmp(t_profile_label(&p, s, "who"), "receiver"));
		T_CHECK(!strcmp(t_profile_label(&p, s, "reason"), "chan "
								  "receive"));
	}
	gt_profile_fini(&p);
	goro_chan_unref(ch);
}

static void
still_waiting(void *arg)
{
	intptr_t i = (intptr_t)arg;

	times.called_ns[i] = goro_now();
	goro_chan_recv(ch, NULL);
	goro_waitgroup_done(&done);
}

T_GORO(a_wait_that_goes_on_counts_too)
{
	int64_t so_far;

	goro_profile_block_rate(1);
	ch = goro_chan_create(0, 0);
	start_waiters(still_waiting);
	T_EVENTUALLY((goro_yield(), RECEIVERS(ch) == WAITERS));
	hold_on();
	so_far = delay("block", "still_waiting");
	for (int i = 0; i < WAITERS; i++)
		times.over_ns[i] = goro_now();
	check_sum(so_far);
	T_CHECK_EQ(events("block", "still_waiting"), WAITERS);
	goro_chan_close(ch);
	goro_waitgroup_wait(&done);
	/* Over, it counts once. */
	T_CHECK_EQ(events("block", "still_waiting"), WAITERS);
	T_CHECK(delay("block", "still_waiting") >= so_far);
	goro_profile_block_rate(0);
	goro_chan_unref(ch);
}

static void
locker(void *arg)
{
	intptr_t i = (intptr_t)arg;

	times.called_ns[i] = goro_now();
	goro_mutex_lock(&mu);
	times.over_ns[i] = goro_now();
	goro_mutex_unlock(&mu);
	goro_waitgroup_done(&done);
}

__attribute__((noinline)) static void
unlock_late(void)
{
	hold_on();
	goro_mutex_unlock(&mu);
	__asm__ volatile("");
}

T_GORO(unlocks_are_charged_with_what_others_waited)
{
	goro_profile_mutex_fraction(1);
	goro_mutex_lock(&mu);
	start_waiters(locker);
	T_EVENTUALLY((goro_yield(), QUEUED(&mu) == WAITERS));
	unlock_late();
	goro_waitgroup_wait(&done);
	goro_profile_mutex_fraction(0);
	/* The first unlock is by far the most, and ours. */
	T_CHECK(delay("mutex", "unlock_late") >= at_least() - at_least() / 100);
	T_CHECK_EQ(events("mutex", "unlock_late"), 1);
	T_CHECK(delay("mutex", NULL) <= at_most() + at_most() / 100);
	T_CHECK(delay("mutex", "goro_mutex_unlock") >= delay("mutex", "unlock_"
								      "late"));
}

static void
reader(void *arg)
{
	intptr_t i = (intptr_t)arg;

	times.called_ns[i] = goro_now();
	goro_rwmutex_rlock(&rw);
	times.over_ns[i] = goro_now();
	goro_rwmutex_runlock(&rw);
	goro_waitgroup_done(&done);
}

__attribute__((noinline)) static void
unlock_readers(void)
{
	hold_on();
	goro_rwmutex_unlock(&rw);
	__asm__ volatile("");
}

T_GORO(readers_are_let_in_by_who_kept_them_out)
{
	goro_profile_mutex_fraction(1);
	goro_rwmutex_lock(&rw);
	start_waiters(reader);
	T_EVENTUALLY(
		(goro_yield(), queued(&rw.lock_, &rw.readers_) == WAITERS));
	unlock_readers();
	goro_waitgroup_wait(&done);
	goro_profile_mutex_fraction(0);
	check_sum(delay("mutex", "unlock_readers"));
	T_CHECK_EQ(events("mutex", "unlock_readers"), 1);
}

__attribute__((noinline)) static void
sampled_wait(int64_t ns)
{
	struct goro_chan *never = goro_chan_create(0, 0);

	goro_chan_recv_until(never, NULL, goro_now() + ns);
	goro_chan_unref(never);
}

/* Of many waits below the rate only some are kept, and stand for all. */
T_GORO(a_sample_stands_for_the_rest)
{
	enum { N = 2000 };
	int64_t start, sum_ns = 0, n, ns;

	goro_profile_block_rate(10 * MS);
	for (int i = 0; i < N; i++) {
		start = goro_now();
		sampled_wait(200000);
		sum_ns += goro_now() - start;
	}
	goro_profile_block_rate(0);
	n = events("block", "sampled_wait");
	ns = delay("block", "sampled_wait");
	/* About 50 are kept, each for 10 ms: six deviations to each side. */
	T_CHECK(ns > sum_ns / 8 && ns < sum_ns * 15 / 8);
	T_CHECK(n > N / 8 && n < N * 15 / 8);
}

static void
yielder(void *arg)
{
	for (int i = 0; i < 100; i++)
		goro_yield();
	goro_waitgroup_done(&done);
	(void)arg;
}

T_GORO(latency_is_from_ready_to_running)
{
	struct gt_profile p;

	goro_profile_block_rate(1);
	start_waiters(yielder);
	goro_waitgroup_wait(&done);
	goro_profile_block_rate(0);
	t_profile("schedlatency", &p);
	T_CHECK(!strcmp(gt_profile_string(&p, p.type[1].type), "latency"));
	/* Each started once, and went on after each yield. */
	T_CHECK_EQ(t_profile_sum(&p, "yielder", 0), WAITERS * 101);
	T_CHECK(t_profile_sum(&p, "yielder", 1) > 0);
	gt_profile_fini(&p);
}

/* Frames of one size, called from one place: only a return address differs. */
#define SAME_SHAPE(name)                                  \
	__attribute__((noinline)) static void name(int i) \
	{                                                 \
		goro_yield();                             \
		goro_chan_recv(ch, NULL);                 \
		__asm__ volatile("" : : "r"(i));          \
	}
SAME_SHAPE(on_the_left)
SAME_SHAPE(on_the_right)

__attribute__((noinline)) static void
by_frame_pointer(int i)
{
	volatile char room[16 + i % 3 * 64];

	room[0] = (char)i;
	on_the_left(room[0]);
	room[1] = 0;
}

static void
all_shapes(void *arg)
{
	enum { N = 60 };
	int rounds = *(int *)arg;

	for (int i = 0; i < rounds * N; i++) {
		goro_label_set("pair", i & 2 ? "odd" : "even");
		(i % 2 ? on_the_left : on_the_right)(i);
		if (i % 4 == 0)
			by_frame_pointer(i);
	}
	goro_waitgroup_done(&done);
}

static void
send_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		goro_chan_send(ch, NULL);
}

/* A stack that was met before is known again; one that is only like it is
 * not. */
T_GORO(stacks_of_one_shape_are_told_apart)
{
	int64_t left = 0, right = 0, odd = 0, dynamic;
	struct gt_profile p;

	goro_maxprocs(1);
	goro_profile_block_rate(1);
	ch = goro_chan_create(0, 0);
	for (int i = 0; i < 2; i++) {
		goro_waitgroup_add(&done, 1);
		goro_go(all_shapes, &(int){ 3 });
		goro_yield(); /* it is there before the sender: so it waits */
	}
	goro_go(send_for_ever, NULL);
	goro_waitgroup_wait(&done);
	goro_profile_block_rate(0);
	t_profile("schedlatency", &p);
	dynamic = t_profile_sum(&p, "by_frame_pointer", 0);
	for (size_t i = 0; i < p.samples.n; i++) {
		const struct gt_profile_sample *s = &p.samples.at[i];
		bool is_left = t_profile_has(&p, s, "on_the_left", false);
		bool is_right = t_profile_has(&p, s, "on_the_right", false);
		const char *pair = t_profile_label(&p, s, "pair");

		T_CHECK(!(is_left && is_right));
		if (!t_profile_has(&p, s, "goro_yield", true) ||
		    (!is_left && !is_right))
			continue;
		left += is_left ? s->value[0] : 0;
		right += is_right ? s->value[0] : 0;
		odd += !strcmp(pair, "odd") ? s->value[0] : 0;
	}
	gt_profile_fini(&p);
	/* One a yield, of which each makes one; by way of the frame pointer
	 * half as many again as on the right. */
	T_CHECK_EQ(right, 2 * 3 * 30);
	T_CHECK_EQ(left, 2 * 3 * (30 + 15));
	T_CHECK_EQ(odd, 2 * 3 * 30);
	T_CHECK(dynamic >= 2 * 3 * 15);
}

T_GORO(nothing_is_recorded_unless_asked_for)
{
	int64_t before = events("wait", NULL) + events("mutex", NULL) +
			 events("schedlatency", NULL);

	goro_sleep(MS);
	goro_mutex_lock(&mu);
	start_waiters(locker);
	T_EVENTUALLY((goro_yield(), QUEUED(&mu) == WAITERS));
	goro_mutex_unlock(&mu);
	goro_waitgroup_wait(&done);
	T_CHECK_EQ(events("wait", NULL) + events("mutex", NULL) +
			   events("schedlatency", NULL),
		   before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_are_as_long_as_they_were),
		cmocka_unit_test(a_wait_that_goes_on_counts_too),
		cmocka_unit_test(unlocks_are_charged_with_what_others_waited),
		cmocka_unit_test(readers_are_let_in_by_who_kept_them_out),
		cmocka_unit_test(a_sample_stands_for_the_rest),
		cmocka_unit_test(latency_is_from_ready_to_running),
		cmocka_unit_test(stacks_of_one_shape_are_told_apart),
		cmocka_unit_test(nothing_is_recorded_unless_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
