/* SPDX-License-Identifier: MIT */
/*
 * chan.h - the channel's record, and the half of each operation that select
 * shares
 */
#ifndef GR_CHAN_H
#define GR_CHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "goro/abi.h"
#include "goro_timer.h"
#include "lock.h"
#include "sched.h"
#include "waitq.h"

struct goro_chan {
	struct gr_lock lock;
	uint32_t closed;     /* [pair chan-peek] */
	uint64_t len;        /* [pair chan-peek] */
	uint64_t cap;
	uint64_t elem_bytes;
	char *buf;           /* cap * elem_bytes; itself when that is 0 */
	uint64_t send_at, recv_at; /* index of the next element, in and out */

	struct gr_waitq recvq, sendq; /* ->first: [pair chan-peek] */
	uint64_t last_sender, last_receiver; /* ids, also of those that tried */
	uint32_t refs;       /* [pair chan-refs] */
	uint8_t kind;        /* enum goro_abi_chan_kind */
	bool sent;           /* something, once */
	bool only_value;     /* of a context that is made to carry one */
	uint32_t test;       /* of who made it, as in struct gr_g */
	uint64_t id;         /* 0: free */
	uint64_t creator_id, creator_pc;
	char *name;          /* malloc'ed, or NULL */
	struct goro_timer *timer; /* freed with it; NULL: not a timer's */
	struct goro_chan *next_free;
	/* Who gave back a reference that was not the last one, and where;
	 * [relaxed] for the report of a leak, where any of several will do. */
	uint64_t left_id, left_pc;
} __attribute__((aligned(64)));

/* As goro_chan_create(); @creator_pc is what the tools show. */
struct goro_chan *gr_chan_create(size_t elem_bytes, size_t capacity,
				 enum goro_abi_chan_kind kind,
				 uint64_t creator_pc);

/* Close an open channel; who waited is appended to @woken, for the caller to
 * make ready when it holds no locks. */
void gr_chan_close(struct goro_chan *ch, struct gr_glist *woken);

/* What became of an attempt. */
enum gr_chan_result {
	GR_CHAN_DONE,   /* done; the lock is released */
	GR_CHAN_CLOSED, /* closed: nothing was done; the lock is released */
	GR_CHAN_WAIT,   /* it would wait; the lock is still held */
};

enum gr_chan_result gr_chan_send_locked(struct gr_m *m, struct goro_chan *ch,
					const void *elem);
enum gr_chan_result gr_chan_recv_locked(struct gr_m *m, struct goro_chan *ch,
					void *elem);

/*
 * Could it go on now? Without the lock, so only a hint for where to lock:
 * [pair chan-peek] relaxed, and tried again under the lock before waiting.
 */
static inline bool
gr_chan_can_send(const struct goro_chan *ch)
{
	return gr_load_rlx(&ch->len) < ch->cap ||
	       gr_load_rlx(&ch->recvq.first) || gr_load_rlx(&ch->closed);
}

static inline bool
gr_chan_can_recv(const struct goro_chan *ch)
{
	return gr_load_rlx(&ch->len) || gr_load_rlx(&ch->sendq.first) ||
	       gr_load_rlx(&ch->closed);
}

/* A receive would wait; but is its timer due, and only not fired yet? */
static inline bool
gr_chan_poll(const struct goro_chan *ch)
{
	return __builtin_expect(ch->timer != NULL, 0) &&
	       gr_chan_timer_poll(ch->timer);
}

/* Elements are mostly a word or two; a call to memcpy costs 3 ns. */
static inline void
gr_copy_elem(void *to, const void *from, size_t bytes)
{
	if (bytes == 8)
		memcpy(to, from, 8);
	else if (bytes == 4)
		memcpy(to, from, 4);
	else if (bytes)
		memcpy(to, from, bytes);
}

#endif
