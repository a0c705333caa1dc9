// SPDX-License-Identifier: MIT
/*
 * test_unwind_steps.c - three unwinders, at each instruction
 *
 * Usage: test_unwind_steps PROGRAM [ARGUMENT]
 *
 * PROGRAM (victims/steps.c) is stepped from its first breakpoint to its second.
 * After each instruction its stack is unwound by the table, by libunwind and by
 * libdwfl: the same PCs must come out, to the stack's end. So each prologue,
 * epilogue, PLT entry and signal frame is looked at in every state that it has.
 */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tracer/unwind.h"

enum { STEPS_MAX = 60000, STACK_MAX = 256 << 10, SHOW = 10 };

static pid_t child;
static struct gt_target *t;
static struct gt_modules modules;
static struct gt_pctab pcs;
static struct gt_unwinder *unwinders[3];
static unsigned char copy[STACK_MAX];
static unsigned gave_up;

static void
kill_child(void)
{
	kill(child, SIGKILL);
}

static pid_t thread; /* that is stepped: the one with the breakpoint */

/* Until that thread, or any one while there is none yet, stops at something
 * that is no new thread; the signal, or 0 when it has ended. */
static int
wait_child(void)
{
	for (;;) {
		int status;
		pid_t tid = waitpid(-1, &status, __WALL);

		T_CHECK(tid > 0);
		if (!WIFSTOPPED(status)) {
			if (tid == child)
				return 0;
			continue;
		}
		int sig = WSTOPSIG(status);
		if (tid == thread ||
		    (!thread && sig == SIGTRAP && !(status >> 16))) {
			thread = tid;
			return sig;
		}
		ptrace(PTRACE_CONT, tid, NULL,
		       (void *)(long)(sig == SIGSTOP || sig == SIGTRAP ? 0 :
									 sig));
	}
}

static void
start(char **argv)
{
	child = fork();
	T_CHECK(child >= 0);
	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(77);
		/* All goroutines on one thread, and nothing but them. */
		setenv("GOROMAXPROCS", "1", 1);
		setenv("GORODEBUG", "asyncpreemptoff=1", 1);
		execv(argv[0], argv);
		_exit(1);
	}
	atexit(kill_child);
}

static void
open_child(void)
{
	struct gt_error *err = gt_target_live_open(child, &t);

	if (err && err->code == GT_NO_ACCESS)
		exit(77);
	T_CHECK(!err);
	T_CHECK(!gt_modules_init(&modules, t));
	T_CHECK(!gt_pctab_init(&pcs));
	T_CHECK(!gt_unwinder_table(&modules, &pcs, &unwinders[0]));
	T_CHECK(!gt_unwinder_libunwind(&modules, &pcs, &unwinders[1]));
	T_CHECK(!gt_unwinder_dwfl(&modules, &pcs, &unwinders[2]));
}

/* Its stack, from the red zone up to the end of the mapping or of what a copy
 * holds. */
static void
copy_stack(struct gt_stack *stack)
{
	struct user_regs_struct user;

	T_CHECK(ptrace(PTRACE_GETREGS, thread, NULL, &user) == 0);
	*stack = (struct gt_stack){ .exact = true, .data = copy };
	gt_arch_from_user(&user, &stack->regs);
	stack->lo = (user.rsp - GT_ARCH_RED_ZONE) & ~7ul;
	const struct gt_map *map = gt_maps_find(&t->maps, stack->lo);
	T_CHECK(map);
	stack->bytes = map->end - stack->lo;
	if (stack->bytes > STACK_MAX)
		stack->bytes = STACK_MAX;
	gt_error_free(gt_target_read(t, stack->lo, copy, stack->bytes));
}

static void
show(const struct gt_stack *stack, const struct gt_trace *traces)
{
	for (unsigned u = 0; u < 3; u++) {
		printf("%-9s", unwinders[u]->ops->name);
		for (uint32_t i = 0; i < traces[u].n && i < GT_TRACE_INNER; i++)
			printf(" %lx",
			       (long)gt_row_pc(&pcs.rows[traces[u].inner[i]]));
		printf("%s\n", traces[u].complete ? "" : " ...");
	}
	const struct gt_map *map = gt_maps_find(&t->maps,
						stack->regs.r[GT_ARCH_PC]);
	if (map)
		printf("  in %s+0x%lx\n", map->path,
		       (long)(stack->regs.r[GT_ARCH_PC] - map->start +
			      map->offset));
}

/* Is @b the same as @a, as far as it goes? */
static bool
begins(const struct gt_trace *a, const struct gt_trace *b)
{
	if (a->n < b->n)
		return false;
	for (uint32_t i = 0; i < b->n && i < GT_TRACE_INNER; i++)
		if (gt_row_pc(&pcs.rows[a->inner[i]]) !=
		    gt_row_pc(&pcs.rows[b->inner[i]]))
			return false;
	return true;
}

static bool
same(const struct gt_trace *a, const struct gt_trace *b)
{
	return a->n == b->n && a->complete == b->complete && begins(a, b);
}

/* Do all agree here, and get to the end? */
static bool
agree(void)
{
	struct gt_trace traces[3];
	struct gt_stack stack;

	copy_stack(&stack);
	for (unsigned u = 0; u < 3; u++) {
		memset(&traces[u], 0, sizeof(traces[u]));
		unwinders[u]->ops->unwind(unwinders[u], &stack, &traces[u]);
	}
	bool ours = traces[0].complete && same(&traces[0], &traces[1]);
	if (ours && same(&traces[0], &traces[2]))
		return true;
	/* libdwfl loses rbx in a function that leaves it alone, so it ends
	 * where a frame rests on it: in the dynamic linker's that resolves a
	 * symbol. It takes that for the end of the stack. */
	gave_up++;
	if (ours && begins(&traces[0], &traces[2]))
		return true;
	show(&stack, traces);
	return false;
}

int
main(int argc, char **argv)
{
	unsigned steps = 0, bad = 0;
	int sig;

	T_CHECK(argc > 1);
	start(argv + 1);
	if (!wait_child()) /* it has begun */
		return 77;
	T_CHECK(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACECLONE) ==
		0);
	ptrace(PTRACE_CONT, child, NULL, NULL);
	thread = 0;
	T_CHECK_EQ(wait_child(), SIGTRAP); /* its breakpoint */
	open_child();
	for (sig = 0; steps < STEPS_MAX && bad < SHOW; steps++) {
		uint16_t next;
		struct user_regs_struct user;

		T_CHECK(ptrace(PTRACE_GETREGS, thread, NULL, &user) == 0);
		T_CHECK(!gt_target_read(t, user.rip, &next, 2));
		if ((next & 0xff) == 0xcc) /* the second one */
			break;
		T_CHECK(ptrace(PTRACE_SINGLESTEP, thread, NULL,
			       (void *)(long)sig) == 0);
		sig = wait_child();
		T_CHECK(sig);
		if (sig == SIGTRAP)
			sig = 0;
		bad += !agree();
	}
	printf("%u instructions; in %u libdwfl sees no more\n", steps, gave_up);
	fflush(stdout);
	T_CHECK(bad == 0);
	T_CHECK(gave_up * 10 < steps);
	T_CHECK(steps > 500 && steps < STEPS_MAX);
	return 0;
}
