/* SPDX-License-Identifier: MIT */
/*
 * leak_self.h - a leak planted, to see that leaks are found here
 *
 * A check that finds nothing may be one that sees nothing. The tool runs itself
 * as its command: as a program that is known to leak.
 */
#ifndef CLI_LEAK_SELF_H
#define CLI_LEAK_SELF_H

#include "leak_options.h"

#define LEAK_PLANTED "planted"

/* Be that program: the status to exit with. */
int leak_plant(void);

/* Run it and see its leak found: CLI_OK, or CLI_FAILED; it is said which. */
int leak_self_test(struct leak_options *o);

#endif
