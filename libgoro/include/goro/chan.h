/* SPDX-License-Identifier: MIT */
/*
 * goro/chan.h - channels
 *
 * A NULL channel is Go's nil channel: sending and receiving wait for ever.
 */
#ifndef GORO_CHAN_H
#define GORO_CHAN_H

#include <goro/goro.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct goro_chan;

/**
 * Create a channel.
 *
 * @elem_bytes  size of an element; 0 is allowed
 * @capacity    elements that it holds; 0: a send waits for its receiver
 *
 * Returns   the channel, with one reference; NULL when memory is short or the
 *           two multiply to more than memory can be
 * Context   any thread
 * Source    Go, runtime/chan.go makechan()
 */
struct goro_chan *goro_chan_create(size_t elem_bytes, size_t capacity);

/** Take another reference; returns @ch. NULL is allowed. Any thread. */
struct goro_chan *goro_chan_ref(struct goro_chan *ch);

/** Give a reference back; the last one frees the channel. NULL is allowed. */
void goro_chan_unref(struct goro_chan *ch);

/**
 * Send one element, waiting until there is room or a receiver.
 *
 * @elem     elem_bytes bytes, copied before the return; may be NULL when
 *           elements have no size
 *
 * Misuse    panics when @ch is, or becomes, closed: "send on closed channel"
 * Context   goroutine only; may go on on another thread
 * Threads   any number of senders and receivers at once, first come first
 *           served
 * Order     happens-before the return of the receive that takes @elem
 * Source    Go, runtime/chan.go chansend()
 */
void goro_chan_send(struct goro_chan *ch, const void *elem);

/**
 * Receive one element, waiting for it.
 *
 * @elem     out: elem_bytes bytes; NULL drops the element
 *
 * Returns   true; false when @ch is closed and drained, and @elem zeroed
 * Context   goroutine only; may go on on another thread
 * Order     a send happens-before the receive of its element; a close
 *           happens-before the false that it causes
 * Source    Go, runtime/chan.go chanrecv()
 */
bool goro_chan_recv(struct goro_chan *ch, void *elem);

/**
 * Send without waiting.
 *
 * Returns   0; -EAGAIN when a send would wait
 * Context   any thread
 * Otherwise as goro_chan_send().
 */
int goro_chan_try_send(struct goro_chan *ch, const void *elem);

/**
 * Receive without waiting.
 *
 * Returns   0; -EAGAIN when a receive would wait; -EPIPE when @ch is closed
 *           and drained, and @elem zeroed
 * Context   any thread
 * Otherwise as goro_chan_recv().
 */
int goro_chan_try_recv(struct goro_chan *ch, void *elem);

/**
 * Send, waiting until a deadline.
 *
 * @deadline_ns  CLOCK_MONOTONIC; one that has passed tries once
 *
 * Returns   0; -ETIMEDOUT when the deadline came first, and nothing was sent
 * Otherwise as goro_chan_send().
 */
int goro_chan_send_until(struct goro_chan *ch, const void *elem,
			 int64_t deadline_ns);

/**
 * Receive, waiting until a deadline.
 *
 * Returns   0; -ETIMEDOUT when the deadline came first; -EPIPE when @ch is
 *           closed and drained, and @elem zeroed
 * Otherwise as goro_chan_recv().
 */
int goro_chan_recv_until(struct goro_chan *ch, void *elem,
			 int64_t deadline_ns);

/**
 * Close a channel: what it holds can still be received, then receives return
 * false at once.
 *
 * Misuse    panics on a closed channel, "close of closed channel", and on
 *           NULL, "close of nil channel"
 * Context   any thread
 * Order     happens-before every receive that returns because of it
 * Source    Go, runtime/chan.go closechan()
 */
void goro_chan_close(struct goro_chan *ch);

/** Elements in the buffer now, and how many fit. 0 for NULL. Any thread. */
size_t goro_chan_len(const struct goro_chan *ch);
size_t goro_chan_cap(const struct goro_chan *ch);

/** Name a channel, for the tools. @name is copied; NULL removes it. */
void goro_chan_set_name(struct goro_chan *ch, const char *name);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
