/* SPDX-License-Identifier: MIT */
/*
 * sigquit.h - kill -QUIT: what is everyone doing?
 *
 * Idea       As in Go: the tracebacks of all goroutines on stderr, and the
 *            end, with status 2. GORODEBUG=sigquit=continue goes on
 *            afterwards, sigquit=off leaves the signal alone.
 * Handler    It counts and wakes the agent (agent.h), which does the rest; so
 *            whatever the interrupted thread was in the middle of, malloc()
 *            or dlopen(), is no matter.
 * Stuck      The agent reads files for the names of functions, and a file
 *            system may hang. The thread that called goro_run() has nothing
 *            to do: it watches, and stands in.
 * Taken      when goro_run() finds SIGQUIT at its default, or ignored: as in
 *            Go, since a shell without job control starts what it puts into
 *            the background so. A handler of the program's stays.
 * Forked     A child that has not called exec() has no agent. There the signal
 *            does what it would have done without us.
 */
#ifndef GR_SIGQUIT_H
#define GR_SIGQUIT_H

#include <stdbool.h>
#include <stdint.h>

enum gr_sigquit { GR_SIGQUIT_EXIT, GR_SIGQUIT_CONTINUE, GR_SIGQUIT_OFF };

/* May the signal be had? Before the agent is started, install() after that. */
bool gr_sigquit_wanted(void);
void gr_sigquit_install(void);
void gr_sigquit_remove(void);
bool gr_sigquit_is_ours(void);

/*
 * On the thread that waits for the end of the run: see whether the agent gets
 * on, and after 2 s of standing still print what can be said without it. Returns
 * when to look again.
 */
int64_t gr_sigquit_watch(void);

/* On the agent: print, if it was asked for; may end the program. */
void gr_sigquit_serve(void);

#endif
