/* SPDX-License-Identifier: MIT */
/*
 * capture.h - the stacks of goroutines that are on threads, without stopping
 *
 * Idea       A thread that sleeps in the kernel says in /proc where: its stack
 *            is walked where it lies, and it sleeps on. Any other is sent a
 *            signal, whose handler copies registers and stack and goes back
 *            to work: some microseconds. Nobody is ever held, so nothing that
 *            happens to the agent can stop the program.
 * Sleepers   A signal ends some system calls early, with EINTR, whatever
 *            SA_RESTART says: poll() and nanosleep() among them. Threads that
 *            are in one are left alone, unless the program ends anyway; their
 *            stack is then known as far as the unwind tables lead without the
 *            registers that the kernel does not show.
 * True       The handler runs on the thread itself: what it copies does not
 *            change meanwhile. A sleeper's line in /proc is read before and
 *            after, and must be the same.
 * Threads    gr_snapshot_living() is for whoever has the turn: one copy at a
 *            time. Not for a goroutine that could be moved meanwhile.
 */
#ifndef GR_CAPTURE_H
#define GR_CAPTURE_H

#include <signal.h>
#include <stdbool.h>

#include "snapshot.h"

/* What a report may cost the threads that it is about. */
struct gr_manners {
	bool ending;      /* nobody will miss a system call */
	int64_t until_ns; /* then no thread is waited for any more */
};

bool gr_snapshot_living(const struct gr_walker *w, const struct gr_g *g,
			const struct gr_manners *how, struct gr_snapshot *ret);

/* Wait for the turn, and give it on. */
void gr_capture_begin(void);
void gr_capture_end(void);

/* In the handler of SIGQUIT, on any thread. True: it was sent by a capture. */
bool gr_capture_sig(const siginfo_t *info, void *ucontext);

#endif
