/* SPDX-License-Identifier: MIT */
/*
 * dump_many.h - goro-dump for more than one process
 */
#ifndef DUMP_MANY_H
#define DUMP_MANY_H

#include "dump_options.h"

/* Print which processes there are: --list. Returns an exit status. */
int dump_list(void);

/* Call @dump for each process that is asked for, with a line before each that
 * says whose dump it is. Returns the worst of the exit statuses. */
int dump_many(struct dump_options *o, int (*dump)(struct dump_options *o));

#endif
