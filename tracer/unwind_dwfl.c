// SPDX-License-Identifier: MIT
/*
 * unwind_dwfl.c - libdwfl's own unwinder over a copied stack
 *
 * A referee: it shares nothing with the table but the CFI. libdwfl unwinds
 * "threads" of a "process"; here there is one thread, which is whatever stack
 * is being looked at.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "unwind.h"

enum { THE_THREAD = 1, FRAMES_MAX = 1 << 20 };

struct dwfl_unwinder {
	struct gt_unwinder base;
	/* The walk that is going on. */
	const struct gt_stack *stack;
	struct gt_trace *trace;
};

static pid_t
next_thread(Dwfl *dwfl, void *arg, void **thread_arg)
{
	(void)dwfl;
	if (*thread_arg)
		return 0;
	*thread_arg = arg;
	return THE_THREAD;
}

static bool
get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread_arg)
{
	(void)dwfl;
	*thread_arg = arg;
	return tid == THE_THREAD;
}

static bool
memory_read(Dwfl *dwfl, Dwarf_Addr addr, Dwarf_Word *ret, void *arg)
{
	const struct dwfl_unwinder *u = arg;
	uint64_t at = addr - u->stack->lo;

	(void)dwfl;
	if (at < u->stack->bytes && u->stack->bytes - at >= sizeof(*ret)) {
		memcpy(ret, u->stack->data + at, sizeof(*ret));
		return true;
	}
	return gt_modules_read(u->base.modules, addr, ret, sizeof(*ret));
}

static bool
set_registers(Dwfl_Thread *thread, void *arg)
{
	const struct dwfl_unwinder *u = arg;
	const struct gt_regs *regs = &u->stack->regs;

	for (unsigned i = 0; i < GT_ARCH_REGS; i++) {
		Dwarf_Word word = regs->r[i];

		if (!(regs->valid >> i & 1))
			continue;
		/* It takes the first PC as exact. */
		if (i == GT_ARCH_PC)
			word -= !u->stack->exact;
		if (!dwfl_thread_state_registers(thread, i, 1, &word))
			return false;
	}
	return true;
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
	.next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = memory_read,
	.set_initial_registers = set_registers,
};

static int
take_frame(Dwfl_Frame *frame, void *arg)
{
	struct dwfl_unwinder *u = arg;
	Dwarf_Addr pc;
	bool exact;

	if (!dwfl_frame_pc(frame, &pc, &exact) || u->trace->n == FRAMES_MAX)
		return DWARF_CB_ABORT;
	if (u->trace->n == 0) {
		pc = u->stack->regs.r[GT_ARCH_PC];
		exact = u->stack->exact;
	}
	uint32_t id = gt_pctab_id(u->base.pcs, pc, exact);
	if (!id)
		return DWARF_CB_ABORT;
	gt_trace_push(u->trace, id);
	return DWARF_CB_OK;
}

static void
dwfl_unwind(struct gt_unwinder *base, const struct gt_stack *stack,
	    struct gt_trace *trace)
{
	struct dwfl_unwinder *u = (struct dwfl_unwinder *)base;

	u->stack = stack;
	u->trace = trace;
	trace->complete = dwfl_getthread_frames(base->modules->dwfl, THE_THREAD,
						take_frame, u) == 0;
}

static void
dwfl_destroy(struct gt_unwinder *u)
{
	free(u);
}

static const struct gt_unwinder_ops dwfl_ops = {
	.name = "dwfl",
	.unwind = dwfl_unwind,
	.destroy = dwfl_destroy,
};

struct gt_error *
gt_unwinder_dwfl(struct gt_modules *modules, struct gt_pctab *pcs,
		 struct gt_unwinder **ret)
{
	struct dwfl_unwinder *u = calloc(1, sizeof(*u));

	if (!u)
		return &gt_enomem;
	u->base.ops = &dwfl_ops;
	u->base.modules = modules;
	u->base.pcs = pcs;
	if (!dwfl_attach_state(modules->dwfl, NULL, THE_THREAD,
			       &thread_callbacks, u)) {
		free(u);
		return gt_error(GT_SYSTEM, 0, "libdwfl cannot unwind: %s",
				dwfl_errmsg(-1));
	}
	*ret = &u->base;
	return NULL;
}
