/* SPDX-License-Identifier: MIT */
/*
 * goro/time.h - timers and tickers
 *
 * A timer's channel is as in Go 1.23: it looks unbuffered, and once a stop or
 * a reset has returned, no value of before can be received from it. The value
 * is the instant that the timer was due at; a receiver reads how late it is by
 * comparing with goro_now().
 *
 * The timers of a run end with it: they do not fire after goro_run() has
 * returned. They may still be stopped and destroyed, and reset by a later run;
 * only not by another thread at the very time that goro_run() returns.
 */
#ifndef GORO_TIME_H
#define GORO_TIME_H

#include <goro/chan.h>
#include <goro/goro.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct goro_timer;

/**
 * Make a channel that one instant will come from.
 *
 * @duration_ns  from now; 0 and less: at once
 *
 * Returns   a channel of int64_t; NULL when memory is short. The caller has
 *           the one reference: giving it back early cancels the timer
 * Context   goroutine only
 * Source    Go, time.After()
 */
struct goro_chan *goro_after(int64_t duration_ns);

/**
 * Create a timer, running, with a channel.
 *
 * @duration_ns  from now; 0 and less: at once
 *
 * Returns   the timer; NULL when memory is short
 * Context   goroutine only
 * Source    Go, time.NewTimer()
 */
struct goro_timer *goro_timer_create(int64_t duration_ns);

/**
 * Create a timer, running, that calls a function.
 *
 * @duration_ns  from now; 0 and less: at once
 * @fn           called in a goroutine of its own, which may stop, reset and
 *               destroy the timer
 * @arg          for @fn
 *
 * Returns   the timer; NULL when memory is short. Memory that is short when
 *           it is due only makes it late
 * Misuse    ends the program when @fn is NULL: "go of nil func value"
 * Context   goroutine only
 * Order     happens-before the start of @fn, as does the reset before it
 * Source    Go, time.AfterFunc()
 */
struct goro_timer *goro_timer_create_func(int64_t duration_ns,
					  void (*fn)(void *arg), void *arg);

/**
 * Create a ticker: a timer that fires every so often. A tick that finds the
 * one before it still there is dropped.
 *
 * @period_ns  more than 0
 *
 * Returns   the ticker; NULL when memory is short or @period_ns is not positive
 * Context   goroutine only
 * Source    Go, time.NewTicker()
 */
struct goro_timer *goro_ticker_create(int64_t period_ns);

/** A timer's channel of int64_t, borrowed; NULL when it calls a function. */
struct goro_chan *goro_timer_chan(struct goro_timer *t);

/**
 * Stop a timer or ticker.
 *
 * Returns   true when that kept it from firing, or its value from being
 *           received; false when it was at rest already, or its function has
 *           been started: this does not wait for the function's end
 * Context   any thread
 * Threads   any number may stop and reset the same timer
 * Source    Go, Timer.Stop(), Ticker.Stop()
 */
bool goro_timer_stop(struct goro_timer *t);

/**
 * Start a timer anew, whether it runs or not.
 *
 * @duration_ns  from now; 0 and less: at once. A ticker's new period too
 *
 * Returns   as goro_timer_stop()
 * Misuse    panics when a ticker's period is not positive: "non-positive
 *           interval for Ticker.Reset"
 * Context   goroutine only
 * Threads   as goro_timer_stop()
 * Source    Go, Timer.Reset(), Ticker.Reset()
 */
bool goro_timer_reset(struct goro_timer *t, int64_t duration_ns);

/**
 * Stop a timer and free it. Its channel lives on as long as somebody has a
 * reference to it, and gives nothing more. NULL is allowed.
 *
 * Context   any thread; the timer's own function
 */
void goro_timer_destroy(struct goro_timer *t);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
