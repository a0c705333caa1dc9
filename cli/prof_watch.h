/* SPDX-License-Identifier: MIT */
/*
 * prof_watch.h - watching over what takes its time: progress, and Ctrl-C
 */
#ifndef PROF_WATCH_H
#define PROF_WATCH_H

#include <stdbool.h>

#include "tracer/ask.h"

enum { PROF_PATIENCE_S = 60 }; /* for an answer, after the time is over */

/*
 * From now on the first Ctrl-C ends what is watched early, with what there is,
 * and the second ends us as usual. A line on a terminal says how far it is.
 *
 * @ms  how long it is to take; below a second nothing is said of it
 */
const struct gt_ask_watch *prof_watch(long ms);
/* It is over: the line is done. */
void prof_watch_end(void);

bool prof_interrupted(void);

#endif
