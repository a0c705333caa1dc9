// SPDX-License-Identifier: MIT
/*
 * test_unwind.c - three unwinders, one truth
 *
 * Each case is a stack of this very process, copied where it stands, and
 * unwound by the table, by libunwind and by libdwfl: the same PCs must come
 * out, up to the end of the stack.
 */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "tracer/unwind.h"

static struct {
	struct gt_target *t;
	struct gt_modules modules;
	struct gt_pctab pcs;
	struct gt_unwinder *table, *libunwind, *dwfl;
} with;

/* ---- the stack that a case is about ---- */

static struct gt_stack stack;
static unsigned char copy[1 << 20];

static _Thread_local uint64_t stack_end;

/* Once on each thread, and not in a signal handler. */
static void
find_stack_end(void)
{
	pthread_attr_t attr;
	void *lo;
	size_t bytes;

	T_CHECK(pthread_getattr_np(pthread_self(), &attr) == 0);
	pthread_attr_getstack(&attr, &lo, &bytes);
	pthread_attr_destroy(&attr);
	stack_end = (uint64_t)lo + bytes;
}

static int
open_self(void **state)
{
	(void)state;
	find_stack_end();
	T_CHECK(!gt_target_live_open(getpid(), &with.t));
	T_CHECK(!gt_modules_init(&with.modules, with.t));
	T_CHECK(!gt_pctab_init(&with.pcs));
	T_CHECK(!gt_unwinder_table(&with.modules, &with.pcs, &with.table));
	T_CHECK(!gt_unwinder_libunwind(&with.modules, &with.pcs,
				       &with.libunwind));
	T_CHECK(!gt_unwinder_dwfl(&with.modules, &with.pcs, &with.dwfl));
	return 0;
}

static int
close_self(void **state)
{
	(void)state;
	gt_unwinder_destroyp(&with.table);
	gt_unwinder_destroyp(&with.libunwind);
	gt_unwinder_destroyp(&with.dwfl);
	gt_pctab_fini(&with.pcs);
	gt_modules_fini(&with.modules);
	gt_target_destroyp(&with.t);
	return 0;
}

/* Copy the stack as it is in here: the caller is the second frame. */
__attribute__((noinline, no_sanitize("address"))) static int
capture(void)
{
	static const int by_number[GT_ARCH_REGS] = {
		REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
		REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
		REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP,
	};
	ucontext_t here;

	getcontext(&here);
	memset(&stack, 0, sizeof(stack));
	for (unsigned i = 0; i < GT_ARCH_REGS; i++)
		gt_regs_set(&stack.regs, i,
			    here.uc_mcontext.gregs[by_number[i]]);
	stack.lo = stack.regs.r[GT_ARCH_SP];
	stack.bytes = stack_end - stack.lo;
	stack.data = copy;
	T_CHECK(stack.bytes <= sizeof(copy));
	/* Not memcpy(): AddressSanitizer knows what is between the frames. */
	for (size_t i = 0; i < stack.bytes; i++)
		copy[i] = ((volatile unsigned char *)stack.lo)[i];
	return 1;
}

static void
unwind(struct gt_unwinder *u, struct gt_trace *trace)
{
	memset(trace, 0, sizeof(*trace));
	u->ops->unwind(u, &stack, trace);
}

static uint64_t
pc_of(const struct gt_trace *trace, uint32_t i)
{
	return gt_row_pc(&with.pcs.rows[trace->inner[i]]);
}

/* All three agree, and got to the end. Returns how many frames. */
static uint32_t
compare(void)
{
	struct gt_trace a, b, c;

	unwind(with.table, &a);
	unwind(with.libunwind, &b);
	unwind(with.dwfl, &c);
	T_CHECK(a.n <= GT_TRACE_INNER);
	for (uint32_t i = 0; i < a.n && i < b.n && i < c.n; i++) {
		T_CHECK_EQ(pc_of(&a, i), pc_of(&b, i));
		T_CHECK_EQ(pc_of(&a, i), pc_of(&c, i));
	}
	T_CHECK_EQ(a.n, b.n);
	T_CHECK_EQ(a.n, c.n);
	T_CHECK(a.complete && b.complete && c.complete);
	return a.n;
}

/* ---- functions of all shapes; `| 0` after a call keeps it no tail call ---- */

static volatile int zero;

__attribute__((noinline)) static int
plain(int n)
{
	return (n ? plain(n - 1) : capture()) + zero;
}

__attribute__((noinline)) static int
with_alloca(int n)
{
	volatile char *p = __builtin_alloca(n * 16 + 16);

	p[0] = n;
	return (n ? with_alloca(n - 1) : capture()) + p[0] + zero;
}

__attribute__((noinline)) static int
realigned(int n)
{
	volatile int v[16] __attribute__((aligned(64)));

	v[n] = n;
	T_CHECK((uintptr_t)v % 64 == 0);
	return (n ? realigned(n - 1) : plain(2)) + v[n] + zero;
}

__attribute__((noinline)) static int
large_frame(int n)
{
	volatile char v[70000];

	v[n] = n;
	return (n ? large_frame(n - 1) : capture()) + v[n] + zero;
}

__attribute__((noinline)) static int
many_arguments(int a, int b, int c, int d, int e, int f, int g, int h)
{
	return (a ? many_arguments(a - 1, b, c, d, e, f, g, h + 1) :
		    capture()) +
	       b + c + d + e + f + g + h + zero;
}

static int
compare_numbers(const void *a, const void *b)
{
	static bool done;

	if (!done) {
		done = true;
		capture();
	}
	return *(const int *)a - *(const int *)b;
}

static void
on_signal(int sig)
{
	(void)sig;
	capture();
}

static void
plain_functions(void **state)
{
	(void)state;
	plain(20);
	assert_true(compare() > 22);
}

static void
functions_with_variable_frames(void **state)
{
	(void)state;
	with_alloca(5);
	assert_true(compare() > 7);
}

static void
functions_that_realign_their_stack(void **state)
{
	(void)state;
	realigned(3);
	assert_true(compare() > 8);
}

static void
functions_with_large_frames(void **state)
{
	(void)state;
	large_frame(4);
	assert_true(compare() > 6);
}

static void
functions_with_arguments_on_the_stack(void **state)
{
	(void)state;
	many_arguments(5, 1, 2, 3, 4, 5, 6, 7);
	assert_true(compare() > 7);
}

static void
callbacks_from_libc(void **state)
{
	int numbers[] = { 3, 1, 2 };

	(void)state;
	qsort(numbers, 3, sizeof(int), compare_numbers);
	assert_true(compare() > 5);
}

static void
signal_frames(void **state)
{
	(void)state;
	signal(SIGUSR1, on_signal);
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_DFL);
	assert_true(compare() > 5);
}

static void *
in_thread(void *arg)
{
	(void)arg;
	find_stack_end();
	plain(3);
	return NULL;
}

static void
threads_end_where_they_began(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, in_thread, NULL), 0);
	pthread_join(thread, NULL);
	assert_true(compare() >= 6);
}

/* ---- stacks that are not what they should be ---- */

static void
a_stack_cut_off_is_not_complete(void **state)
{
	struct gt_trace trace;
	size_t whole;

	(void)state;
	plain(10);
	unwind(with.table, &trace);
	assert_true(trace.complete);
	whole = trace.n;
	for (size_t bytes = stack.bytes; bytes > 100; bytes /= 2) {
		stack.bytes = bytes / 2;
		unwind(with.table, &trace);
		assert_true(trace.n >= 1 && trace.n <= whole);
		assert_true(!trace.complete || trace.n == whole);
	}
}

/* Whatever the stack holds, there is an end to it, and nothing else is read. */
static void
garbage_ends(void **state)
{
	struct gt_unwinder *all[] = { with.table, with.libunwind, with.dwfl };
	struct gt_trace trace;

	(void)state;
	srand(1);
	for (unsigned round = 0; round < 300; round++) {
		plain(5);
		for (unsigned i = 0; i < 20; i++) {
			size_t at = (unsigned)rand() % (stack.bytes / 8);
			uint64_t word = (uint64_t)rand() << (rand() % 33);

			if (rand() & 1) /* something that looks like a frame */
				word = stack.lo + (unsigned)rand() % 4096;
			memcpy(copy + at * 8, &word, 8);
		}
		stack.regs.r[6] = stack.lo + (unsigned)rand() % 4096;
		for (unsigned u = 0; u < 3; u++) {
			unwind(all[u], &trace);
			assert_true(trace.n <= stack.bytes / 8);
		}
	}
}

static void
a_pc_that_is_no_code_ends_at_once(void **state)
{
	struct gt_trace trace;

	(void)state;
	plain(1);
	stack.regs.r[GT_ARCH_PC] = 0x1234;
	unwind(with.table, &trace);
	assert_int_equal(trace.n, 1);
	assert_false(trace.complete);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_functions),
		cmocka_unit_test(functions_with_variable_frames),
		cmocka_unit_test(functions_that_realign_their_stack),
		cmocka_unit_test(functions_with_large_frames),
		cmocka_unit_test(functions_with_arguments_on_the_stack),
		cmocka_unit_test(callbacks_from_libc),
		cmocka_unit_test(signal_frames),
		cmocka_unit_test(threads_end_where_they_began),
		cmocka_unit_test(a_stack_cut_off_is_not_complete),
		cmocka_unit_test(garbage_ends),
		cmocka_unit_test(a_pc_that_is_no_code_ends_at_once),
	};

	return cmocka_run_group_tests(tests, open_self, close_self);
}
