/* SPDX-License-Identifier: MIT */
/*
 * goro/ctx.h - contexts: telling a tree of goroutines that it is over
 *
 * A context derives from its parent and ends no later: when it is cancelled,
 * when its deadline comes, or when its parent ends. Goroutines that work for
 * it wait for its done channel beside what else they wait for, or ask
 * goro_ctx_err() now and then.
 *
 * A context is reference counted and holds a reference to its parent. A
 * goroutine that may outlive the reference that it was started with takes one
 * of its own. Giving the last reference back does not cancel: nobody is left
 * who could be told.
 */
#ifndef GORO_CTX_H
#define GORO_CTX_H

#include <goro/chan.h>
#include <goro/goro.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct goro_ctx;

/**
 * The root of all contexts. It never ends, has no values and is not counted.
 *
 * Context   any thread
 * Source    Go, context.Background()
 */
struct goro_ctx *goro_ctx_background(void);

/**
 * Derive a context that can be cancelled.
 *
 * Returns   the context, with one reference; ended already when @parent has.
 *           NULL when memory is short or @parent is NULL
 * Context   any thread
 * Source    Go, context.WithCancel()
 */
struct goro_ctx *goro_ctx_with_cancel(struct goro_ctx *parent);

/**
 * Derive a context that ends by itself, with -ETIMEDOUT.
 *
 * @duration_ns  from now; 0 and less: it has ended already
 *
 * Context   goroutine only
 * Source    Go, context.WithTimeout()
 * Otherwise as goro_ctx_with_cancel().
 */
struct goro_ctx *goro_ctx_with_timeout(struct goro_ctx *parent,
				       int64_t duration_ns);

/**
 * The same at an instant of CLOCK_MONOTONIC; GORO_FOREVER never comes.
 *
 * Source    Go, context.WithDeadline()
 */
struct goro_ctx *goro_ctx_with_deadline(struct goro_ctx *parent,
					int64_t deadline_ns);

/**
 * Derive a context that carries a value.
 *
 * @key      not NULL; compared as a pointer, so the address of a variable of
 *           one's own makes a key that nobody else has
 * @value    not looked at; must stay valid as long as somebody may ask for it
 *
 * Returns   as goro_ctx_with_cancel(), and NULL when @key is NULL
 * Context   any thread
 * Source    Go, context.WithValue(); differs: it can be cancelled by itself
 */
struct goro_ctx *goro_ctx_with_value(struct goro_ctx *parent, const void *key,
				     void *value);

/**
 * End a context and all that derive from it, with -ECANCELED. One that has
 * ended stays as it is; the background context cannot be cancelled.
 *
 * Context   any thread
 * Order     happens-before what sees the end, by channel or by error
 * Source    Go, context.CancelFunc
 */
void goro_ctx_cancel(struct goro_ctx *ctx);

/**
 * The channel that is closed when @ctx ends; nothing is sent on it.
 *
 * Returns   the channel, borrowed; NULL for the background context
 * Context   any thread
 * Source    Go, Context.Done()
 */
struct goro_chan *goro_ctx_done(struct goro_ctx *ctx);

/**
 * Has it ended, and why?
 *
 * Returns   0 while it has not; -ECANCELED; -ETIMEDOUT. When not 0 the done
 *           channel is closed
 * Context   any thread
 * Source    Go, Context.Err()
 */
int goro_ctx_err(struct goro_ctx *ctx);

/**
 * The value of @key that @ctx or its nearest ancestor carries; NULL if none.
 *
 * Context   any thread
 * Source    Go, Context.Value()
 */
void *goro_ctx_value(struct goro_ctx *ctx, const void *key);

/** Take another reference; returns @ctx. NULL is allowed. Any thread. */
struct goro_ctx *goro_ctx_ref(struct goro_ctx *ctx);

/** Give a reference back; the last one frees it. NULL is allowed. Any thread.*/
void goro_ctx_unref(struct goro_ctx *ctx);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
