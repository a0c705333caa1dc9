// SPDX-License-Identifier: MIT
/*
 * test_glimpse.c - copies of goroutines that others run meanwhile are true
 *
 * Two goroutines hand a token back and forth as fast as they can. Before each
 * wait they go down one of two paths, of functions that never mix. A thread
 * that is not the runtime's copies them all the time: each copy that is said
 * to be true must show one path, whole.
 */
#include "test.h"

#include <pthread.h>
#include <string.h>

#include "goro/goro.h"
#include "names.h"
#include "rollcall.h"
#include "sched.h"
#include "snapshot.h"

enum {
	COPIES = 20000, /* attempts; a good part must be true */
	ROWS = 1024,
	DEPTH = 6,
};

#define NOINLINE __attribute__((noinline))
#define STAY() __asm__ volatile("" ::: "memory")

static struct goro_chan *ping, *pong;
static uint32_t stop; /* [pair stop] */

static struct gr_modules modules;
static struct gr_row slots[ROWS];
static struct gr_rows rows = { slots, ROWS - 1 };
static struct gr_names names;
static struct gr_snapshot snapshot;
static long seen, by_left, by_right, fresh;

static NOINLINE bool
left(int depth, struct goro_chan *ch)
{
	bool open = depth ? left(depth - 1, ch) : goro_chan_recv(ch, NULL);

	STAY();
	return open;
}

static NOINLINE bool
right(int depth, struct goro_chan *ch)
{
	volatile char room[100];
	bool open;

	room[depth] = 1;
	open = depth ? right(depth - 1, ch) : goro_chan_recv(ch, NULL);
	STAY();
	return open && room[depth];
}

static NOINLINE void
player(void *arg)
{
	struct goro_chan *in = arg ? ping : pong, *out = arg ? pong : ping;
	bool last = false;

	for (int n = 0; !last; n++) {
		if (n % 3)
			left(DEPTH, in);
		else
			right(DEPTH, in);
		/* [pair stop] asked with the token in hand, which then goes
		 * on, or the other would wait for ever. */
		last = __atomic_load_n(&stop, __ATOMIC_ACQUIRE);
		goro_chan_send(out, "");
	}
}

/* What a true copy of a player that waits to receive must look like. */
static void
check(const struct gr_snapshot *s)
{
	int lefts = 0, rights = 0, players = 0;

	T_CHECK(s->frames.end == GR_STEP_END);
	for (uint64_t i = 0; i < s->frames.n; i++) {
		const struct gr_frame *f = gr_frames_get(&s->frames, i);
		const struct gr_name *name = gr_names_get(&names,
							  f->pc - !f->exact);

		lefts += !strcmp(name->text, "left");
		rights += !strcmp(name->text, "right");
		players += !strcmp(name->text, "player");
		/* Inner before outer: never a path below its player. */
		T_CHECK(!players || strcmp(name->text, "left"));
	}
	T_CHECK_EQ(players, 1);
	T_CHECK(!lefts || !rights);
	T_CHECK(lefts + rights <= DEPTH + 1);
	by_left += lefts == DEPTH + 1;
	by_right += rights == DEPTH + 1;
	seen++;
}

static void
glimpse(const struct gr_g *g, void *arg)
{
	const struct gr_walker walker = { &modules, &rows };

	(void)arg;
	if (!gr_snapshot(&walker, g, &snapshot) || !snapshot.frames.n ||
	    snapshot.entry != (uintptr_t)player)
		return;
	if (snapshot.flags & GORO_ABI_G_FRESH)
		fresh++;
	else
		check(&snapshot);
}

static void *
watch(void *arg)
{
	for (int i = 0; i < COPIES; i++)
		gr_roll_call(glimpse, NULL);
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE); /* [pair stop] */
	return arg;
}

static int
play(void *arg)
{
	pthread_t watcher;

	(void)arg;
	gr_modules_read(&modules);
	gr_names_init(&names, &modules);
	ping = goro_chan_create(1, 1);
	pong = goro_chan_create(1, 1);
	goro_go(player, NULL);
	goro_go(player, ping);
	goro_chan_send(ping, "");
	T_CHECK(!pthread_create(&watcher, NULL, watch, NULL));
	T_EVENTUALLY(goro_count() == 1);
	pthread_join(watcher, NULL);
	goro_chan_unref(ping);
	goro_chan_unref(pong);
	return 0;
}

static void
copies_of_goroutines_that_run_are_whole_or_not_given(void **state)
{
	(void)state;
	assert_int_equal(goro_run(play, NULL), 0);
	print_message("%ld true copies: %ld left, %ld right; %ld fresh\n", seen,
		      by_left, by_right, fresh);
	assert_true(seen > 0);
}

static void
frames_past_the_limit_are_the_outermost(void **state)
{
	static struct gr_frames fs;
	enum { N = 250 };

	(void)state;
	fs.n = N;
	for (uint64_t i = 0; i < N; i++) {
		struct gr_frame f = { .pc = i };

		if (i < GR_FRAMES_INNER)
			fs.inner[i] = f;
		else
			fs.outer[i % GR_FRAMES_OUTER] = f;
	}
	for (uint64_t i = 0; i < N + 2; i++) {
		const struct gr_frame *f = gr_frames_get(&fs, i);

		if (i < GR_FRAMES_INNER ||
		    (i >= N - GR_FRAMES_OUTER && i < N)) {
			assert_non_null(f);
			assert_int_equal(f->pc, i);
		} else {
			assert_null(f);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			copies_of_goroutines_that_run_are_whole_or_not_given),
		cmocka_unit_test(frames_past_the_limit_are_the_outermost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
