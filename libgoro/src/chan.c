// SPDX-License-Identifier: MIT
/*
 * chan.c - sending, receiving and closing
 *
 * Idea       As in Go: a sender that finds a waiting receiver writes into its
 *            hands, past the buffer, and the reverse; so a woken goroutine
 *            has what it came for and looks at nothing again. What Go needs
 *            beyond that, moving stacks, is not here: waiters and elements
 *            lie where they lay.
 * Invariants 1. Not both queues have waiters, unless all are cases of selects
 *               on both ends by one goroutine.
 *            2. Receivers wait only when len == 0, senders only when
 *               len == cap.
 *            3. A closed channel has no waiters.
 * Locks      ch->lock. A waiter's stack is written under it, in the state
 *            CLAIMED, so that no reader outside takes the copy for true.
 * Not here   several channels at once: select.c; memory: chan_slab.c
 */
#include "chan.h"

#include <errno.h>
#include <string.h>

#include "chan_slab.h"
#include "fatal.h"
#include "goro/goro.h"
#include "probes.h"

/* We have taken @w out of its queue: nobody else writes to its stack. */
static inline struct gr_g *
claimed(struct gr_waiter *w)
{
	gr_g_set_state(w->g, GORO_ABI_CLAIMED);
	w->ok = true;
	return w->g;
}

static inline char *
slot(const struct goro_chan *ch, uint64_t i)
{
	return ch->buf + i * ch->elem_bytes;
}

static inline uint64_t
after(const struct goro_chan *ch, uint64_t i)
{
	return i + 1 == ch->cap ? 0 : i + 1;
}

/* Append to the buffer, which has room. */
static inline void
buf_put(struct goro_chan *ch, const void *elem)
{
	gr_copy_elem(slot(ch, ch->send_at), elem, ch->elem_bytes);
	ch->send_at = after(ch, ch->send_at);
	gr_store_rlx(&ch->len, ch->len + 1); /* [pair chan-peek] */
}

/* Take the oldest out of the buffer, which has one. */
static inline void
buf_get(struct goro_chan *ch, void *elem)
{
	if (elem)
		gr_copy_elem(elem, slot(ch, ch->recv_at), ch->elem_bytes);
	ch->recv_at = after(ch, ch->recv_at);
	gr_store_rlx(&ch->len, ch->len - 1); /* [pair chan-peek] */
}

/* 0: no goroutine's doing. */
static inline uint64_t
id_of(const struct gr_m *m)
{
	return m && m->g ? m->g->id : 0;
}

/* Give @elem to a receiver or the buffer, if that needs no waiting. */
enum gr_chan_result
gr_chan_send_locked(struct gr_m *m, struct goro_chan *ch, const void *elem)
{
	struct gr_waiter *w;

	if (__builtin_expect(ch->closed, 0)) {
		gr_unlock(&ch->lock);
		return GR_CHAN_CLOSED;
	}
	ch->sent = true;
	ch->last_sender = id_of(m);
	if ((w = gr_waitq_claim(&ch->recvq))) {
		struct gr_g *g = claimed(w);

		ch->last_receiver = g->id;
		if (w->elem)
			gr_copy_elem(w->elem, elem, ch->elem_bytes);
		gr_unlock(&ch->lock);
		gr_ready(m, g);
		return GR_CHAN_DONE;
	}
	if (ch->len == ch->cap)
		return GR_CHAN_WAIT;
	buf_put(ch, elem);
	gr_unlock(&ch->lock);
	return GR_CHAN_DONE;
}

/* Take an element from the buffer or a sender, if that needs no waiting. */
enum gr_chan_result
gr_chan_recv_locked(struct gr_m *m, struct goro_chan *ch, void *elem)
{
	struct gr_waiter *w;
	struct gr_g *g = NULL;

	ch->last_receiver = id_of(m);
	if (ch->len) {
		buf_get(ch, elem);
		/* There is room now for the longest-waiting sender. */
		if ((w = gr_waitq_claim(&ch->sendq))) {
			g = claimed(w);
			buf_put(ch, w->elem);
		}
	} else if ((w = gr_waitq_claim(&ch->sendq))) {
		g = claimed(w);
		if (elem)
			gr_copy_elem(elem, w->elem, ch->elem_bytes);
	} else if (ch->closed) {
		gr_unlock(&ch->lock);
		if (elem)
			memset(elem, 0, ch->elem_bytes);
		return GR_CHAN_CLOSED;
	} else {
		return GR_CHAN_WAIT;
	}
	gr_unlock(&ch->lock);
	if (g)
		gr_ready(m, g);
	return GR_CHAN_DONE;
}

/*
 * Queue the calling goroutine and park. The channel is locked, and not any
 * more when this returns. Returns 0 when a peer came, -EPIPE when the channel
 * was closed, -ETIMEDOUT.
 */
static int
wait_locked(struct gr_m *m, struct goro_chan *ch, void *elem,
	    enum gr_waiter_dir dir, bool deadline)
{
	struct gr_g *g = m->g;
	struct gr_waiter w = {
		.g = g, .obj = ch, .elem = elem, .dir = dir, .shared = deadline
	};
	bool send = dir == GR_WAITER_SEND;

	gr_waitq_push(send ? &ch->sendq : &ch->recvq, &w);
	gr_g_will_wait(g, send ? GORO_WAIT_CHAN_SEND : GORO_WAIT_CHAN_RECV,
		       (uintptr_t)ch, &w, 1);
	gr_park(m, deadline ? gr_finish_deadline : gr_finish_wait_unlock,
		&ch->lock);
	if (deadline && !g->woken) {
		gr_lock(&ch->lock);
		if (w.queue)
			gr_waitq_remove(&w);
		gr_unlock(&ch->lock);
		return -ETIMEDOUT;
	}
	return w.ok ? 0 : -EPIPE;
}

_Noreturn static void
wait_for_ever(struct gr_m *m, enum goro_abi_reason reason)
{
	gr_g_will_wait(m->g, reason, 0, NULL, 0);
	gr_park(m, gr_finish_wait, NULL);
	__builtin_unreachable();
}

_Noreturn __attribute__((noinline)) static void
send_on_closed(void)
{
	goro_panic("send on closed channel");
}

void
goro_chan_send(struct goro_chan *ch, const void *elem)
{
	struct gr_m *m = gr_m_goroutine("goro_chan_send");
	enum gr_chan_result r;

	GR_PROBE2(send, ch, m->g->id);
	if (!ch)
		wait_for_ever(m, GORO_WAIT_CHAN_SEND_NIL);
	gr_lock(&ch->lock);
	r = gr_chan_send_locked(m, ch, elem);
	if (r == GR_CHAN_CLOSED ||
	    (r == GR_CHAN_WAIT &&
	     wait_locked(m, ch, (void *)elem, GR_WAITER_SEND, false)))
		send_on_closed();
}

bool
goro_chan_recv(struct goro_chan *ch, void *elem)
{
	struct gr_m *m = gr_m_goroutine("goro_chan_recv");
	enum gr_chan_result r;

	GR_PROBE2(recv, ch, m->g->id);
	if (!ch)
		wait_for_ever(m, GORO_WAIT_CHAN_RECV_NIL);
	gr_lock(&ch->lock);
	r = gr_chan_recv_locked(m, ch, elem);
	if (r != GR_CHAN_WAIT)
		return r == GR_CHAN_DONE;
	return wait_locked(m, ch, elem, GR_WAITER_RECV, false) == 0;
}

int
goro_chan_try_send(struct goro_chan *ch, const void *elem)
{
	if (!ch || !gr_chan_can_send(ch))
		return -EAGAIN;
	gr_lock(&ch->lock);
	switch (gr_chan_send_locked(gr_m_self(), ch, elem)) {
	case GR_CHAN_DONE:
		return 0;
	case GR_CHAN_CLOSED:
		send_on_closed();
	default:
		gr_unlock(&ch->lock);
		return -EAGAIN;
	}
}

int
goro_chan_try_recv(struct goro_chan *ch, void *elem)
{
	if (!ch || (!gr_chan_can_recv(ch) && !gr_chan_poll(ch)))
		return -EAGAIN;
	gr_lock(&ch->lock);
	switch (gr_chan_recv_locked(gr_m_self(), ch, elem)) {
	case GR_CHAN_DONE:
		return 0;
	case GR_CHAN_CLOSED:
		return -EPIPE;
	default:
		gr_unlock(&ch->lock);
		return -EAGAIN;
	}
}

/* A nil channel, but only for so long: no queue to wait in. */
static int
wait_nil(int64_t deadline_ns)
{
	int64_t now_ns = gr_now_ns();

	/* Of one long past the difference is more than can be told. */
	if (deadline_ns > now_ns)
		goro_sleep(deadline_ns - now_ns);
	return -ETIMEDOUT;
}

int
goro_chan_send_until(struct goro_chan *ch, const void *elem,
		     int64_t deadline_ns)
{
	struct gr_m *m = gr_m_goroutine("goro_chan_send_until");
	int err;

	if (deadline_ns == GORO_FOREVER)
		return goro_chan_send(ch, elem), 0;
	if (!ch)
		return wait_nil(deadline_ns);
	err = goro_chan_try_send(ch, elem);
	if (!err)
		return 0;
	if (deadline_ns <= gr_now_ns())
		return -ETIMEDOUT;
	gr_deadline_arm(m, deadline_ns);
	gr_lock(&ch->lock);
	switch (gr_chan_send_locked(m, ch, elem)) {
	case GR_CHAN_DONE:
		err = 0;
		break;
	case GR_CHAN_CLOSED:
		err = -EPIPE;
		break;
	default:
		err = wait_locked(m, ch, (void *)elem, GR_WAITER_SEND, true);
	}
	gr_deadline_disarm(gr_m_self()->g);
	if (err == -EPIPE)
		send_on_closed();
	return err;
}

int
goro_chan_recv_until(struct goro_chan *ch, void *elem, int64_t deadline_ns)
{
	struct gr_m *m = gr_m_goroutine("goro_chan_recv_until");
	int err;

	if (deadline_ns == GORO_FOREVER)
		return goro_chan_recv(ch, elem) ? 0 : -EPIPE;
	if (!ch)
		return wait_nil(deadline_ns);
	err = goro_chan_try_recv(ch, elem);
	if (err != -EAGAIN)
		return err;
	if (deadline_ns <= gr_now_ns())
		return -ETIMEDOUT;
	gr_deadline_arm(m, deadline_ns);
	gr_lock(&ch->lock);
	switch (gr_chan_recv_locked(m, ch, elem)) {
	case GR_CHAN_DONE:
		err = 0;
		break;
	case GR_CHAN_CLOSED:
		err = -EPIPE;
		break;
	default:
		err = wait_locked(m, ch, elem, GR_WAITER_RECV, true);
	}
	gr_deadline_disarm(gr_m_self()->g);
	return err;
}

/* Take up to @n waiters of a queue, in order. */
static void
take(struct goro_chan *ch, struct gr_waitq *q, uint32_t n, struct gr_glist *to)
{
	struct gr_waiter *w;

	while (to->n < n && (w = gr_waitq_claim(q))) {
		struct gr_g *g = claimed(w);

		w->ok = false;
		if (w->dir == GR_WAITER_RECV && w->elem)
			memset(w->elem, 0, ch->elem_bytes);
		gr_glist_append(to, g);
	}
}

static void
mark_closed(struct goro_chan *ch)
{
	gr_lock(&ch->lock);
	if (ch->closed) {
		gr_unlock(&ch->lock);
		goro_panic("close of closed channel");
	}
	gr_store_rlx(&ch->closed, 1); /* [pair chan-peek] */
}

void
gr_chan_close(struct goro_chan *ch, struct gr_glist *woken)
{
	mark_closed(ch);
	take(ch, &ch->recvq, UINT32_MAX, woken);
	take(ch, &ch->sendq, UINT32_MAX, woken);
	gr_unlock(&ch->lock);
}

/*
 * Waiters are woken by the batch: each is in the cache no longer by the time
 * that a million have been taken out of the queue. Nobody queues up at a closed
 * channel, and once the last ones are ready it may be gone.
 */
void
goro_chan_close(struct goro_chan *ch)
{
	enum { BATCH = 64 };
	bool more;

	GR_PROBE1(close, ch);
	if (!ch)
		goro_panic("close of nil channel");
	mark_closed(ch);
	do {
		struct gr_glist woken = { 0 };

		take(ch, &ch->recvq, BATCH, &woken);
		take(ch, &ch->sendq, BATCH, &woken);
		more = ch->recvq.first || ch->sendq.first;
		gr_unlock(&ch->lock);
		/* Without the lock: who runs at once must not meet it. */
		gr_ready_list(gr_m_self(), woken.first, woken.n);
		if (more)
			gr_lock(&ch->lock);
	} while (more);
}

/* A timer's channel has no buffer that anybody should see: goro_timer.c. */
size_t
goro_chan_len(const struct goro_chan *ch)
{
	/* [pair chan-peek] */
	return ch && !ch->timer ? gr_load_rlx(&ch->len) : 0;
}

size_t
goro_chan_cap(const struct goro_chan *ch)
{
	return ch && !ch->timer ? ch->cap : 0;
}
