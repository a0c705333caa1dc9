/* SPDX-License-Identifier: MIT */
/*
 * ask.h - putting a question to a process, where it may not be looked into
 *
 * It needs no more than the right to send the process a signal; the protocol
 * is in docs/AGENT.md. A process that does not run goroutines is not touched.
 */
#ifndef GT_ASK_H
#define GT_ASK_H

#include <stddef.h>
#include <sys/types.h>

#include "error.h"

/*
 * Ask, and wait for the whole answer.
 *
 * @question    "dump all": a verb and its arguments
 * @patience_s  give up after so long without a byte of an answer
 * @ret         allocated; a NUL follows behind @ret_bytes
 */
struct gt_error *gt_ask(pid_t pid, const char *question, int patience_s,
			char **ret, size_t *ret_bytes);

#endif
