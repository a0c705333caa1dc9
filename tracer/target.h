/* SPDX-License-Identifier: MIT */
/*
 * target.h - what is looked at: a live process, a core, a test's memory
 *
 * Idea       A target is a handful of functions; all that is right of it
 *            (snapshot, unwind, symbolize ...) is the same code for each. A
 *            new kind of target is one new file.
 * Trust      Everything that a target gives is hostile: it may be damaged, and
 *            it may change between two reads of the same place.
 */
#ifndef GT_TARGET_H
#define GT_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "arch.h"
#include "error.h"
#include "maps.h"

/* One piece of memory to copy; `ok` says afterwards that all of it came. */
struct gt_span {
	uint64_t addr;
	void *buf;
	size_t bytes;
	bool ok;
};

struct gt_target;

struct gt_target_ops {
	/**
	 * Copy spans, in their order.
	 *
	 * A span that is not readable is not `ok`, and that is no error: an
	 * error means that nothing can be read any more.
	 */
	struct gt_error *(*read)(struct gt_target *t, struct gt_span *spans,
				 size_t n);

	/* A descriptor of the file that @map maps, be it deleted, replaced or
	 * in another mount namespace; or -errno. */
	int (*open_file)(struct gt_target *t, const struct gt_map *map);

	/**
	 * Stop a thread and take its registers; release() lets it go on.
	 *
	 * @tid  as the target itself knows its thread
	 *
	 * Waits for a bounded time only. Both are called by one thread, which
	 * ends soon after (gt_target_trace()): whatever it still held, and a
	 * thread that could not be stopped in time, goes on then.
	 *
	 * Returns 0 or -errno: -ESRCH it has ended, -ETIMEDOUT it does not
	 * react, -EPERM somebody else traces it, -ENODATA a core lacks it
	 */
	int (*hold)(struct gt_target *t, int tid, struct gt_regs *ret);
	void (*release)(struct gt_target *t, int tid);

	/**
	 * Stop all threads, until thaw(); NULL: they never run.
	 *
	 * The same rules hold as for hold(), which only looks up what is known
	 * while it lasts.
	 *
	 * Returns how many threads do not react, or -errno: nothing is stopped
	 */
	int (*freeze)(struct gt_target *t);
	void (*thaw)(struct gt_target *t);

	/* Cycles and ns of CLOCK_MONOTONIC at the target's present. */
	void (*now)(struct gt_target *t, uint64_t *cycles, uint64_t *ns);

	void (*destroy)(struct gt_target *t);
};

struct gt_target {
	const struct gt_target_ops *ops;
	pid_t pid; /* 0: no process any more */
	struct gt_maps maps;
	bool frozen;      /* between freeze() and thaw(); a core is always */
	char name[100];   /* for messages: "process 12", "core core.12" */
	char notice[256]; /* what its reader should know, or empty */
};

/* target_live.c */
struct gt_error *gt_target_live_open(pid_t pid, struct gt_target **ret);

/**
 * Open a core, from the kernel or from gdb's gcore.
 *
 * @exe  the program, where it is not where it was; or NULL. It must outlive
 *       the target.
 *
 * A core that is cut off is opened with a notice.
 */
struct gt_error *gt_target_core_open(const char *path, const char *exe,
				     struct gt_target **ret);

void gt_target_destroyp(struct gt_target **t);

/* Copy one span; an unreadable one is an error here. */
struct gt_error *gt_target_read(struct gt_target *t, uint64_t addr, void *buf,
				size_t bytes);

/* Copy a string of less than @max bytes, control characters and all; what
 * cannot be read ends it. @buf is always terminated. */
struct gt_error *gt_target_read_string(struct gt_target *t, uint64_t addr,
				       char *buf, size_t max);

/* Run @fn(@arg) on a thread made for it, no signal disturbing it, and wait for
 * it to end: the only place where hold() may be called. */
struct gt_error *gt_target_trace(void (*fn)(void *arg), void *arg);

#endif
