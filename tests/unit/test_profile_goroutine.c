// SPDX-License-Identifier: MIT
/*
 * test_profile_goroutine.c - profiles of what is there at one moment
 */
#include <errno.h>
#include <fcntl.h>

#include "chan_queued.h"
#include "goro/goro.h"
#include "profile_of.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
enum { EXACT = false };
#else
enum { EXACT = true };
#endif

enum { WAITERS = 12, DEPTH = 40, LEAKS = 10 };

static struct goro_chan *ch;
static struct goro_waitgroup ready;

__attribute__((noinline)) static void
wait_here(void)
{
	goro_waitgroup_done(&ready);
	goro_chan_recv(ch, NULL);
	__asm__ volatile("");
}

static void
waiter(void *arg)
{
	goro_label_set("kind", (uintptr_t)arg % 3 ? "often" : "rare");
	wait_here();
	__asm__ volatile("");
}

__attribute__((noinline)) static void
deep(int n)
{
	if (n)
		deep(n - 1);
	else
		wait_here();
	__asm__ volatile("");
}

static void
start_deep(void *arg)
{
	(void)arg;
	deep(DEPTH);
	__asm__ volatile("");
}

__attribute__((noinline)) static void
start(void (*fn)(void *), int n)
{
	ch = goro_chan_create(0, 0);
	goro_waitgroup_add(&ready, n);
	for (intptr_t i = 0; i < n; i++)
		goro_go(fn, (void *)i);
	goro_waitgroup_wait(&ready);
	goro_sleep(1000000);
}

static void
stop(int n)
{
	goro_chan_close(ch);
	T_EVENTUALLY((goro_yield(), goro_count() == 1));
	goro_chan_unref(ch);
	(void)n;
}

T_GORO(goroutines_are_counted_by_stack_and_labels)
{
	struct gt_profile p;
	int64_t rare = 0;

	start(waiter, WAITERS);
	t_profile("goroutine", &p);
	T_CHECK_EQ(t_profile_sum(&p, NULL, 0), WAITERS + 1);
	T_CHECK_EQ(t_profile_sum(&p, "wait_here", 0), WAITERS);
	T_CHECK_EQ(t_profile_sum(&p, "waiter", 0), WAITERS);
	/* Whoever asks sees itself, in the function that it asks with. */
	T_CHECK_EQ(t_profile_sum(&p, "goro_profile_write", 0), 1);
	for (size_t i = 0; i < p.samples.n; i++) {
		const struct gt_profile_sample *s = &p.samples.at[i];
		const char *kind = t_profile_label(&p, s, "kind");

		if (!t_profile_has(&p, s, "wait_here", false))
			continue;
		/* The runtime's own frames are not shown. */
		T_CHECK(t_profile_has(&p, s, "goro_chan_recv", true));
		T_CHECK(!t_profile_has(&p, s, "gr_park", false));
		T_CHECK(!t_profile_has(&p, s, "gr_g_main", false));
		T_CHECK(!strcmp(kind, "rare") || !strcmp(kind, "often"));
		rare += strcmp(kind, "rare") ? 0 : s->value[0];
	}
	T_CHECK_EQ(rare, WAITERS / 3);
	gt_profile_fini(&p);
	stop(WAITERS);
}

T_GORO(stacks_are_whole)
{
	struct gt_profile p;

	start(start_deep, 1);
	t_profile("goroutine", &p);
	T_CHECK_EQ(t_profile_sum(&p, "start_deep", 0), 1);
	for (size_t i = 0; i < p.samples.n; i++)
		if (t_profile_has(&p, &p.samples.at[i], "deep", false))
			T_CHECK_EQ(p.samples.at[i].frames_n, DEPTH + 4);
	gt_profile_fini(&p);
	stop(1);
}

T_GORO(creation_tells_who_started_them)
{
	struct gt_profile p;

	start(waiter, WAITERS);
	t_profile("creation", &p);
	T_CHECK_EQ(t_profile_sum(&p, "waiter", 0), WAITERS);
	T_CHECK_EQ(t_profile_sum(&p, "start", 0), WAITERS);
	T_CHECK_EQ(t_profile_sum(&p, "wait_here", 0), 0);
	gt_profile_fini(&p);
	stop(WAITERS);
}

T_GORO(a_profile_is_in_the_form_that_pprof_wants)
{
	char exe[4096];
	struct gt_profile p;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	T_CHECK(n > 0);
	exe[n] = '\0';
	t_profile("goroutine", &p);
	T_CHECK_EQ(p.types_n, 1);
	T_CHECK(!strcmp(gt_profile_string(&p, p.type[0].type), "goroutine"));
	T_CHECK(!strcmp(gt_profile_string(&p, p.type[0].unit), "count"));
	T_CHECK_EQ(p.period, 1);
	T_CHECK(p.time_ns > 1700000000000000000);
	/* The program is the first mapping. */
	T_CHECK(p.mappings.n >= 1);
	T_CHECK(!strcmp(gt_profile_string(&p, p.mappings.at[0].file), exe));
	T_CHECK(p.mappings.at[0].has_functions);
	gt_profile_fini(&p);
}

__attribute__((noinline)) static struct goro_chan *
make_chan(size_t capacity)
{
	struct goro_chan *made = goro_chan_create(1, capacity);

	__asm__ volatile(""); /* no tail call */
	return made;
}

static bool stop_spin;

__attribute__((noinline)) static void
spin_here(void)
{
	while (!__atomic_load_n(&stop_spin, __ATOMIC_RELAXED))
		;
}

static void
spinner(void *arg)
{
	spin_here();
	__asm__ volatile("");
	(void)arg;
}

static bool
spin_is_seen(const char *function)
{
	struct gt_profile p;
	bool seen;

	t_profile("goroutine", &p);
	seen = t_profile_sum(&p, function, 0) == 1;
	gt_profile_fini(&p);
	return seen;
}

T_GORO(one_that_runs_has_its_stack_too)
{
	goro_go(spinner, NULL);
	T_EVENTUALLY((goro_yield(), spin_is_seen("spinner")));
	/* ThreadSanitizer keeps the signal back, and so no stack is had. */
	if (EXACT)
		T_EVENTUALLY((goro_yield(), spin_is_seen("spin_here")));
	__atomic_store_n(&stop_spin, true, __ATOMIC_RELAXED);
	T_EVENTUALLY((goro_yield(), goro_count() == 1));
}

T_GORO(channels_are_counted_by_who_made_them)
{
	struct goro_chan *full = make_chan(2), *idle = make_chan(5);
	struct gt_profile p;

	goro_chan_send(full, "a");
	goro_chan_send(full, "b");
	goro_chan_send(idle, "c");
	t_profile("chan", &p);
	T_CHECK_EQ(t_profile_sum(&p, "make_chan", 0), 2);
	T_CHECK_EQ(t_profile_sum(&p, "make_chan", 1), 3);
	for (size_t i = 0; i < p.samples.n; i++) {
		const struct gt_profile_sample *s = &p.samples.at[i];

		if (t_profile_has(&p, s, "make_chan", false) &&
		    s->value[1] == 2)
			T_CHECK(!strcmp(t_profile_label(&p, s, "state"), "ful"
									 "l"));
	}
	gt_profile_fini(&p);
	goro_chan_unref(full);
	goro_chan_unref(idle);
}

static void
choose_one(void *chans)
{
	struct goro_chan **ch = chans;
	struct goro_case cases[] = { GORO_SEND(ch[0], "x"),
				     GORO_RECV(ch[1], NULL) };

	goro_select(cases, 2);
}

static void
receive_one(void *ch)
{
	goro_chan_recv(ch, NULL);
}

/* Those that wait are counted on their side, with a select's on each. */
T_GORO(channels_tell_who_waits_on_either_side)
{
	struct goro_chan *ch[] = { make_chan(0), make_chan(3) };
	struct gt_profile p;

	goro_go(choose_one, ch);
	for (int i = 0; i < 2; i++)
		goro_go(receive_one, ch[1]);
	T_EVENTUALLY((goro_yield(), RECEIVERS(ch[1]) == 3));
	t_profile("chan", &p);
	T_CHECK(!strcmp(gt_profile_string(&p, p.type[2].type), "senders"));
	T_CHECK_EQ(t_profile_sum(&p, "make_chan", 0), 2);
	T_CHECK_EQ(t_profile_sum(&p, "make_chan", 2), 1);
	T_CHECK_EQ(t_profile_sum(&p, "make_chan", 3), 3);
	gt_profile_fini(&p);
	goro_chan_close(ch[1]);
	T_EVENTUALLY((goro_yield(), goro_count() == 1));
	goro_chan_unref(ch[0]);
	goro_chan_unref(ch[1]);
}

static void
leak(void *arg)
{
	/* Nobody else has it, and it goes with us. */
	goro_chan_recv(make_chan(0), NULL);
	__asm__ volatile("");
	(void)arg;
}

T_GORO(leaks_are_those_that_can_never_go_on)
{
	int fd = memfd_create("leak", MFD_CLOEXEC), err;
	struct gt_profile p;

	start(waiter, WAITERS);
	for (int i = 0; i < LEAKS; i++)
		goro_go(leak, NULL);
	goro_sleep(1000000);
	err = goro_profile_write("goroutineleak", fd);
	if (err == -ENOTSUP) { /* ThreadSanitizer */
		close(fd);
	} else {
		T_CHECK_EQ(err, 0);
		t_profile_read(fd, &p);
		/* What an old stack happens to point to is not proven. */
		T_CHECK(t_profile_sum(&p, "leak", 0) >= LEAKS / 2);
		T_CHECK(t_profile_sum(&p, "leak", 0) <= LEAKS);
		T_CHECK_EQ(t_profile_sum(&p, "waiter", 0), 0);
		gt_profile_fini(&p);
	}
	goro_chan_close(ch);
	T_EVENTUALLY((goro_yield(), goro_count() == 1 + LEAKS));
	goro_chan_unref(ch);
}

T_GORO(wall_counts_those_that_wait)
{
	struct gt_profile p;

	start(waiter, WAITERS);
	t_profile("wall", &p);
	T_CHECK(!strcmp(gt_profile_string(&p, p.type[1].type), "time"));
	/* For all of the second, as near as 99 looks can tell. */
	T_CHECK(t_profile_sum(&p, "wait_here", 1) >= WAITERS * 900000000ll);
	gt_profile_fini(&p);
	stop(WAITERS);
}

T_GORO(threadcreate_counts_threads)
{
	struct gt_profile p;

	t_profile("threadcreate", &p);
	T_CHECK(t_profile_sum(&p, NULL, 0) >= 1);
	gt_profile_fini(&p);
}

T_GORO(what_cannot_be_written_is_reported)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	T_CHECK_EQ(goro_profile_write("goroutine", -1), -EBADF);
	T_CHECK_EQ(goro_profile_write("goroutine", full), -ENOSPC);
	T_CHECK_EQ(goro_profile_write("nonsense", 1), -ENOENT);
	close(full);
}

/* Outside of a run there are no goroutines, and that is what it says. */
static void
a_profile_may_be_asked_for_anywhere(void **state)
{
	struct gt_profile p;

	(void)state;
	t_profile("goroutine", &p);
	assert_int_equal(p.samples.n, 0);
	gt_profile_fini(&p);
}

/* Started and ended all the time, while profiles are taken. */
static void
flicker(void *arg)
{
	goro_label_set("turn", (uintptr_t)arg % 2 ? "odd" : "even");
	goro_yield();
	goro_label_set("turn", "last");
}

static bool stop_flicker;

static void
flicker_on(void *arg)
{
	(void)arg;
	for (uintptr_t i = 0; !__atomic_load_n(&stop_flicker, __ATOMIC_RELAXED);
	     i++) {
		goro_go(flicker, (void *)i);
		if (i % 100 == 0)
			goro_yield();
	}
	goro_waitgroup_done(&ready);
}

T_GORO(goroutines_may_come_and_go_meanwhile)
{
	struct gt_profile p;

	goro_waitgroup_add(&ready, 2);
	goro_go(flicker_on, NULL);
	goro_go(flicker_on, NULL);
	for (int i = 0; i < 50; i++) {
		t_profile("goroutine", &p);
		gt_profile_fini(&p);
		goro_yield();
	}
	__atomic_store_n(&stop_flicker, true, __ATOMIC_RELAXED);
	goro_waitgroup_wait(&ready);
	T_EVENTUALLY((goro_yield(), goro_count() == 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goroutines_are_counted_by_stack_and_labels),
		cmocka_unit_test(stacks_are_whole),
		cmocka_unit_test(creation_tells_who_started_them),
		cmocka_unit_test(a_profile_is_in_the_form_that_pprof_wants),
		cmocka_unit_test(one_that_runs_has_its_stack_too),
		cmocka_unit_test(channels_are_counted_by_who_made_them),
		cmocka_unit_test(channels_tell_who_waits_on_either_side),
		cmocka_unit_test(leaks_are_those_that_can_never_go_on),
		cmocka_unit_test(wall_counts_those_that_wait),
		cmocka_unit_test(threadcreate_counts_threads),
		cmocka_unit_test(what_cannot_be_written_is_reported),
		cmocka_unit_test(a_profile_may_be_asked_for_anywhere),
		cmocka_unit_test(goroutines_may_come_and_go_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
