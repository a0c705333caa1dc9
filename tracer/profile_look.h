/* SPDX-License-Identifier: MIT */
/*
 * profile_look.h - goroutine and wall profiles of a process that is not asked
 *
 * Idea       What goro-dump sees at one look is a goroutine profile; looks at
 *            regular times make a wall profile. The process does nothing for
 *            it. A look takes longer than the process itself would need, so
 *            of a wall profile there are fewer of them than were asked for;
 *            each stands for the time since the one before.
 */
#ifndef GT_PROFILE_LOOK_H
#define GT_PROFILE_LOOK_H

#include <sys/types.h>

#include "ask.h"
#include "profile.h"

struct gt_profile_looks {
	bool wall;
	int64_t ms; /* of wall: for so long */
	long hz;
	bool creator; /* tell who started them, as a label */
	const struct gt_ask_watch *watch; /* may end it early */
};

struct gt_error *gt_profile_look(pid_t pid,
				 const struct gt_profile_looks *looks,
				 struct gt_profile *ret);

#endif
