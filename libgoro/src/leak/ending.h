/* SPDX-License-Identifier: MIT */
/*
 * ending.h - a process that is told to end looks for leaks before it does
 *
 * Idea       What runs a test ends it, when it takes too long, by a signal to
 *            that process alone: goro-leakcheck does not come to know of it in
 *            time. So while a goro-leakcheck listens, we look first, and then
 *            let the signal do what it would have done.
 * Taken      SIGTERM, SIGINT and SIGHUP where they are at their default; a
 *            handler of the program's stays, and so does SIG_IGN.
 * Twice      the second signal ends it at once, as does the first one when
 *            goro-leakcheck has just asked.
 */
#ifndef GR_LEAK_ENDING_H
#define GR_LEAK_ENDING_H

/* When the agent is there; and when it is about to go. */
void gr_leak_ending_install(void);
void gr_leak_ending_remove(void);

/* goro-leakcheck has all that there is to say: no more looking. */
void gr_leak_ending_told(void);

/* On the agent, which is to answer meanwhile: goro-leakcheck may ask just then,
 * and would wait for it as it waits for goro-leakcheck. So the look is on a
 * thread of its own, for which the end of a run waits when the agent is gone. */
void gr_leak_ending_serve(void);
void gr_leak_ending_wait(void);

#endif
