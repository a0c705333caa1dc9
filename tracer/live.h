/* SPDX-License-Identifier: MIT */
/*
 * live.h - what the parts of a live target share; for them only
 */
#ifndef GT_LIVE_H
#define GT_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>
#include <time.h>

#include "target.h"

enum {
	GT_LIVE_BATCH = 1024, /* the kernel's limit of iovecs */
	GT_LIVE_TRACED = 64,
};

/* A thread that freeze() has seized. */
struct gt_frozen {
	int tid;     /* here */
	int own_tid; /* as the process itself knows it */
	int sig;     /* that was on its way to it */
	bool held;   /* it stands still, and these are its registers */
	struct gt_regs regs;
};

struct gt_live {
	struct gt_target base;
	int proc; /* its directory in /proc */
	/* In a PID namespace of its own it knows its threads by other ids. */
	bool own_ids;
	struct iovec local[GT_LIVE_BATCH], remote[GT_LIVE_BATCH];
	/* Threads of which there is something to remember. */
	struct traced {
		int tid;
		int sig; /* held while this was on its way to it; or 0: not
			  * held yet, but told to stop */
	} traced[GT_LIVE_TRACED];
	unsigned traced_n;
	pid_t tracer; /* the thread that remembers: with it all traces end */
	/* While all of it is stopped; sorted by `tid`. */
	struct gt_frozen *frozen;
	size_t frozen_n;
};

static inline struct gt_live *
gt_live_of(struct gt_target *t)
{
	return (struct gt_live *)t;
}

static inline int64_t
gt_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* live_threads.c: the target's functions of these names. */
int gt_live_hold(struct gt_target *t, int tid, struct gt_regs *ret);
void gt_live_release(struct gt_target *t, int tid);
int gt_live_freeze(struct gt_target *t);
void gt_live_thaw(struct gt_target *t);

#endif
