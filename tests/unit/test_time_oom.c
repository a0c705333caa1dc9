// SPDX-License-Identifier: MIT
/*
 * test_time_oom.c - what short memory does to timers, contexts and groups
 *
 * Each allocation of each constructor fails in turn; it must return NULL and
 * leave nothing behind. The linker puts the functions below between the
 * library and libc (see time.cmake); they fail only for goroutine 1.
 */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "goro/goro.h"
#include "sched.h"

#define MS INT64_C(1000000)
#define HOUR (3600 * 1000 * MS)

/* How many more succeed before one fails; negative: all do. */
static int until_failure = -1;
static int goroutines_to_fail; /* atomic */

void *__real_malloc(size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__real_realloc(void *p, size_t bytes);
void *__wrap_realloc(void *p, size_t bytes);
void *__real_mmap(void *at, size_t bytes, int prot, int flags, int fd,
		  off_t offset);
void *__wrap_mmap(void *at, size_t bytes, int prot, int flags, int fd,
		  off_t offset);
struct gr_g *__real_gr_g_create(struct gr_m *m, unsigned class,
				void (*fn)(void *), void *arg, size_t bytes,
				uint64_t creator_pc);
struct gr_g *__wrap_gr_g_create(struct gr_m *m, unsigned class,
				void (*fn)(void *), void *arg, size_t bytes,
				uint64_t creator_pc);
uint64_t __real_gr_go_copy(void (*fn)(void *), const void *arg, size_t bytes,
			   uint64_t creator_pc);
uint64_t __wrap_gr_go_copy(void (*fn)(void *), const void *arg, size_t bytes,
			   uint64_t creator_pc);

static bool
fails(void)
{
	return goro_self() == 1 && until_failure >= 0 && until_failure-- == 0;
}

void *
__wrap_malloc(size_t bytes)
{
	return fails() ? NULL : __real_malloc(bytes);
}

void *
__wrap_calloc(size_t n, size_t bytes)
{
	return fails() ? NULL : __real_calloc(n, bytes);
}

void *
__wrap_realloc(void *p, size_t bytes)
{
	return fails() ? NULL : __real_realloc(p, bytes);
}

void *
__wrap_mmap(void *at, size_t bytes, int prot, int flags, int fd, off_t offset)
{
	return fails() ? MAP_FAILED :
			 __real_mmap(at, bytes, prot, flags, fd, offset);
}

static bool
goroutine_fails(void)
{
	int n = __atomic_load_n(&goroutines_to_fail, __ATOMIC_RELAXED);

	if (n)
		__atomic_store_n(&goroutines_to_fail, n - 1, __ATOMIC_RELAXED);
	return n;
}

struct gr_g *
__wrap_gr_g_create(struct gr_m *m, unsigned class, void (*fn)(void *),
		   void *arg, size_t bytes, uint64_t creator_pc)
{
	return goroutine_fails() ?
		       NULL :
		       __real_gr_g_create(m, class, fn, arg, bytes, creator_pc);
}

uint64_t
__wrap_gr_go_copy(void (*fn)(void *), const void *arg, size_t bytes,
		  uint64_t creator_pc)
{
	return goroutine_fails() ?
		       0 :
		       __real_gr_go_copy(fn, arg, bytes, creator_pc);
}

static uint32_t
armed(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < gr_procs_ever; i++)
		n += gr_procs[i]->timers.n;
	return n;
}

static void *
make_after(void)
{
	return goro_after(HOUR);
}

static void *
make_timer(void)
{
	return goro_timer_create(HOUR);
}

static void
note_call(void *arg)
{
	goro_chan_send(arg, NULL);
}

static void *
make_func_timer(void)
{
	return goro_timer_create_func(HOUR, note_call, NULL);
}

static void *
make_ticker(void)
{
	return goro_ticker_create(HOUR);
}

static struct goro_ctx *parent;

static void *
make_cancel(void)
{
	return goro_ctx_with_cancel(parent);
}

static void *
make_timeout(void)
{
	return goro_ctx_with_timeout(parent, HOUR);
}

static void *
make_value(void)
{
	return goro_ctx_with_value(parent, &parent, NULL);
}

static void *
make_group(void)
{
	return goro_group_create(parent);
}

/* Fail the first allocation, then the second ... until none is left. */
static void *
fail_in_turn(void *(*make)(void))
{
	void *made = NULL;

	for (int n = 0; !made; n++) {
		until_failure = n;
		made = make();
		T_CHECK(n || !made); /* there is something to fail */
		T_CHECK(made || until_failure < 0);
		T_CHECK(made || !armed());
		until_failure = -1;
	}
	return made;
}

T_GORO(after_fails_cleanly)
{
	goro_chan_unref(fail_in_turn(make_after));
}

T_GORO(timer_fails_cleanly)
{
	goro_timer_destroy(fail_in_turn(make_timer));
}

T_GORO(func_timer_fails_cleanly)
{
	goro_timer_destroy(fail_in_turn(make_func_timer));
}

T_GORO(ticker_fails_cleanly)
{
	goro_timer_destroy(fail_in_turn(make_ticker));
}

T_GORO(contexts_fail_cleanly)
{
	parent = goro_ctx_with_cancel(goro_ctx_background());
	goro_ctx_unref(fail_in_turn(make_timeout));
	goro_ctx_unref(fail_in_turn(make_cancel));
	goro_ctx_unref(fail_in_turn(make_value));
	goro_ctx_cancel(parent);
	goro_ctx_unref(parent);
}

T_GORO(group_fails_cleanly)
{
	parent = goro_ctx_background();
	goro_group_destroy(fail_in_turn(make_group));
}

T_GORO(func_timer_waits_for_memory)
{
	struct goro_chan *called = goro_chan_create(0, 0);
	struct goro_timer *t = goro_timer_create_func(HOUR, note_call, called);

	__atomic_store_n(&goroutines_to_fail, 3, __ATOMIC_RELAXED);
	goro_timer_reset(t, 0);
	goro_chan_recv(called, NULL);
	T_CHECK_EQ(goroutines_to_fail, 0);
	goro_timer_destroy(t);
	goro_chan_unref(called);
}

static int
succeed(struct goro_ctx *ctx, void *arg)
{
	(void)ctx, (void)arg;
	return 0;
}

T_GORO(group_goes_on_without_one_that_could_not_start)
{
	struct goro_group *g = goro_group_create(goro_ctx_background());

	goro_group_set_limit(g, 1);
	goroutines_to_fail = 1;
	T_CHECK_EQ(goro_group_go(g, succeed, NULL), -ENOMEM);
	T_CHECK_EQ(goro_group_go(g, succeed, NULL), 0);
	T_CHECK_EQ(goro_group_go(g, succeed, NULL), 0);
	T_CHECK_EQ(goro_group_wait(g), 0);
	goro_group_destroy(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(after_fails_cleanly),
		cmocka_unit_test(timer_fails_cleanly),
		cmocka_unit_test(func_timer_fails_cleanly),
		cmocka_unit_test(ticker_fails_cleanly),
		cmocka_unit_test(contexts_fail_cleanly),
		cmocka_unit_test(group_fails_cleanly),
		cmocka_unit_test(func_timer_waits_for_memory),
		cmocka_unit_test(
			group_goes_on_without_one_that_could_not_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
