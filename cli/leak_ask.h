/* SPDX-License-Identifier: MIT */
/*
 * leak_ask.h - checking what runs already, or ran
 */
#ifndef CLI_LEAK_ASK_H
#define CLI_LEAK_ASK_H

#include "leak.h"

struct leak_ask {
	pid_t pid;           /* of a process; or */
	const char *core;    /* a core, and */
	const char *program; /* NULL: as the core names it */
	int samples;
	uint64_t every_ns; /* between two of them */
	uint64_t min_wait_ns;
};

/* Have the process check itself and add what its answer says. False: it did
 * not, and why is a problem of @r; that it runs no goroutines is none unless
 * @must. */
bool leak_ask_one(pid_t pid, bool must, struct leak_results *r);

/* All samples. What could not be had is a problem of @ret. */
void leak_ask(const struct leak_ask *ask, struct leak_results *ret);

#endif
