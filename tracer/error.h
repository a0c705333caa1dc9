/* SPDX-License-Identifier: MIT */
/*
 * error.h - what the tracer's functions return
 *
 * Idea       A pointer, NULL is success. An error carries one line that says
 *            what went wrong and, where there is one, a second part that says
 *            what to do about it; a tool prints both as they are.
 * Memory     Errors are allocated, gt_error_free() ends them; gt_enomem is
 *            the one that is not, and freeing it does nothing.
 */
#ifndef GT_ERROR_H
#define GT_ERROR_H

#include <stdint.h>

enum gt_code {
	GT_NOMEM = 1,
	GT_SYSTEM,     /* a system call failed: `sys` */
	GT_NO_PROCESS, /* there is none of that id */
	GT_NO_ACCESS,  /* it may not be looked at */
	GT_ENDED,      /* it went away while being looked at */
	GT_FAULT,      /* `addr` is not readable there */
	GT_NO_RUNTIME, /* no libgoro in it */
	GT_NEWER,      /* a debug ABI that this reader does not know */
	GT_DAMAGED,    /* a table or a list that cannot be true */
};

struct gt_error {
	enum gt_code code;
	int sys;       /* errno, or 0 */
	uint64_t addr; /* in the target, or 0 */
	char text[256];
	char hint[320]; /* what to do, or empty */
};

extern struct gt_error gt_enomem;

__attribute__((format(printf, 3, 4))) struct gt_error *
gt_error(enum gt_code code, int sys, const char *format, ...);

__attribute__((format(printf, 2, 3))) struct gt_error *
gt_damaged(uint64_t addr, const char *format, ...);

/* Add what to do; returns @err. */
__attribute__((format(printf, 2, 3))) struct gt_error *
gt_error_hint(struct gt_error *err, const char *format, ...);

void gt_error_free(struct gt_error *err);

/* Clean-up by scope: `GT_CLEANUP(gt_maps_fini) struct gt_maps maps = { 0 };`
 * and gt_steal() to let a pointer outlive its scope. */
#define GT_CLEANUP(fn) __attribute__((cleanup(fn)))
#define gt_steal(ptr)                        \
	({                                   \
		__typeof__(ptr) p__ = (ptr); \
		(ptr) = NULL;                \
		p__;                         \
	})

/* free() and close() for GT_CLEANUP. */
void gt_freep(void *ptr_to_ptr);
void gt_closep(int *fd);

#endif
