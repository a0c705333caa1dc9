/* SPDX-License-Identifier: MIT */
/*
 * ask.h - putting a question to a process, where it may not be looked into
 *
 * It needs no more than the right to send the process a signal; the protocol
 * is in docs/AGENT.md. A process that does not run goroutines is not touched.
 */
#ifndef GT_ASK_H
#define GT_ASK_H

#include <stdbool.h>
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

/*
 * The same for what lasts: @go_on is called several times a second until the
 * whole answer is there. Once it says false, the process is told to answer with what
 * it has.
 */
struct gt_ask_watch {
	bool (*go_on)(void *arg);
	void *arg;
};
struct gt_error *gt_ask_watched(pid_t pid, const char *question, int patience_s,
				const struct gt_ask_watch *watch, char **ret,
				size_t *ret_bytes);

#endif
