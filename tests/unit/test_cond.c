// SPDX-License-Identifier: MIT
/*
 * test_cond.c - waiting to be told
 */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "goro/goro.h"
#include "queued.h"

struct line {
	struct goro_mutex mutex;
	struct goro_cond cond;
	struct goro_waitgroup all;
	int order[8], n;
	bool told;
};

struct place {
	struct line *line;
	int nth;
};

static void
wait_in_line(void *arg)
{
	struct place *p = arg;
	struct line *line = p->line;

	goro_mutex_lock(&line->mutex);
	goro_cond_wait(&line->cond, &line->mutex);
	/* Locked again, or else this would be a foreign unlock. */
	line->order[line->n++] = p->nth;
	goro_mutex_unlock(&line->mutex);
	goro_waitgroup_done(&line->all);
}

static void
start_in_line(struct line *line, int n)
{
	goro_waitgroup_add(&line->all, n);
	for (int i = 0; i < n; i++) {
		struct place p = { line, i };

		goro_go_copy(wait_in_line, &p, sizeof(p));
		T_EVENTUALLY(QUEUED(&line->cond) == i + 1);
	}
}

static int
served(struct line *line)
{
	int n;

	goro_mutex_lock(&line->mutex);
	n = line->n;
	goro_mutex_unlock(&line->mutex);
	return n;
}

T_GORO(cond_signal_wakes_one_in_order)
{
	struct line line = { .cond = GORO_COND_INIT };

	start_in_line(&line, 8);
	for (int i = 0; i < 8; i++) {
		T_CHECK_EQ(served(&line), i);
		T_CHECK_EQ(QUEUED(&line.cond), 8 - i);
		goro_cond_signal(&line.cond);
		T_EVENTUALLY(served(&line) == i + 1);
		T_CHECK_EQ(line.order[i], i);
	}
	goro_waitgroup_wait(&line.all);
}

T_GORO(cond_broadcast_wakes_all)
{
	struct line line = { 0 };

	for (int round = 1; round <= 10; round++) {
		line.n = 0;
		start_in_line(&line, 8);
		goro_mutex_lock(&line.mutex);
		goro_cond_broadcast(&line.cond);
		T_CHECK_EQ(line.n, 0); /* they need the mutex as well */
		goro_mutex_unlock(&line.mutex);
		goro_waitgroup_wait(&line.all);
		T_CHECK_EQ(line.n, 8);
	}
}

T_GORO(cond_signal_without_waiters_is_lost)
{
	struct line line = { 0 };

	goro_cond_signal(&line.cond);
	goro_cond_broadcast(&line.cond);
	start_in_line(&line, 1);
	goro_yield();
	T_CHECK_EQ(served(&line), 0);
	goro_cond_signal(&line.cond);
	goro_waitgroup_wait(&line.all);
}

/* A queue of bounded length, the textbook's use of two conditions. */
struct store {
	struct goro_mutex mutex;
	struct goro_cond not_empty, not_full;
	struct goro_waitgroup all;
	int items, most;
	long made, taken;
};

enum { ITEMS = 2000, MOST = 3, SIDES = 4 };

static void
make(void *arg)
{
	struct store *s = arg;

	for (int i = 0; i < ITEMS; i++) {
		goro_mutex_lock(&s->mutex);
		while (s->items == MOST)
			goro_cond_wait(&s->not_full, &s->mutex);
		s->items++;
		s->made++;
		goro_cond_signal(&s->not_empty);
		goro_mutex_unlock(&s->mutex);
	}
	goro_waitgroup_done(&s->all);
}

static void
take(void *arg)
{
	struct store *s = arg;

	for (int i = 0; i < ITEMS; i++) {
		goro_mutex_lock(&s->mutex);
		while (!s->items)
			goro_cond_wait(&s->not_empty, &s->mutex);
		T_CHECK(s->items <= MOST);
		s->items--;
		s->taken++;
		goro_mutex_unlock(&s->mutex);
		goro_cond_signal(&s->not_full); /* without it, for a change */
	}
	goro_waitgroup_done(&s->all);
}

T_GORO(cond_passes_on_what_it_is_told)
{
	struct store s = { 0 };

	goro_waitgroup_add(&s.all, 2 * SIDES);
	for (int i = 0; i < SIDES; i++) {
		goro_go(make, &s);
		goro_go(take, &s);
	}
	goro_waitgroup_wait(&s.all);
	T_CHECK_EQ(s.made, SIDES * ITEMS);
	T_CHECK_EQ(s.taken, SIDES * ITEMS);
}

/* As Go's TestRace: three states in turn, each told of by another means. */
static void
first(void *arg)
{
	struct line *l = arg;

	goro_mutex_lock(&l->mutex);
	l->n = 1;
	goro_cond_wait(&l->cond, &l->mutex);
	T_CHECK_EQ(l->n, 2);
	l->n = 3;
	goro_cond_signal(&l->cond);
	goro_mutex_unlock(&l->mutex);
	goro_waitgroup_done(&l->all);
}

static void
second(void *arg)
{
	struct line *l = arg;

	goro_mutex_lock(&l->mutex);
	for (; l->n != 1; goro_mutex_lock(&l->mutex)) {
		goro_mutex_unlock(&l->mutex);
		goro_yield();
	}
	l->n = 2;
	goro_cond_broadcast(&l->cond);
	goro_mutex_unlock(&l->mutex);
	goro_waitgroup_done(&l->all);
}

static void
third(void *arg)
{
	struct line *l = arg;

	goro_mutex_lock(&l->mutex);
	while (l->n != 2 && l->n != 3) {
		goro_mutex_unlock(&l->mutex);
		goro_yield();
		goro_mutex_lock(&l->mutex);
	}
	while (l->n == 2) {
		goro_cond_wait(&l->cond, &l->mutex);
		T_CHECK_EQ(l->n, 3);
	}
	goro_mutex_unlock(&l->mutex);
	goro_waitgroup_done(&l->all);
}

T_GORO(cond_wait_is_one_step)
{
	for (int i = 0; i < 200; i++) {
		struct line line = { 0 };

		goro_waitgroup_add(&line.all, 3);
		goro_go(first, &line);
		goro_go(second, &line);
		goro_go(third, &line);
		goro_waitgroup_wait(&line.all);
	}
}

static void *
tell_from_thread(void *arg)
{
	struct line *line = arg;

	T_CHECK_EQ(QUEUED(&line->cond), 3);
	goro_cond_signal(&line->cond);
	goro_cond_broadcast(&line->cond);
	return NULL;
}

T_GORO(cond_may_be_told_from_any_thread)
{
	struct line line = { 0 };
	pthread_t thread;

	start_in_line(&line, 3);
	T_CHECK_EQ(pthread_create(&thread, NULL, tell_from_thread, &line), 0);
	goro_waitgroup_wait(&line.all);
	pthread_join(thread, NULL);
}

/* --- Misuse --------------------------------------------------------------- */

static struct goro_cond cond;
static struct goro_mutex mutex;

static int
wait_unlocked(void *arg)
{
	(void)arg;
	goro_cond_wait(&cond, &mutex);
	return 0;
}

static int
wait_for_nobody(void *arg)
{
	(void)arg;
	goro_mutex_lock(&mutex);
	goro_cond_wait(&cond, &mutex);
	return 0;
}

static void
cond_wait_without_the_mutex_panics(void **state)
{
	(void)state;
	t_expect_end(wait_unlocked, "panic: sync: unlock of unlocked mutex\n");
}

static void
cond_that_nobody_signals_is_a_deadlock(void **state)
{
	(void)state;
	t_expect_end(wait_for_nobody, "all goroutines are asleep - deadlock!");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cond_signal_wakes_one_in_order),
		cmocka_unit_test(cond_broadcast_wakes_all),
		cmocka_unit_test(cond_signal_without_waiters_is_lost),
		cmocka_unit_test(cond_passes_on_what_it_is_told),
		cmocka_unit_test(cond_wait_is_one_step),
		cmocka_unit_test(cond_may_be_told_from_any_thread),
		cmocka_unit_test(cond_wait_without_the_mutex_panics),
		cmocka_unit_test(cond_that_nobody_signals_is_a_deadlock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
