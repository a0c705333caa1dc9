// SPDX-License-Identifier: MIT
/*
 * test_thread_lock.c - a locked goroutine has its thread, and has it alone
 */
#include "test.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "goro/goro.h"
#include "san.h"
#include "sched.h"

static int
tid(void)
{
	return (int)syscall(SYS_gettid);
}

static int
threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int n = -2; /* . and .. */

	T_CHECK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* --- One thread ----------------------------------------------------------- */

static atomic_int locked_tid, stop;

/* Runs until told to stop, and never on the locked thread. */
static void
other(void *arg)
{
	struct goro_waitgroup *done = arg;

	while (!atomic_load(&stop)) {
		T_CHECK(tid() != atomic_load(&locked_tid));
		goro_yield();
		if (!(goro_now() & 7))
			goro_sleep(1000);
	}
	goro_waitgroup_done(done);
}

static void
echo(void *arg)
{
	struct goro_chan **ch = arg;
	int n;

	while (goro_chan_recv(ch[0], &n))
		goro_chan_send(ch[1], &n);
	goro_chan_close(ch[1]);
}

T_GORO(locked_goroutine_has_its_thread_alone)
{
	struct goro_chan *ch[2] = { goro_chan_create(sizeof(int), 0),
				    goro_chan_create(sizeof(int), 1) };
	struct goro_waitgroup done = GORO_WAITGROUP_INIT;
	int self, n;

	atomic_store(&stop, 0);
	goro_thread_lock();
	self = tid();
	atomic_store(&locked_tid, self);
	goro_go(echo, ch);
	goro_waitgroup_add(&done, 4);
	for (int i = 0; i < 4; i++)
		goro_go(other, &done);
	for (int i = 0; i < 500; i++) {
		goro_yield();
		T_CHECK_EQ(tid(), self);
		goro_chan_send(ch[0], &i);
		T_CHECK_EQ(tid(), self);
		T_CHECK(goro_chan_recv(ch[1], &n));
		T_CHECK_EQ(n, i);
		T_CHECK_EQ(tid(), self);
		if (i % 50 == 0)
			goro_sleep(100000);
		T_CHECK_EQ(tid(), self);
		if (i % 50 == 25) {
			goro_blocking_begin();
			usleep(100);
			goro_blocking_end();
		}
		T_CHECK_EQ(tid(), self);
	}
	atomic_store(&locked_tid, 0);
	goro_thread_unlock();
	atomic_store(&stop, 1);
	goro_chan_close(ch[0]);
	T_CHECK(!goro_chan_recv(ch[1], &n));
	goro_waitgroup_wait(&done);
	goro_chan_unref(ch[0]);
	goro_chan_unref(ch[1]);
}

T_GORO(alone_it_yields_and_sleeps)
{
	goro_thread_lock();
	int self = tid();

	for (int i = 0; i < 10000; i++)
		goro_yield();
	for (int i = 0; i < 20; i++)
		goro_sleep(100000);
	T_CHECK_EQ(tid(), self);
	goro_thread_unlock();
}

static struct gr_g *
self_g(void)
{
	return gr_m_self()->g;
}

T_GORO(locks_nest_and_show)
{
	T_CHECK(!(self_g()->flags & GORO_ABI_G_LOCKED));
	goro_thread_unlock(); /* without a lock: nothing */
	goro_thread_lock();
	goro_thread_lock();
	goro_thread_unlock();
	T_CHECK(self_g()->flags & GORO_ABI_G_LOCKED);
	goro_thread_unlock();
	T_CHECK(!(self_g()->flags & GORO_ABI_G_LOCKED));
	goro_yield();
}

/* --- Several -------------------------------------------------------------- */

struct pair {
	struct goro_chan *in, *out;
	struct goro_waitgroup *done;
};

static void
locked_passer(void *arg)
{
	struct pair *p = arg;
	int n, self;

	goro_thread_lock();
	self = tid();
	for (int i = 0; i < 300; i++) {
		T_CHECK(goro_chan_recv(p->in, &n));
		n++;
		goro_chan_send(p->out, &n);
		T_CHECK_EQ(tid(), self);
	}
	goro_thread_unlock();
	goro_waitgroup_done(p->done);
}

T_GORO(locked_ones_hand_to_each_other)
{
	enum { RING = 4 };
	struct goro_chan *ch[RING + 1];
	struct pair pair[RING];
	struct goro_waitgroup done = GORO_WAITGROUP_INIT;
	int n;

	for (int i = 0; i <= RING; i++)
		ch[i] = goro_chan_create(sizeof(int), 0);
	goro_waitgroup_add(&done, RING);
	for (int i = 0; i < RING; i++) {
		pair[i] = (struct pair){ ch[i], ch[i + 1], &done };
		goro_go(locked_passer, &pair[i]);
	}
	for (int i = 0; i < 300; i++) {
		goro_chan_send(ch[0], &i);
		T_CHECK(goro_chan_recv(ch[RING], &n));
		T_CHECK_EQ(n, i + RING);
	}
	goro_waitgroup_wait(&done);
	for (int i = 0; i <= RING; i++)
		goro_chan_unref(ch[i]);
}

static void
locked_yielder(void *arg)
{
	goro_thread_lock();
	while (!atomic_load(&stop))
		goro_yield();
	goro_thread_unlock();
	goro_waitgroup_done(arg);
}

T_GORO(locked_ones_do_not_starve_the_others)
{
	struct goro_waitgroup done = GORO_WAITGROUP_INIT;

	atomic_store(&stop, 0);
	goro_waitgroup_add(&done, 3);
	for (int i = 0; i < 3; i++)
		goro_go(locked_yielder, &done);
	for (int i = 0; i < 200; i++)
		goro_yield();
	goro_sleep(1000000);
	atomic_store(&stop, 1);
	goro_waitgroup_wait(&done);
}

/* --- Ending --------------------------------------------------------------- */

static void
end_locked(void *arg)
{
	goro_thread_lock();
	goro_waitgroup_done(arg);
}

T_GORO(thread_ends_with_the_goroutine_it_is_locked_to)
{
	struct goro_waitgroup done = GORO_WAITGROUP_INIT;

	for (int round = 0; round < 40; round++) {
		goro_waitgroup_add(&done, 5);
		for (int i = 0; i < 5; i++)
			goro_go(end_locked, &done);
		goro_waitgroup_wait(&done);
	}
	T_EVENTUALLY(threads() < 20); /* of 200 */
	T_EVENTUALLY(goro_count() == 1);
}

static int
leave_locked(void *arg)
{
	struct goro_chan *ch = goro_chan_create(sizeof(int), 0);
	struct pair p = { ch, ch, NULL };

	(void)arg;
	goro_go(locked_passer, &p);
	goro_go(locked_passer, &p);
	goro_thread_lock();
	goro_sleep(1000000);
	return 5; /* locked, and with others waiting */
}

static void
run_ends_with_locked_ones(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		assert_int_equal(goro_run(leave_locked, NULL), 5);
}

#ifndef GR_TSAN /* has threads of its own, in a child one more */
static struct t_child child;

static int
wait_locked(void *arg)
{
	(void)arg;
	goro_thread_lock();
	goro_chan_recv(NULL, NULL);
	return 0;
}

static void
run_wait_locked(void)
{
	goro_run(wait_locked, NULL);
}

static void
deadlock_is_seen_with_locked_ones(void **state)
{
	(void)state;
	t_child_run(&child, run_wait_locked);
	assert_int_equal(child.status, 2);
	assert_non_null(strstr(child.out, "all goroutines are asleep"));
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
#ifndef GR_TSAN
		cmocka_unit_test(deadlock_is_seen_with_locked_ones),
#endif
		cmocka_unit_test(locked_goroutine_has_its_thread_alone),
		cmocka_unit_test(alone_it_yields_and_sleeps),
		cmocka_unit_test(locks_nest_and_show),
		cmocka_unit_test(locked_ones_hand_to_each_other),
		cmocka_unit_test(locked_ones_do_not_starve_the_others),
		cmocka_unit_test(thread_ends_with_the_goroutine_it_is_locked_to),
		cmocka_unit_test(run_ends_with_locked_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
