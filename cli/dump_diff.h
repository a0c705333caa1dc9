/* SPDX-License-Identifier: MIT */
/*
 * dump_diff.h - goro-dump --diff A.json B.json
 */
#ifndef DUMP_DIFF_H
#define DUMP_DIFF_H

#include "dump_options.h"

/* Compare the two files that o->diff names; an exit status. */
int dump_diff(const struct dump_options *o);

#endif
