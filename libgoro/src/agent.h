/* SPDX-License-Identifier: MIT */
/*
 * agent.h - the thread that reports on the process from inside
 *
 * Idea       What a signal asks for takes time, descriptors and stack, which
 *            its handler has not; so a thread stands by. It is started with
 *            the run, when there still are threads to be had, and sleeps
 *            until it is sent SIGURG, by a handler or by a tool (ask.h): it
 *            costs an idle program nothing but a page or two of stack.
 * SIGURG     It blocks it and waits for it, so no handler ever sees it. The
 *            signals that the runtime preempts with are sent to other threads.
 * Apart      It runs no goroutine, has no P and takes no signal but its own
 *            faults. To the deadlock detector it is one of the runtime's.
 * Needs      no lock and no memory that another thread could have: it must
 *            get on while all of them are stuck in malloc() or dlopen().
 */
#ifndef GR_AGENT_H
#define GR_AGENT_H

#include <stdint.h>

#define GR_AGENT_NAME "goro-agent"

/* With the run. No thread to be had: then there is no agent, no failure. */
void gr_agent_start(void);
/* It finishes what it is at. */
void gr_agent_stop(void);

/* There is something to do; safe in a handler. */
void gr_agent_wake_sig(void);

/* The CPU time that it has used: one that gets on uses some. */
int64_t gr_agent_cpu_ns(void);

/* How many threads of the process are agents. */
int gr_agent_threads(void);

#endif
