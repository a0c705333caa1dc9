/* SPDX-License-Identifier: MIT */
/*
 * prof_trace.h - goro-prof trace
 */
#ifndef PROF_TRACE_H
#define PROF_TRACE_H

#include <stdbool.h>
#include <sys/types.h>

struct prof_trace {
	pid_t pid;
	long ms;
	const char *from; /* a file instead of a process, or NULL */
	const char *file; /* NULL: stdout */
	bool chrome;      /* JSON */
	bool flight;      /* what the flight recorder has */
};

/* Returns the status to exit with. */
int prof_trace(const struct prof_trace *args);

#endif
