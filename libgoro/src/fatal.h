/* SPDX-License-Identifier: MIT */
/*
 * fatal.h - the end of the program
 *
 * Idea       Go's: a message, tracebacks, exit status 2. A panic shows the
 *            goroutine that panicked, a fatal error shows all; GOROTRACEBACK
 *            changes either (traceback.h).
 * One        The first thread to come here reports. Others that come wait for
 *            ever: what they would say is mostly a consequence. Its own second
 *            coming, a fault in the report, ends the process at once.
 * Stack      The report runs on a static stack of its own, as the one that it
 *            is about may have run out, or be as small as 2 KiB.
 * Others     Other threads run on meanwhile. Who would end the process in an
 *            orderly way (goro_run) asks gr_fatal_wait() first, so that a
 *            report is not cut off by main returning.
 * stdio      Nothing is flushed, as with abort(): stdout's lock may be held by
 *            a goroutine that will never run again, and exit() would run
 *            handlers beside threads that still use what those take down.
 *            Output that has to survive a panic must have been flushed.
 * Signals    gr_fatal() and gr_fatal_sig() are safe in a handler. goro_panic()
 *            formats with vsnprintf(), which is not.
 */
#ifndef GR_FATAL_H
#define GR_FATAL_H

#include "goro/goro.h"

/* "fatal error: @msg", the tracebacks of all goroutines, exit status 2. */
_Noreturn void gr_fatal(const char *msg);

/* The same from a thread of the runtime's that runs no goroutines. */
_Noreturn void gr_fatal_aside(const char *msg);

/* The same from a signal handler on its alternate stack, for a fault of the
 * goroutine that @ucontext was taken from. */
_Noreturn void gr_fatal_sig(const char *msg, void *ucontext);

/* "SIGQUIT: quit", the tracebacks of all goroutines, those on threads too, and
 * exit status 2. On the agent. */
_Noreturn void gr_fatal_quit(void);

/* Exit status 2, at once. */
_Noreturn void gr_end_process(void);

/* Does not return while the program is being ended by another thread. */
void gr_fatal_wait(void);

#endif
