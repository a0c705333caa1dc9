/* SPDX-License-Identifier: MIT */
/*
 * dump_options.h - what goro-dump was asked for
 */
#ifndef DUMP_OPTIONS_H
#define DUMP_OPTIONS_H

#include <stdbool.h>
#include <sys/types.h>

#include "tracer/unwind.h"

enum dump_format { DUMP_TEXT, DUMP_GO, DUMP_JSON };

struct dump_options {
	gt_unwinder_create *unwinder;
	enum dump_format format;
	pid_t pid;
	const char *core;    /* NULL: a process */
	const char *program; /* that the core is of; NULL: where it was */
	bool debuginfod;
};

/* An exit status; CLI_OK where @o is filled in. */
int dump_options_parse(int argc, char **argv, struct dump_options *o);

#endif
