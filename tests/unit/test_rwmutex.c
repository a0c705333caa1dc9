// SPDX-License-Identifier: MIT
/*
 * test_rwmutex.c - readers and writers: who may be inside, who is next
 */
#include "test.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "goro/goro.h"
#include "queued.h"

static int
waiting_readers(struct goro_rwmutex *rw)
{
	return queued(&rw->lock_, &rw->readers_);
}

static int
waiting_writers(struct goro_rwmutex *rw)
{
	return queued(&rw->lock_, &rw->writers_);
}

/* --- Who may be inside ---------------------------------------------------- */

T_GORO(rwmutex_is_unlocked_when_zeroed_or_initialised)
{
	struct goro_rwmutex a = GORO_RWMUTEX_INIT, b;

	memset(&b, 0, sizeof(b));
	goro_rwmutex_lock(&a);
	goro_rwmutex_rlock(&b);
	goro_rwmutex_unlock(&a);
	goro_rwmutex_runlock(&b);
	goro_rwmutex_rlock(&a);
	goro_rwmutex_lock(&b);
	goro_rwmutex_runlock(&a);
	goro_rwmutex_unlock(&b);
}

struct shared {
	struct goro_rwmutex rw;
	struct goro_waitgroup all;
	int rounds, most_readers;
	atomic_int readers, writers;
	long sum;
};

static void
read_sum(void *arg)
{
	struct shared *s = arg;
	long before;

	for (int i = 0; i < s->rounds; i++) {
		goro_rwmutex_rlock(&s->rw);
		s->readers++;
		T_CHECK_EQ(s->writers, 0);
		before = s->sum;
		if (i % 3 == 0)
			goro_yield();
		T_CHECK_EQ(s->sum, before);
		T_CHECK_EQ(s->writers, 0);
		s->readers--;
		goro_rwmutex_runlock(&s->rw);
	}
	goro_waitgroup_done(&s->all);
}

static void
add_to_sum(void *arg)
{
	struct shared *s = arg;

	for (int i = 0; i < s->rounds; i++) {
		goro_rwmutex_lock(&s->rw);
		T_CHECK_EQ(s->writers++, 0);
		T_CHECK_EQ(s->readers, 0);
		s->sum++;
		if (i % 5 == 0)
			goro_yield();
		T_CHECK_EQ(s->readers, 0);
		T_CHECK_EQ(s->writers--, 1);
		goro_rwmutex_unlock(&s->rw);
	}
	goro_waitgroup_done(&s->all);
}

static void
use_from_many(int readers, int writers, int rounds)
{
	struct shared s = { .rounds = rounds };

	goro_waitgroup_add(&s.all, readers + writers);
	for (int i = 0; i < readers; i++)
		goro_go(read_sum, &s);
	for (int i = 0; i < writers; i++)
		goro_go(add_to_sum, &s);
	goro_waitgroup_wait(&s.all);
	T_CHECK_EQ(s.sum, (long)writers * rounds);
}

/* As Go's TestRWMutex, with more of them. */
T_GORO(rwmutex_keeps_writers_alone)
{
	use_from_many(1, 1, 1000);
	use_from_many(8, 1, 500);
	use_from_many(1, 8, 500);
	use_from_many(8, 4, 500);
	use_from_many(0, 8, 500);
}

struct meeting {
	struct goro_rwmutex rw;
	struct goro_chan *inside, *leave, *gone;
};

static void
read_until_told(void *arg)
{
	struct meeting *m = arg;

	goro_rwmutex_rlock(&m->rw);
	goro_chan_send(m->inside, NULL);
	goro_chan_recv(m->leave, NULL);
	goro_rwmutex_runlock(&m->rw);
	goro_chan_send(m->gone, NULL);
}

/* As Go's TestParallelReaders: all are inside at the same time. */
T_GORO(rwmutex_lets_readers_in_together)
{
	struct meeting m = {
		.inside = goro_chan_create(0, 0),
		.leave = goro_chan_create(0, 0),
		.gone = goro_chan_create(0, 0),
	};

	for (int i = 0; i < 10; i++)
		goro_go(read_until_told, &m);
	for (int i = 0; i < 10; i++)
		goro_chan_recv(m.inside, NULL);
	goro_chan_close(m.leave);
	for (int i = 0; i < 10; i++)
		goro_chan_recv(m.gone, NULL);
	goro_chan_unref(m.inside);
	goro_chan_unref(m.leave);
	goro_chan_unref(m.gone);
}

/* --- Who is next ---------------------------------------------------------- */

struct line {
	struct goro_rwmutex rw;
	struct goro_waitgroup all;
	char order[16];
	atomic_int n;
};

struct place {
	struct line *line;
	char mark;
};

static void
write_in_line(void *arg)
{
	struct place *p = arg;

	goro_rwmutex_lock(&p->line->rw);
	p->line->order[p->line->n++] = p->mark;
	goro_rwmutex_unlock(&p->line->rw);
	goro_waitgroup_done(&p->line->all);
}

static void
read_in_line(void *arg)
{
	struct place *p = arg;

	goro_rwmutex_rlock(&p->line->rw);
	p->line->order[p->line->n++] = p->mark;
	goro_rwmutex_runlock(&p->line->rw);
	goro_waitgroup_done(&p->line->all);
}

static void
start_writer(struct line *line, char mark)
{
	struct place p = { line, mark };
	int before = waiting_writers(&line->rw);

	goro_waitgroup_add(&line->all, 1);
	goro_go_copy(write_in_line, &p, sizeof(p));
	T_EVENTUALLY(waiting_writers(&line->rw) == before + 1);
}

static void
start_reader(struct line *line)
{
	struct place p = { line, 'r' };
	int before = waiting_readers(&line->rw);

	goro_waitgroup_add(&line->all, 1);
	goro_go_copy(read_in_line, &p, sizeof(p));
	T_EVENTUALLY(waiting_readers(&line->rw) == before + 1);
}

T_GORO(rwmutex_waiting_writer_bars_new_readers)
{
	struct line line = { 0 };

	goro_rwmutex_rlock(&line.rw);
	start_writer(&line, 'W');
	T_CHECK(!goro_rwmutex_try_rlock(&line.rw));
	start_reader(&line);
	T_CHECK_EQ(line.n, 0);
	goro_rwmutex_runlock(&line.rw);
	goro_waitgroup_wait(&line.all);
	T_CHECK(!strcmp(line.order, "Wr"));
	T_CHECK(goro_rwmutex_try_rlock(&line.rw));
	goro_rwmutex_runlock(&line.rw);
}

T_GORO(rwmutex_readers_and_writers_take_turns)
{
	struct line line = { 0 };

	goro_rwmutex_lock(&line.rw);
	start_reader(&line);
	start_writer(&line, '1');
	start_writer(&line, '2');
	start_reader(&line);
	T_CHECK_EQ(line.n, 0);
	/* All readers that wait by then; then the writers, in order. */
	goro_rwmutex_unlock(&line.rw);
	goro_waitgroup_wait(&line.all);
	T_CHECK(!strcmp(line.order, "rr12"));
}

T_GORO(rwmutex_writers_come_in_order)
{
	struct line line = { 0 };

	goro_rwmutex_rlock(&line.rw);
	for (char c = 'a'; c < 'i'; c++)
		start_writer(&line, c);
	goro_rwmutex_runlock(&line.rw);
	goro_waitgroup_wait(&line.all);
	T_CHECK(!strcmp(line.order, "abcdefgh"));
}

static void
read_all_the_time(void *arg)
{
	struct line *line = arg;

	while (!line->n) {
		goro_rwmutex_rlock(&line->rw);
		goro_yield();
		goro_rwmutex_runlock(&line->rw);
	}
	goro_waitgroup_done(&line->all);
}

T_GORO(rwmutex_readers_do_not_starve_a_writer)
{
	struct line line = { 0 };
	struct place p = { &line, 'W' };

	goro_waitgroup_add(&line.all, 5);
	for (int i = 0; i < 4; i++)
		goro_go(read_all_the_time, &line);
	for (int i = 0; i < 20; i++)
		goro_yield();
	goro_go(write_in_line, &p);
	goro_waitgroup_wait(&line.all);
}

/* --- Tries ---------------------------------------------------------------- */

static void
try_in_vain(void *arg)
{
	struct line *line = arg;

	T_CHECK(!goro_rwmutex_try_lock(&line->rw));
	T_CHECK(!goro_rwmutex_try_rlock(&line->rw));
	goro_waitgroup_done(&line->all);
}

static void
try_to_write_in_vain(void *arg)
{
	struct line *line = arg;

	T_CHECK(!goro_rwmutex_try_lock(&line->rw));
	T_CHECK(goro_rwmutex_try_rlock(&line->rw));
	goro_rwmutex_runlock(&line->rw);
	goro_waitgroup_done(&line->all);
}

T_GORO(rwmutex_tries_never_wait)
{
	struct line line = { 0 };

	T_CHECK(goro_rwmutex_try_lock(&line.rw));
	goro_waitgroup_add(&line.all, 1);
	goro_go(try_in_vain, &line);
	goro_waitgroup_wait(&line.all);
	goro_rwmutex_unlock(&line.rw);

	T_CHECK(goro_rwmutex_try_rlock(&line.rw));
	goro_waitgroup_add(&line.all, 1);
	goro_go(try_to_write_in_vain, &line);
	goro_waitgroup_wait(&line.all);
	goro_rwmutex_runlock(&line.rw);

	T_CHECK(goro_rwmutex_try_lock(&line.rw));
	goro_rwmutex_unlock(&line.rw);
}

/* --- What a goroutine holds ----------------------------------------------- */

static int
holds(const void *obj)
{
	const struct gr_hold *h = &gr_m_self()->g->hold;

	for (; h; h = h->next)
		if (h->obj == obj)
			return (int)h->n;
	return 0;
}

T_GORO(rwmutex_readers_know_what_they_hold)
{
	enum { N = 20 };
	struct goro_rwmutex rw[N];

	memset(rw, 0, sizeof(rw));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < N; i++)
			goro_rwmutex_rlock(&rw[i]);
		for (int i = 0; i < N; i += 2)
			goro_rwmutex_rlock(&rw[i]);
		for (int i = 0; i < N; i++)
			T_CHECK_EQ(holds(&rw[i]), i % 2 ? 1 : 2);
		/* Neither in order nor against it. */
		for (int i = 0; i < N; i++) {
			goro_rwmutex_runlock(&rw[i * 7 % N]);
			if (i * 7 % N % 2)
				continue;
			T_CHECK_EQ(holds(&rw[i * 7 % N]), 1);
			goro_rwmutex_runlock(&rw[i * 7 % N]);
		}
		for (int i = 0; i < N; i++) {
			T_CHECK_EQ(holds(&rw[i]), 0);
			T_CHECK(goro_rwmutex_try_lock(&rw[i]));
			goro_rwmutex_unlock(&rw[i]);
		}
	}
}

static void
end_while_reading(void *arg)
{
	struct line *line = arg;

	goro_rwmutex_rlock(&line[0].rw);
	goro_rwmutex_rlock(&line[1].rw);
	goro_waitgroup_done(&line->all);
}

static void
hold_nothing(void *arg)
{
	struct line *line = arg;

	T_CHECK_EQ(holds(&line[0].rw), 0);
	T_CHECK_EQ(holds(&line[1].rw), 0);
	goro_waitgroup_done(&line->all);
}

T_GORO(rwmutex_hold_ends_with_its_goroutine)
{
	struct line line[2] = { 0 };

	/* Often enough for a stack to be used again. */
	for (int i = 0; i < 200; i++) {
		goro_waitgroup_add(&line->all, 1);
		goro_go(i % 2 ? hold_nothing : end_while_reading, line);
		goro_waitgroup_wait(&line->all);
	}
	/* Locked for good: there is nobody who could unlock it. */
	T_CHECK(!goro_rwmutex_try_lock(&line[0].rw));
	T_CHECK(!goro_rwmutex_try_lock(&line[1].rw));
}

enum { OBJECTS = 20000, REFS = 4 };

struct object {
	struct goro_rwmutex rw;
	int refs;
};

struct objects {
	struct goro_waitgroup all;
	struct object *object[OBJECTS];
	atomic_int freed;
};

/* As a reference count is: the last to unlock frees what holds the lock. */
static bool
drop(struct object *o)
{
	bool last;

	goro_rwmutex_rlock(&o->rw);
	T_CHECK(o->refs > 0);
	goro_rwmutex_runlock(&o->rw);
	goro_rwmutex_lock(&o->rw);
	last = --o->refs == 0;
	goro_rwmutex_unlock(&o->rw);
	if (last) {
		memset(o, 0xee, sizeof(*o));
		free(o);
	}
	return last;
}

static void
drop_all(void *arg)
{
	struct objects *os = arg;

	for (int i = 0; i < OBJECTS; i++)
		os->freed += drop(os->object[i]);
	goro_waitgroup_done(&os->all);
}

T_GORO(rwmutex_may_be_freed_by_the_last_to_unlock)
{
	struct objects *os = calloc(1, sizeof(*os));

	for (int i = 0; i < OBJECTS; i++) {
		os->object[i] = calloc(1, sizeof(struct object));
		os->object[i]->refs = REFS;
	}
	goro_waitgroup_add(&os->all, REFS);
	for (int i = 0; i < REFS; i++)
		goro_go(drop_all, os);
	goro_waitgroup_wait(&os->all);
	T_CHECK_EQ(os->freed, OBJECTS);
	free(os);
}

/* --- Runs ----------------------------------------------------------------- */

static struct line left;

static int
leave_waiters(void *arg)
{
	(void)arg;
	memset(&left, 0, sizeof(left));
	goro_rwmutex_lock(&left.rw);
	start_writer(&left, 'W');
	start_reader(&left);
	return 0;
}

static int
use_what_was_left(void *arg)
{
	(void)arg;
	goro_rwmutex_unlock(&left.rw); /* we are goroutine 1 again */
	goro_rwmutex_rlock(&left.rw);
	goro_rwmutex_runlock(&left.rw);
	goro_rwmutex_lock(&left.rw);
	goro_rwmutex_unlock(&left.rw);
	T_CHECK_EQ(left.n, 0);
	return 0;
}

static void
rwmutex_is_of_use_to_the_next_run(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(goro_run(leave_waiters, NULL), 0);
		assert_int_equal(goro_run(use_what_was_left, NULL), 0);
	}
}

/* --- Misuse --------------------------------------------------------------- */

static struct goro_rwmutex misused;

static int
unlock_unlocked(void *arg)
{
	(void)arg;
	goro_rwmutex_unlock(&misused);
	return 0;
}

static int
runlock_unlocked(void *arg)
{
	(void)arg;
	goro_rwmutex_runlock(&misused);
	return 0;
}

static int
unlock_after_rlock(void *arg)
{
	(void)arg;
	goro_rwmutex_rlock(&misused);
	goro_rwmutex_unlock(&misused);
	return 0;
}

static int
runlock_after_lock(void *arg)
{
	(void)arg;
	goro_rwmutex_lock(&misused);
	goro_rwmutex_runlock(&misused);
	return 0;
}

static int
runlock_twice(void *arg)
{
	(void)arg;
	goro_rwmutex_rlock(&misused);
	goro_rwmutex_runlock(&misused);
	goro_rwmutex_runlock(&misused);
	return 0;
}

static void
unlock_it(void *arg)
{
	goro_rwmutex_unlock(arg);
}

static void
runlock_it(void *arg)
{
	goro_rwmutex_runlock(arg);
}

static int
unlock_by_another(void *arg)
{
	(void)arg;
	goro_rwmutex_lock(&misused);
	goro_go(unlock_it, &misused);
	goro_sleep(20000000000);
	return 0;
}

static int
runlock_by_another(void *arg)
{
	(void)arg;
	goro_rwmutex_rlock(&misused);
	goro_go(runlock_it, &misused);
	goro_sleep(20000000000);
	return 0;
}

static int
lock_twice(void *arg)
{
	(void)arg;
	goro_rwmutex_lock(&misused);
	goro_rwmutex_lock(&misused);
	return 0;
}

static int
upgrade(void *arg)
{
	(void)arg;
	goro_rwmutex_rlock(&misused);
	goro_rwmutex_lock(&misused);
	return 0;
}

static void
rwmutex_misuse_panics(void **state)
{
	(void)state;
	t_expect_end(unlock_unlocked, "panic: sync: Unlock of unlocked "
				      "RWMutex\n");
	t_expect_end(unlock_after_rlock, "panic: sync: Unlock of unlocked "
					 "RWMutex\n");
	t_expect_end(runlock_unlocked, "panic: sync: RUnlock of unlocked "
				       "RWMutex\n");
	t_expect_end(runlock_after_lock, "panic: sync: RUnlock of unlocked "
					 "RWMutex\n");
	t_expect_end(runlock_twice, "panic: sync: RUnlock of unlocked "
				    "RWMutex\n");
	t_expect_end(unlock_by_another, "panic: sync: Unlock of another "
					"goroutine's RWMutex\n");
	t_expect_end(runlock_by_another, "panic: sync: RUnlock of another "
					 "goroutine's RWMutex\n");
}

static void
rwmutex_locked_twice_is_a_deadlock(void **state)
{
	(void)state;
	t_expect_end(lock_twice, "all goroutines are asleep - deadlock!");
	t_expect_end(upgrade, "all goroutines are asleep - deadlock!");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			rwmutex_is_unlocked_when_zeroed_or_initialised),
		cmocka_unit_test(rwmutex_keeps_writers_alone),
		cmocka_unit_test(rwmutex_lets_readers_in_together),
		cmocka_unit_test(rwmutex_waiting_writer_bars_new_readers),
		cmocka_unit_test(rwmutex_readers_and_writers_take_turns),
		cmocka_unit_test(rwmutex_writers_come_in_order),
		cmocka_unit_test(rwmutex_readers_do_not_starve_a_writer),
		cmocka_unit_test(rwmutex_tries_never_wait),
		cmocka_unit_test(rwmutex_readers_know_what_they_hold),
		cmocka_unit_test(rwmutex_hold_ends_with_its_goroutine),
		cmocka_unit_test(rwmutex_may_be_freed_by_the_last_to_unlock),
		cmocka_unit_test(rwmutex_is_of_use_to_the_next_run),
		cmocka_unit_test(rwmutex_misuse_panics),
		cmocka_unit_test(rwmutex_locked_twice_is_a_deadlock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
