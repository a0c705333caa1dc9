/* SPDX-License-Identifier: MIT */
/*
 * runtime.h - what a run sets for the others
 */
#ifndef GR_RUNTIME_H
#define GR_RUNTIME_H

#include <stddef.h>

#define GR_MIN(a, b) ((a) < (b) ? (a) : (b))
#define GR_MAX(a, b) ((a) > (b) ? (a) : (b))

/* The structure that @ptr points into, to its @member. */
#define GR_CONTAINER(ptr, type, member) \
	((type *)((char *)(ptr)-offsetof(type, member)))

/* Something for the thread that waits for the end of the run to look at; safe
 * in a handler. */
void gr_run_wake_sig(void);

extern unsigned gr_default_class; /* of stacks: GOROSTACK */

#endif
