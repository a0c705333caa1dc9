/* SPDX-License-Identifier: MIT */
/*
 * limit.h - a bound on the memory that a library's call takes
 *
 * Idea       libdw (0.188) keeps an array of rules up to the highest register
 *            that unwind information names, 2 GiB for the highest one that it
 *            believes, and one more for each state that is remembered. Files
 *            are hostile, and what it reads of them, through a binary search
 *            of its own, cannot be checked beforehand without doing all of it
 *            again. So the kernel is told for the time of the call that this
 *            process may not grow: malloc() fails, and with it the call.
 * Threads    It is a limit of the whole process: for a tool with one thread.
 */
#ifndef GT_LIMIT_H
#define GT_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

struct gt_limit {
	struct rlimit before;
	bool on;
};

/* From now on, no more than @bytes beyond what there is; nothing is promised
 * where /proc is not to be had. */
void gt_limit_begin(struct gt_limit *limit, uint64_t bytes);
void gt_limit_end(struct gt_limit *limit);

#endif
