/* SPDX-License-Identifier: MIT */
/*
 * dump_options.h - what goro-dump was asked for
 */
#ifndef DUMP_OPTIONS_H
#define DUMP_OPTIONS_H

#include <stdbool.h>
#include <sys/types.h>

#include "tracer/filter.h"
#include "tracer/unwind.h"

enum dump_format {
	DUMP_TEXT,
	DUMP_GO,
	DUMP_JSON,
	DUMP_DOT,
	DUMP_PPROF,
	DUMP_HTML
};

/* Group goroutines, or not; or on a terminal, when there are many. */
enum dump_group { DUMP_GROUP_AUTO, DUMP_GROUP_ON, DUMP_GROUP_OFF };

struct dump_options {
	gt_unwinder_create *unwinder;
	enum dump_format format;
	struct gt_filter filter;
	enum gt_sort sort;
	size_t limit; /* goroutines or groups; 0: no limit */
	enum dump_group group;
	bool threads;
	bool waits;    /* what is waited for, instead of goroutines */
	bool channels; /* the same for all channels */
	bool terminal; /* stdout is one */
	bool colour;
	pid_t pid;
	bool diffs; /* compare two dumps that were saved as JSON */
	const char *diff[2];
	uint64_t watch_ns; /* between looks; 0: one dump, no watching */
	bool list;         /* only say which processes there are */
	bool all;          /* of each of them */
	char **pids;       /* or of several; valid ids */
	size_t pids_n;
	const char *core;    /* NULL: a process */
	const char *program; /* that the core is of; NULL: where it was */
	bool debuginfod;
	bool signal;              /* ask the process itself */
	regex_t func, created_by; /* for the filter */
	bool consistent;          /* stop the process meanwhile */
};

/* An exit status; CLI_OK where @o is filled in. It is in use until the end:
 * @o->filter points into it. */
int dump_options_parse(int argc, char **argv, struct dump_options *o);

void dump_options_fini(struct dump_options *o);

#endif
