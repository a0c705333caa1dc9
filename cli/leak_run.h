/* SPDX-License-Identifier: MIT */
/*
 * leak_run.h - running the command, and hearing what its processes find
 */
#ifndef CLI_LEAK_RUN_H
#define CLI_LEAK_RUN_H

#include "leak.h"

struct leak_run {
	char **argv;
	int timeout_s;   /* 0: none */
	bool quiet;      /* its standard output goes to standard error */
	bool alone;      /* its child processes do not count */
	bool plain_heap; /* do not preload the table of heap blocks */

	/* Out. */
	int status; /* as waitpid() gives it */
	bool timed_out;
	int signal; /* that we got, and passed on */
};

/* Run it to its end. False: it could not even be started, and why was said. */
bool leak_run(struct leak_run *run, struct leak_results *ret);

#endif
