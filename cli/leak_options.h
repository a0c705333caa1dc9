/* SPDX-License-Identifier: MIT */
/*
 * leak_options.h - what goro-leakcheck was asked for
 */
#ifndef CLI_LEAK_OPTIONS_H
#define CLI_LEAK_OPTIONS_H

#include "leak.h"
#include "leak_ask.h"
#include "leak_rules.h"
#include "leak_run.h"

enum { LEAK_OUTPUTS = 8 };

struct leak_format {
	const char *name;
	bool (*render)(const struct leak_results *r, int fd);
};

struct leak_output {
	const struct leak_format *format;
	const char *file; /* NULL: standard output */
};

struct leak_options {
	struct leak_run run; /* a command; or, if its argv is NULL, */
	struct leak_ask ask; /* what runs already */
	struct leak_output output[LEAK_OUTPUTS];
	int outputs;
	bool fail_on[LEAK_KINDS];
	struct leak_rules rules;
	bool self_test;
	const char *generate;       /* a file for suppressions, or NULL */
	const char *write_baseline; /* likewise */
};

/* What to exit with if it is not CLI_OK; what was wrong has been said. */
int leak_options_parse(int argc, char **argv, struct leak_options *ret);

#endif
