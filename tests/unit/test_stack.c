// SPDX-License-Identifier: MIT
/*
 * test_stack.c - stacks are as deep as they should be, and not deeper
 */
#include "test.h"

#include <alloca.h>
#include <fenv.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "goro/goro.h"
#include "runtime.h"
#include "san.h"
#include "sched.h"

static struct t_child child;

/* --- Depth ---------------------------------------------------------------- */

/* What a call may need below us: a sanitizer's, or that of a switch. */
enum { ROOM = 16 << 10 };

/* Recurse until only ROOM is left, then return; every frame is written to and
 * checked on the way back. Returns the bytes used. */
static __attribute__((noinline)) size_t
descend(uintptr_t top, uintptr_t bottom)
{
	unsigned char frame[4000]; /* TSan: 65,536 calls at most */
	size_t used = top - (uintptr_t)__builtin_frame_address(0);

	memset(frame, used & 0xff, sizeof(frame));
	/* clang would keep two bytes of it. */
	__asm__ volatile("" : : "r"(frame) : "memory");
	if ((uintptr_t)__builtin_frame_address(0) - bottom > ROOM) {
		size_t below = descend(top, bottom);

		T_CHECK_EQ(frame[0], used & 0xff);
		T_CHECK_EQ(frame[3999], used & 0xff);
		return below;
	}
	goro_yield(); /* a switch fits here, and brings us back */
	return used;
}

/* Use all of this goroutine's stack; returns how much there was. */
static size_t
use_whole_stack(void)
{
	struct gr_g *g = gr_m_self()->g;

	return descend((uintptr_t)__builtin_frame_address(0), g->stack_lo);
}

static void
send_depth(void *arg)
{
	size_t used = use_whole_stack();

	goro_chan_send(arg, &used);
}

/* What a goroutine of this size can use of its stack. */
static size_t
depth_of(size_t stack_bytes)
{
	struct goro_chan *ch = goro_chan_create(sizeof(size_t), 0);
	struct goro_attr attr = { .stack_bytes = stack_bytes };
	size_t used;

	T_CHECK(goro_go_attr(&attr, send_depth, ch));
	goro_chan_recv(ch, &used);
	goro_chan_unref(ch);
	return used;
}

/* All but the guard page, the record, what was used to get there, and ROOM. */
static size_t
at_least(size_t stack_bytes)
{
	return stack_bytes - ROOM - (12 << 10);
}

T_GORO(default_stack_is_256_kib)
{
	size_t used = depth_of(0);

	T_CHECK(used > at_least(256 << 10));
	T_CHECK(used < 256 << 10);
}

T_GORO(stack_is_as_deep_as_asked_for)
{
	static const size_t sizes[] = { 65536, 1 << 20, 16 << 20, 64 << 20 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t used = depth_of(sizes[i]);

		T_CHECK(used > at_least(sizes[i]));
		T_CHECK(used < sizes[i]);
	}
}

T_GORO(main_has_8_mib)
{
	T_CHECK(use_whole_stack() > at_least(8 << 20));
}

static int
check_1_mib(void *arg)
{
	(void)arg;
	T_CHECK(depth_of(0) > at_least(1 << 20));
	T_CHECK(depth_of(65536) < 65536);
	return 0;
}

static void
gorostack_sets_the_default(void **state)
{
	(void)state;
	setenv("GOROSTACK", "1048576", 1);
	assert_int_equal(goro_run(check_1_mib, NULL), 0);
	setenv("GOROSTACK", "nonsense", 1);
	assert_int_equal(goro_run(default_stack_is_256_kib_main, NULL), 0);
	unsetenv("GOROSTACK");
}

/* --- Overflow ------------------------------------------------------------- */

static volatile int never = -1;

static __attribute__((noinline)) int
recurse_for_ever(int n)
{
	volatile int frame[100];

	if (n == never)
		return 0;
	frame[n % 100] = n;
	return recurse_for_ever(n + 1) + frame[n % 100];
}

static void
overflow(void *arg)
{
	(void)arg;
	exit(recurse_for_ever(0));
}

static int
overflow_in_goroutine(void *arg)
{
	goro_go_attr(arg, overflow, NULL);
	goro_sleep(3600000000000);
	return 0;
}

static int
overflow_in_main(void *arg)
{
	overflow(arg);
	return 0;
}

static void
run_overflow(void)
{
	goro_run(overflow_in_goroutine, &(struct goro_attr){ 0 });
}

static void
run_overflow_of_1_mib(void)
{
	goro_run(overflow_in_goroutine,
		 &(struct goro_attr){ .stack_bytes = 1 << 20 });
}

static void
run_overflow_in_main(void)
{
	goro_run(overflow_in_main, NULL);
}

static void
run_overflow_mprotect(void)
{
	setenv("GORODEBUG", "guard=mprotect", 1);
	run_overflow();
}

/* Its waiters would lie far beyond the guard. */
static void
overflow_by_select(void *arg)
{
	enum { N = 10000 };
	struct goro_case *cases = calloc(N, sizeof(*cases));

	(void)arg;
	for (int i = 0; i < N; i++)
		cases[i] = GORO_RECV(goro_chan_create(0, 0), NULL);
	goro_select(cases, N);
}

static int
start_overflow_by_select(void *arg)
{
	goro_go(overflow_by_select, arg);
	goro_sleep(3600000000000);
	return 0;
}

static void
run_overflow_by_select(void)
{
	goro_run(start_overflow_by_select, NULL);
}

/* Just below the stack, and then park, which looks at the canary. */
static __attribute__((noinline)) void
write_below(uintptr_t bottom)
{
	size_t left = (uintptr_t)__builtin_frame_address(0) - bottom + 64;
	volatile char *p = alloca(left);

	for (size_t i = 0; i < left; i += 8)
		p[i] = 1;
	goro_yield();
}

static void
overflow_unguarded(void *arg)
{
	(void)arg;
	write_below(gr_m_self()->g->stack_lo);
	_exit(0);
}

static int
overflow_without_guard(void *arg)
{
	goro_go(overflow_unguarded, arg);
	goro_sleep(3600000000000);
	return 0;
}

static void
run_overflow_canary(void)
{
	setenv("GORODEBUG", "guard=none", 1);
	goro_run(overflow_without_guard, NULL);
}

static void
overflow_ends_the_program(void **state)
{
	static void (*const ways[])(void) = {
		run_overflow,         run_overflow_of_1_mib,
		run_overflow_in_main, run_overflow_mprotect,
		run_overflow_canary,  run_overflow_by_select,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
#ifdef GR_ASAN
		if (ways[i] == run_overflow_canary)
			continue; /* ASan is faster to see the write */
#endif
		t_child_run(&child, ways[i]);
		if (child.status != 2)
			print_error("way %zu: %s\n", i, child.out);
		assert_int_equal(child.status, 2);
		assert_non_null(strstr(child.out, "fatal error: stack "
						  "overflow\n"));
		assert_non_null(strstr(child.out, "overflow"));
	}
}

static int
fault_elsewhere(void *arg)
{
	*(volatile int *)arg = 1;
	return 0;
}

static void
run_fault(void)
{
	goro_run(fault_elsewhere, (void *)16);
}

static void
other_faults_are_left_alone(void **state)
{
	(void)state;
	t_child_run(&child, run_fault);
	assert_int_equal(child.status, -11); /* SIGSEGV */
	assert_null(strstr(child.out, "stack overflow"));
}

static int
send_ourselves_a_fault(void *arg)
{
	(void)arg;
	raise(SIGSEGV);
	return 0;
}

static void
run_send_fault(void)
{
	goro_run(send_ourselves_a_fault, NULL);
}

static int
look_at_handler(void *arg)
{
	struct sigaction now;

	(void)arg;
	sigaction(SIGSEGV, NULL, &now);
	return now.sa_handler == SIG_DFL;
}

static void
run_left_alone(void)
{
	signal(SIGSEGV, SIG_DFL); /* a sanitizer's */
	setenv("GORODEBUG", "sigsegv=off", 1);
	_exit(goro_run(look_at_handler, NULL));
}

/* It has no instruction that would come back to it. */
static void
fault_that_is_sent_ends_the_program(void **state)
{
	(void)state;
	t_child_run(&child, run_send_fault);
	assert_int_not_equal(child.status, 0);
#ifndef GR_ASAN /* it has its own way with it */
	assert_int_equal(child.status, -11);
#endif
	t_child_run(&child, run_left_alone);
	assert_int_equal(child.status, 1);
}

/* --- Many ----------------------------------------------------------------- */

#ifdef GR_TSAN
enum { MANY = 1000 }; /* it knows no more than 8,128 fibers */
#else
enum { MANY = 20000 };
#endif

struct crowd {
	struct goro_chan *go_on;
	struct goro_waitgroup arrived, left;
};

/* Fill 1 KiB of stack with what is ours, wait, and look whether it still is. */
static void
stand_in_crowd(void *arg)
{
	struct crowd *c = arg;
	uint64_t mine[128];

	for (int i = 0; i < 128; i++)
		mine[i] = goro_self() * 128 + i;
	__asm__ volatile("" : : "r"(mine) : "memory");
	goro_waitgroup_done(&c->arrived);
	goro_chan_recv(c->go_on, NULL);
	for (int i = 0; i < 128; i++)
		T_CHECK_EQ(mine[i], goro_self() * 128 + i);
	goro_waitgroup_done(&c->left);
}

T_GORO(stacks_of_many_do_not_overlap)
{
	for (int round = 0; round < 2; round++) {
		struct crowd c = { .go_on = goro_chan_create(0, 0) };

		goro_waitgroup_add(&c.arrived, MANY);
		goro_waitgroup_add(&c.left, MANY);
		for (int i = 0; i < MANY; i++)
			T_CHECK(goro_go(stand_in_crowd, &c));
		goro_waitgroup_wait(&c.arrived);
		goro_chan_close(c.go_on);
		goro_waitgroup_wait(&c.left);
		goro_chan_unref(c.go_on);
	}
}

static size_t
slots_carved(void)
{
	size_t n = 0;

	for (struct gr_chunk *c = gr_load_acq(&gr_chunks); c; c = c->next)
		n += gr_load_acq(&c->carved);
	return n;
}

static void
send_nothing(void *arg)
{
	goro_chan_send(arg, NULL);
}

T_GORO(stacks_are_used_again)
{
	struct goro_chan *ch = goro_chan_create(0, 0);

	for (int i = 0; i < 20000; i++) {
		goro_go(send_nothing, ch);
		goro_chan_recv(ch, NULL);
	}
	/* Main's, and what each worker keeps in hand. */
	T_CHECK(slots_carved() < 1000);
	goro_chan_unref(ch);
}

enum { GUESTS = 1500, TOUCHED = 100 << 10 };

/* Use some stack, wait until all do, and go. */
static void
touch_and_go(void *arg)
{
	struct crowd *c = arg;
	volatile unsigned char mine[TOUCHED];

	for (int i = 0; i < TOUCHED; i += 512)
		mine[i] = goro_self() + i;
	goro_waitgroup_done(&c->arrived);
	goro_chan_recv(c->go_on, NULL);
	for (int i = 0; i < TOUCHED; i += 512)
		T_CHECK_EQ(mine[i], (unsigned char)(goro_self() + i));
	goro_waitgroup_done(&c->left);
}

/* Pages in memory below the first of each stack of the default size. Not the
 * guards, which mincore() takes for pages. */
static size_t
resident_pages(void)
{
	struct gr_chunk *c = gr_load_acq(&gr_chunks);
	unsigned char in[(256 << 10) / GR_PAGE];
	size_t n = 0;

	for (; c; c = c->next)
		for (uint64_t i = 0;
		     c->class == gr_default_class && i < c->carved; i++) {
			char *lo = c->base + i * c->slot_bytes + GR_PAGE;
			size_t bytes = c->slot_bytes - 2 * GR_PAGE;

			T_CHECK_EQ(mincore(lo, bytes, in), 0);
			for (size_t k = 0; k < bytes / GR_PAGE; k++)
				n += in[k] & 1;
		}
	return n;
}

static void
have_guests(struct crowd *c)
{
	goro_waitgroup_add(&c->arrived, GUESTS);
	goro_waitgroup_add(&c->left, GUESTS);
	for (int i = 0; i < GUESTS; i++)
		T_CHECK(goro_go(touch_and_go, c));
	goro_waitgroup_wait(&c->arrived);
}

static int
see_guests_off(void *arg)
{
	for (int round = 0; round < 2; round++) {
		struct crowd c = { .go_on = goro_chan_create(0, 0) };
		size_t most;

		have_guests(&c); /* the second time on what was given back */
		most = resident_pages();
		T_CHECK(most >= (size_t)GUESTS * (TOUCHED / GR_PAGE - 2));
		goro_chan_close(c.go_on);
		goro_waitgroup_wait(&c.left);
		goro_chan_unref(c.go_on);
		T_EVENTUALLY(round || resident_pages() < most / 3);
	}
	(void)arg;
	return 0;
}

/* But for what each worker keeps in hand, so have one. */
static void
memory_of_those_who_have_gone_is_given_back(void **state)
{
	const char *procs = getenv("GOROMAXPROCS");

	(void)state;
	if (procs && strcmp(procs, "2"))
		skip(); /* it would be the same again */
	t_run_procs("1", see_guests_off, NULL);
}

/* --- Shortage ------------------------------------------------------------- */

#if !defined(GR_ASAN) && !defined(GR_TSAN) /* which need mappings themselves */
static void
use_up_all_mappings(void)
{
	for (int i = 0;; i++) /* no two alike, or they would merge */
		if (mmap(NULL, GR_PAGE, i % 2 ? PROT_READ : PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			return;
}

static void
wait_and_leave(void *arg)
{
	struct crowd *c = arg;

	goro_chan_recv(c->go_on, NULL);
	goro_waitgroup_done(&c->left);
}

static void
start_and_go(struct crowd *c, int n)
{
	goro_waitgroup_add(&c->left, n);
	for (int i = 0; i < n; i++)
		T_CHECK(goro_go(wait_and_leave, c));
	goro_chan_close(c->go_on);
	goro_waitgroup_wait(&c->left);
	goro_chan_unref(c->go_on);
}

static int
go_on_without_mappings(void *arg)
{
	enum { TOO_MANY = 40000 };
	struct crowd first = { .go_on = goro_chan_create(0, 0) };
	struct crowd c = { .go_on = goro_chan_create(0, 0) };
	struct crowd last = { .go_on = goro_chan_create(0, 0) };
	int n = 0;

	(void)arg;
	start_and_go(&first, 10); /* all workers are there, and have stacks */
	use_up_all_mappings();
	goro_waitgroup_add(&c.left, 1);
	for (; n < TOO_MANY && goro_go(wait_and_leave, &c); n++)
		goro_waitgroup_add(&c.left, 1);
	T_CHECK(n < TOO_MANY);
	goro_sleep(1000000);
	goro_waitgroup_done(&c.left);
	goro_chan_close(c.go_on);
	goro_waitgroup_wait(&c.left);
	start_and_go(&last, n / 2);
	return 0;
}

static void
run_without_mappings(void)
{
	setenv("GORODEBUG", "guard=mprotect", 1);
	t_run_procs("2", go_on_without_mappings, NULL);
	_exit(0);
}

static long
max_map_count(void)
{
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");
	long n = 0;

	if (f && fscanf(f, "%ld", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n;
}

static void
no_mapping_left_is_no_end(void **state)
{
	long n = max_map_count();

	(void)state;
	if (!n || n > 200000)
		skip(); /* it would take gigabytes */
	t_child_run(&child, run_without_mappings);
	if (child.status)
		print_error("%s\n", child.out);
	assert_int_equal(child.status, 0);
}
#endif

/* --- What belongs to a goroutine like its stack --------------------------- */

static void
round_down_for_a_while(void *arg)
{
	T_CHECK_EQ(fegetround(), FE_TONEAREST); /* not what its starter has */
	fesetround(FE_DOWNWARD);
	for (int i = 0; i < 100; i++) {
		goro_yield();
		T_CHECK_EQ(fegetround(), FE_DOWNWARD);
	}
	goro_chan_send(arg, NULL);
}

T_GORO(rounding_mode_is_a_goroutines_own)
{
	struct goro_chan *ch = goro_chan_create(0, 0);

	fesetround(FE_UPWARD);
	for (int i = 0; i < 10; i++)
		goro_go(round_down_for_a_while, ch);
	for (int i = 0; i < 10; i++) {
		goro_chan_recv(ch, NULL);
		T_CHECK_EQ(fegetround(), FE_UPWARD);
	}
	goro_chan_unref(ch);
}

static void
check_alignment(void *arg)
{
	/* The ABI's promise at a call, that vector code lives on. */
	T_CHECK_EQ((uintptr_t)__builtin_frame_address(0) % 16, 0);
	goro_chan_send(arg, NULL);
}

T_GORO(stack_is_aligned_at_the_start)
{
	struct goro_chan *ch = goro_chan_create(0, 0);

	for (int i = 0; i < 100; i++) {
		goro_go(check_alignment, ch);
		goro_chan_recv(ch, NULL);
	}
	goro_chan_unref(ch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_stack_is_256_kib),
		cmocka_unit_test(stack_is_as_deep_as_asked_for),
		cmocka_unit_test(main_has_8_mib),
		cmocka_unit_test(gorostack_sets_the_default),
		cmocka_unit_test(overflow_ends_the_program),
		cmocka_unit_test(other_faults_are_left_alone),
		cmocka_unit_test(fault_that_is_sent_ends_the_program),
		cmocka_unit_test(stacks_of_many_do_not_overlap),
		cmocka_unit_test(stacks_are_used_again),
		cmocka_unit_test(memory_of_those_who_have_gone_is_given_back),
#if !defined(GR_ASAN) && !defined(GR_TSAN)
		cmocka_unit_test(no_mapping_left_is_no_end),
#endif
		cmocka_unit_test(rounding_mode_is_a_goroutines_own),
		cmocka_unit_test(stack_is_aligned_at_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
