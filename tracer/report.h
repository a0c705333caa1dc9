/* SPDX-License-Identifier: MIT */
/*
 * report.h - all that a renderer may show: the model, seen through a view, and
 * what the analyses made of it
 */
#ifndef GT_REPORT_H
#define GT_REPORT_H

#include "group.h"
#include "objects.h"
#include "os_threads.h"
#include "waits.h"

/* What the dump is of, for those formats that say so. */
struct gt_about {
	const char *tool; /* its version */
	const char *command;
	int pid;          /* 0: of a core, where it is not known */
	uint64_t time_ns; /* when, CLOCK_REALTIME */
};

/* NULL: was not asked for. */
struct gt_report {
	const struct gt_view *view;
	const struct gt_about *about;
	const struct gt_groups *groups; /* instead of single goroutines */
	const struct gt_os_threads *threads;
	const struct gt_objects *objects; /* what is waited for */
	const struct gt_knots *knots;     /* with objects */
	bool channels;                    /* objects are all the channels */
};

#endif
