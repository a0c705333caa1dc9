// SPDX-License-Identifier: MIT
/*
 * overflow.c - telling a stack overflow from any other fault
 *
 * Idea       SIGSEGV on an alternate stack, and only where the program left
 *            its disposition at the default. A fault in the lowest page of
 *            the slot of the goroutine that runs on this thread, or just
 *            below its stack pointer there, is an overflow: say so and end.
 *            Any other fault gets what it would have got without us: the
 *            default disposition comes back and the instruction runs again.
 *            GORODEBUG=sigsegv=off leaves the signal alone altogether.
 * Signals    Reads the stacks' books, which are only ever appended to while
 *            a goroutine runs; see stack.c.
 */
#include "overflow.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fatal.h"
#include "options.h"
#include "sched.h"

static struct sigaction before;
static bool installed;

static void
say_limit(const struct gr_g *g)
{
	char text[96];
	int n = snprintf(text, sizeof(text),
			 "runtime: goroutine stack exceeds %lu-byte limit\n",
			 (unsigned long)g->chunk->slot_bytes);

	if (write(STDERR_FILENO, text, n) < 0)
		return; /* nothing that could be done about it */
}

/* Is @addr where @g's stack would be, had it not ended? */
static bool
below_stack(const struct gr_g *g, uintptr_t addr)
{
	return addr < g->stack_lo && addr >= g->stack_lo - GR_PAGE;
}

static void
on_fault(int sig, siginfo_t *info, void *ucontext)
{
	struct gr_m *m = gr_m_self();
	struct gr_g *g = m ? m->g : NULL;

	if (g && info->si_code > 0 &&
	    below_stack(g, (uintptr_t)info->si_addr)) {
		say_limit(g);
		gr_fatal_sig("stack overflow", ucontext);
	}
	sigaction(sig, &before, NULL);
	installed = false;
	if (info->si_code <= 0)
		raise(sig); /* somebody sent it: no instruction will again */
}

void
gr_overflow_install(void)
{
	struct sigaction ours = { .sa_sigaction = on_fault,
				  .sa_flags = SA_SIGINFO | SA_ONSTACK };

	if (gr_options.sigsegv_off || sigaction(SIGSEGV, NULL, &before) ||
	    before.sa_handler != SIG_DFL)
		return; /* the program's own: leave it alone */
	installed = !sigaction(SIGSEGV, &ours, NULL);
}

/* Put back what was there, unless the program has put its own since. */
void
gr_overflow_remove(void)
{
	struct sigaction now;

	if (installed && !sigaction(SIGSEGV, NULL, &now) &&
	    now.sa_sigaction == on_fault)
		sigaction(SIGSEGV, &before, NULL);
	installed = false;
}
