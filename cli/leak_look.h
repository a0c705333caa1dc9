/* SPDX-License-Identifier: MIT */
/*
 * leak_look.h - suspects: goroutines that look, from outside, as if they leaked
 *
 * Nothing here needs the process's help, so it works on cores too. A suspect is
 * blocked for long without a deadline, or one of a group, all alike, that has
 * more members in each sample than in the one before. It may be all right: a
 * worker without work waits as one that leaks does.
 *
 * What can be proven from outside are rings of locks that wait for each other,
 * and waits for nothing at all. That is for when the process did not do it.
 */
#ifndef CLI_LEAK_LOOK_H
#define CLI_LEAK_LOOK_H

#include "leak.h"

/* A group of goroutines, over the samples. */
struct leak_grown {
	uint64_t hash, first, n;
	unsigned sample; /* the last that had it */
	bool grows;      /* in each sample up to that */
};

struct leak_look {
	pid_t pid;           /* or */
	const char *core;    /* a core, and */
	const char *program; /* NULL: as the core names it */
	uint64_t min_wait_ns;
	bool prove; /* what can be: nobody else has */

	struct leak_grown *grown; /* free() it */
	size_t grown_n, grown_room;
	unsigned samples; /* that were taken */
};

/* Look once more, and put suspects into @r, which has the goroutines that are
 * findings already: those are left out. */
struct gt_error *leak_look(struct leak_look *look, struct leak_results *r);

#endif
