/* SPDX-License-Identifier: MIT */
/*
 * goro/select.h - waiting on several channels at once
 */
#ifndef GORO_SELECT_H
#define GORO_SELECT_H

#include <goro/goro.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

enum goro_dir { GORO_DIR_SEND, GORO_DIR_RECV };

struct goro_case {
	enum goro_dir dir;
	struct goro_chan *ch; /* NULL: never chosen */
	void *elem; /* send: read; receive: written, or NULL to drop */
	bool ok;    /* out, for a receive: as goro_chan_recv() returns */
};

#ifdef __cplusplus
#define GORO_SEND(channel, ptr)                                           \
	goro_case                                                         \
	{                                                                 \
		GORO_DIR_SEND, (channel), const_cast<void *>(             \
			static_cast<const void *>(ptr)), false            \
	}
#define GORO_RECV(channel, ptr)                                           \
	goro_case                                                         \
	{                                                                 \
		GORO_DIR_RECV, (channel), (ptr), false                    \
	}
#else
#define GORO_SEND(channel, ptr)                                           \
	((struct goro_case){ GORO_DIR_SEND, (channel), (void *)(ptr), false })
#define GORO_RECV(channel, ptr)                                           \
	((struct goro_case){ GORO_DIR_RECV, (channel), (ptr), false })
#endif

/**
 * Wait until one of several sends and receives can go on, and do that one.
 *
 * @cases    the same channel may stand in several, in both directions
 * @n        0, or only NULL channels: waits for ever; at most 65,535. Each
 *           case takes 80 bytes of stack while it waits
 *
 * Returns   the index of the case that was done, chosen uniformly at random
 *           among those that could go on; its `ok` is set
 * Misuse    panics when the chosen case sends on a closed channel
 * Context   goroutine only; may go on on another thread
 * Source    Go, runtime/select.go selectgo()
 */
int goro_select(struct goro_case *cases, int n);

/** The same without waiting: -EAGAIN when no case could go on. Any thread. */
int goro_try_select(struct goro_case *cases, int n);

/** The same until a deadline: -ETIMEDOUT when none could go on by then. */
int goro_select_until(struct goro_case *cases, int n, int64_t deadline_ns);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
