/* SPDX-License-Identifier: MIT */
/*
 * census.h - which processes run goroutines
 */
#ifndef GT_CENSUS_H
#define GT_CENSUS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

struct gt_process {
	pid_t pid;
	char command[16];    /* its name, as ps has it */
	uint64_t goroutines; /* alive, about now */
	uint64_t workers;    /* threads of the runtime */
	uint64_t age_s;
};

struct gt_census {
	struct gt_process *v; /* by pid */
	size_t n;
	size_t closed; /* processes of this user that may not be read */
};

/* Look at all processes of this user; root's are all. free(ret->v) when done,
 * in any case. */
struct gt_error *gt_census_take(struct gt_census *ret);

#endif
