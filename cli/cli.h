/* SPDX-License-Identifier: MIT */
/*
 * cli.h - what the tools share: exit statuses, messages, arguments
 *
 * Results go to stdout, everything that is said about them to stderr, one line
 * a message: "goro-dump: what is wrong: what to do".
 */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tracer/error.h"

enum cli_exit {
	CLI_OK = 0,
	CLI_FINDINGS = 1, /* or only a part could be had */
	CLI_FAILED = 2,
	CLI_USAGE = 64,
};

/* Say "NAME: ..." on stderr. */
__attribute__((format(printf, 1, 2))) void cli_say(const char *format, ...);

/* Say an error and free it. */
void cli_say_error(struct gt_error *err);

/* "NAME: ...; try --help", and the status for it. */
__attribute__((format(printf, 1, 2))) int cli_usage(const char *format, ...);

/* Print a text that was asked for, as --help; the status to exit with. */
int cli_print(const char *text);

bool cli_parse_pid(const char *text, pid_t *ret);

/* "250ms", "1.5s", "10m", "2h", "100us", "5ns"; plain "0". */
bool cli_parse_duration(const char *text, uint64_t *ret_ns);

#endif
