/* SPDX-License-Identifier: MIT */
/*
 * goro/errgroup.h - goroutines that work on one thing, and fail together
 */
#ifndef GORO_ERRGROUP_H
#define GORO_ERRGROUP_H

#include <goro/ctx.h>
#include <goro/goro.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct goro_ctx;
struct goro_group;

/**
 * Create a group, with a context that derives from @parent.
 *
 * Returns   the group; NULL when memory is short or @parent is NULL
 * Context   any thread
 * Source    Go, golang.org/x/sync/errgroup, WithContext()
 */
struct goro_group *goro_group_create(struct goro_ctx *parent);

/**
 * The group's context, borrowed: cancelled by the first error, and when a wait
 * for the group returns.
 */
struct goro_ctx *goro_group_ctx(struct goro_group *g);

/**
 * Let no more than so many of the group's goroutines be alive at once.
 *
 * @limit    0: none may start; negative: any number, as at first
 *
 * Misuse    panics while goroutines of the group are alive: "errgroup: modify
 *           limit while N goroutines in the group are still active"
 * Context   any thread, but none that may start goroutines in the group
 * Source    Go, errgroup, SetLimit()
 */
void goro_group_set_limit(struct goro_group *g, int limit);

/**
 * Start a goroutine in the group, waiting until the limit allows one more.
 *
 * @fn       returns 0, or an error: a negative errno, but any number will do.
 *           It must return: one that ends in goro_exit() is waited for in vain
 * @arg      for @fn
 *
 * Returns   0; -ENOMEM, and nothing was started
 * Context   goroutine only, of this group or not; may go on on another thread
 * Order     happens-before the start of @fn, whose end happens-before the
 *           return of goro_group_wait()
 * Source    Go, errgroup, Go()
 */
int goro_group_go(struct goro_group *g,
		  int (*fn)(struct goro_ctx *ctx, void *arg), void *arg);

/**
 * Wait until all goroutines of the group have ended, and cancel its context.
 *
 * Returns   0, or the first error. Nothing is freed
 * Context   goroutine only, not of this group
 * Source    Go, errgroup, Wait()
 */
int goro_group_wait(struct goro_group *g);

/**
 * Cancel the group's context, wait for its goroutines and free it. NULL is
 * allowed.
 *
 * Context   goroutine only, not of this group; any thread once goro_run() has
 *           returned
 */
void goro_group_destroy(struct goro_group *g);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
