// SPDX-License-Identifier: MIT
/*
 * test_unwind_walk.c - walking stacks, and the table of rows
 */
#include "test.h"

#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unwind.h"

enum {
	MAX_FRAMES = 64,
	ROWS = 1024,
	FILLERS = 4,
	GARBAGE_STACKS = 20000,
};

static struct gr_modules modules;
static struct gr_row slots[ROWS];
static struct gr_rows rows = { slots, ROWS - 1 };
static struct gr_maps maps;

struct walk {
	enum gr_step end;
	int n;
	uintptr_t pc[MAX_FRAMES]; /* the first exact, then return addresses */
	uintptr_t sp[MAX_FRAMES];
};

/* Walk to the end of the stack that the registers are on. */
static void
walk_from(const struct gr_regs *regs, struct walk *ret)
{
	struct gr_unwind u = { .regs = *regs, .exact = true };
	struct gr_row scratch;

	T_CHECK(gr_mapping_of(&maps, regs->r[GR_REG_SP], &u.lo, &u.hi));
	ret->n = 0;
	do {
		if (ret->n == MAX_FRAMES)
			return;
		ret->pc[ret->n] = u.regs.r[GR_REG_PC];
		ret->sp[ret->n++] = u.regs.r[GR_REG_SP];
		ret->end = gr_unwind_step(&u, gr_rows_get(&rows, &modules,
							  gr_unwind_pc(&u),
							  &scratch));
	} while (ret->end == GR_STEP_CALLER);
}

static int
setup(void **state)
{
	(void)state;
	gr_rows_clear(&rows);
	gr_modules_read(&modules);
	return 0;
}

/* Compare our walk with libgcc's, from a frame that both know. */
static struct walk ours;
static void *theirs[MAX_FRAMES];
static int theirs_n;

static __attribute__((noinline)) void
walk_both(void)
{
	struct gr_regs regs;

	theirs_n = backtrace(theirs, MAX_FRAMES);
	gr_regs_capture(&regs);
	walk_from(&regs, &ours);
}

static int
compare_and_walk(const void *a, const void *b)
{
	static bool done;

	if (!done) {
		done = true;
		walk_both();
	}
	return *(const int *)a - *(const int *)b;
}

static void
walk_through_libc_agrees_with_backtrace(void **state)
{
	int numbers[] = { 3, 1, 2 };
	int extra;

	(void)state;
	qsort(numbers, 3, sizeof(int), compare_and_walk);
	assert_true(ours.n >= 6);
	assert_int_equal(ours.end, GR_STEP_END);
	/* Count from the outermost frame. In walk_both() itself the two stood
	 * at different places, and a sanitizer may stand before backtrace(). */
	extra = theirs_n - ours.n;
	assert_true(extra >= 0);
	for (int i = 1; i < ours.n; i++)
		assert_int_equal(ours.pc[i], (uintptr_t)theirs[i + extra]);
}

static void *
thread_main(void *arg)
{
	walk_both();
	return arg;
}

static void
walk_ends_where_the_thread_begins(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, thread_main, NULL), 0);
	pthread_join(thread, NULL);
	assert_int_equal(ours.end, GR_STEP_END);
	assert_true(ours.n >= 3);
}

static struct walk interrupted;
static struct walk handler;

static void
on_signal(int sig, siginfo_t *info, void *context)
{
	struct gr_regs regs;

	(void)sig;
	(void)info;
	gr_regs_from_ucontext(&regs, context);
	walk_from(&regs, &interrupted);
	gr_regs_capture(&regs);
	walk_from(&regs, &handler);
}

static void
walk_from_a_handler_passes_the_signal_frame(void **state)
{
	struct sigaction sa = { .sa_sigaction = on_signal,
				.sa_flags = SA_SIGINFO };
	bool found = false;

	(void)state;
	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_DFL);
	assert_int_equal(interrupted.end, GR_STEP_END);
	assert_int_equal(handler.end, GR_STEP_END);
	assert_true(handler.n > interrupted.n);
	/* The handler's walk runs into the interrupted one, to the byte. */
	for (int i = 0; i < handler.n; i++) {
		if (handler.pc[i] != interrupted.pc[0] ||
		    handler.sp[i] != interrupted.sp[0])
			continue;
		found = true;
		assert_int_equal(handler.n - i, interrupted.n);
		for (int k = 0; i + k < handler.n; k++) {
			assert_int_equal(handler.pc[i + k], interrupted.pc[k]);
			assert_int_equal(handler.sp[i + k], interrupted.sp[k]);
		}
	}
	assert_true(found);
}

/*
 * A function that begins with a fault, right behind a call that does not
 * return: if its PC were taken for a return address, the caller's row would be
 * used for it.
 */
void fault_at_once(void);
__asm__(".text\n"
	".type before_fault, @function\n"
	"before_fault:\n"
	"	.cfi_startproc\n"
	"	subq $56, %rsp\n"
	"	.cfi_adjust_cfa_offset 56\n"
	"	call abort@PLT\n"
	"	.cfi_endproc\n"
	"	.size before_fault, . - before_fault\n"
	".globl fault_at_once\n"
	".type fault_at_once, @function\n"
	"fault_at_once:\n"
	"	.cfi_startproc\n"
	"	ud2\n"
	"	ret\n"
	"	.cfi_endproc\n"
	"	.size fault_at_once, . - fault_at_once\n");

static void
on_fault(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	on_signal(sig, info, context);
	uc->uc_mcontext.gregs[REG_RIP] += 2; /* behind ud2 */
}

static void
fault_in_a_first_instruction_keeps_its_function(void **state)
{
	struct sigaction sa = { .sa_sigaction = on_fault,
				.sa_flags = SA_SIGINFO };

	(void)state;
	assert_int_equal(sigaction(SIGILL, &sa, NULL), 0);
	fault_at_once();
	signal(SIGILL, SIG_DFL);
	assert_int_equal(interrupted.pc[0], (uintptr_t)fault_at_once);
	assert_int_equal(interrupted.end, GR_STEP_END);
	assert_int_equal(handler.end, GR_STEP_END);
	assert_int_equal(handler.pc[handler.n - interrupted.n],
			 (uintptr_t)fault_at_once);
}

static void
walk_stops_at_the_bounds_it_was_given(void **state)
{
	struct gr_unwind u = { .exact = true };
	struct gr_row row;

	(void)state;
	gr_regs_capture(&u.regs);
	gr_cfi_row(&modules, gr_unwind_pc(&u), &row);
	assert_int_equal(row.flags & GR_ROW_NONE, 0);
	/* All of this frame, but not its return address. */
	u.lo = u.regs.r[GR_REG_SP];
	u.hi = u.lo + 8;
	assert_int_equal(gr_unwind_step(&u, &row), GR_STEP_LOST);
	u.lo = u.hi = 0;
	assert_int_equal(gr_unwind_step(&u, &row), GR_STEP_LOST);
	u.lo = u.hi = UINTPTR_MAX;
	assert_int_equal(gr_unwind_step(&u, &row), GR_STEP_LOST);
}

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 29;
}

static uint64_t
garbage_word(uint64_t *random, uintptr_t lo, uintptr_t hi)
{
	switch (next_random(random) % 4) {
	case 0:
		return lo - 64 + next_random(random) % (hi - lo + 128);
	case 1:
		return (uintptr_t)walk_from + next_random(random) % 4096;
	case 2:
		return (uintptr_t)qsort + next_random(random) % 4096;
	default:
		return next_random(random) * next_random(random);
	}
}

static void
garbage_row(uint64_t *random, struct gr_row *ret)
{
	ret->flags = next_random(random) % 8 & ~(unsigned)GR_ROW_NONE;
	ret->cfa_reg = next_random(random) % GR_REG_PC;
	ret->cfa_offset = (int32_t)(next_random(random) % 512) - 128;
	ret->rules = (uint32_t)next_random(random) & 0x3333333;
	for (unsigned i = 0; i < GR_REGS_KEPT; i++) {
		ret->offset[i] = (int32_t)next_random(random);
		if (gr_row_rule(ret, i) == GR_RULE_REG)
			ret->offset[i] &= GR_REG_PC - 1;
		else if (next_random(random) % 4)
			ret->offset[i] = ret->offset[i] % 512;
	}
}

/* Whatever is on a stack, in the registers and in the rows: nothing outside of
 * the stack is touched (its neighbours are not there), and each walk ends. */
static void
garbage_is_walked_within_the_bounds(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	uintptr_t lo = (uintptr_t)map + page, hi = lo + page;
	uint64_t random = 7, steps = 0;

	(void)state;
	assert_true(map != MAP_FAILED);
	assert_int_equal(mprotect(map + page, page, PROT_READ | PROT_WRITE), 0);
	for (int i = 0; i < GARBAGE_STACKS; i++) {
		struct gr_unwind u = { .lo = lo, .hi = hi, .exact = i & 1 };

		for (int k = 0; k < 32; k++)
			((uint64_t *)lo)[next_random(&random) % (page / 8)] =
				garbage_word(&random, lo, hi);
		u.regs.known = GR_REG_BIT(GR_REGS) - 1;
		for (int k = 0; k < GR_REGS; k++)
			u.regs.r[k] = garbage_word(&random, lo, hi);
		for (;;) {
			struct gr_row row;

			gr_cfi_row(&modules, gr_unwind_pc(&u), &row);
			if (next_random(&random) % 2)
				garbage_row(&random, &row);
			if (gr_unwind_step(&u, &row) != GR_STEP_CALLER)
				break;
			steps++;
			T_CHECK(u.regs.r[GR_REG_SP] <= hi);
		}
	}
	print_message("%ld steps\n", (long)steps);
	assert_true(steps > 100);
	munmap(map, 3 * page);
}

static void
found_row_is_the_one_that_was_made(void **state)
{
	uintptr_t pc = (uintptr_t)walk_from + 4;
	struct gr_row scratch, direct;
	const struct gr_row *row;

	(void)state;
	assert_null(gr_rows_find(&rows, pc));
	row = gr_rows_get(&rows, &modules, pc, &scratch);
	assert_ptr_not_equal(row, &scratch);
	assert_ptr_equal(gr_rows_find(&rows, pc), row);
	gr_cfi_row(&modules, pc, &direct);
	assert_memory_equal(row, &direct, sizeof(direct));
	gr_rows_clear(&rows);
	assert_null(gr_rows_find(&rows, pc));
}

static void
full_table_still_gives_rows(void **state)
{
	struct gr_row scratch, direct;
	int kept = 0;

	(void)state;
	for (uintptr_t i = 0; i < 4 * ROWS; i++) {
		uintptr_t pc = (uintptr_t)qsort + i;
		const struct gr_row *row = gr_rows_get(&rows, &modules, pc,
						       &scratch);

		gr_cfi_row(&modules, pc, &direct);
		assert_memory_equal(row, &direct, sizeof(direct));
		kept += row != &scratch;
	}
	assert_true(kept > ROWS / 2 && kept <= ROWS);
}

static void *
fill(void *arg)
{
	struct gr_row scratch, direct;

	for (uintptr_t i = 0; i < ROWS; i++) {
		uintptr_t pc = (uintptr_t)qsort + i % (ROWS / 2);
		const struct gr_row *row = gr_rows_get(&rows, &modules, pc,
						       &scratch);

		gr_cfi_row(&modules, pc, &direct);
		T_CHECK(!memcmp((char *)row + sizeof(row->pc),
				(char *)&direct + sizeof(row->pc),
				sizeof(direct) - sizeof(row->pc)));
	}
	return arg;
}

static void
threads_that_fill_the_table_see_whole_rows(void **state)
{
	pthread_t thread[FILLERS];

	(void)state;
	for (int i = 0; i < FILLERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, fill, NULL),
				 0);
	for (int i = 0; i < FILLERS; i++)
		pthread_join(thread[i], NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(walk_through_libc_agrees_with_backtrace,
				       setup),
		cmocka_unit_test_setup(walk_ends_where_the_thread_begins,
				       setup),
		cmocka_unit_test_setup(
			walk_from_a_handler_passes_the_signal_frame, setup),
		cmocka_unit_test_setup(
			fault_in_a_first_instruction_keeps_its_function, setup),
		cmocka_unit_test_setup(walk_stops_at_the_bounds_it_was_given,
				       setup),
		cmocka_unit_test_setup(garbage_is_walked_within_the_bounds,
				       setup),
		cmocka_unit_test_setup(found_row_is_the_one_that_was_made,
				       setup),
		cmocka_unit_test_setup(full_table_still_gives_rows, setup),
		cmocka_unit_test_setup(
			threads_that_fill_the_table_see_whole_rows, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
