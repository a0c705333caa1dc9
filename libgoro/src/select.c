// SPDX-License-Identifier: MIT
/*
 * select.c - waiting on several channels at once
 *
 * Idea       First look, without any lock, at which cases could go on, choose
 *            among them and lock that one channel only: most selects end
 *            here, at the cost of one operation. Only a select that has to
 *            wait locks all its channels, in the order of their addresses,
 *            looks again, and puts a waiter into each queue. Go locks all of
 *            them always.
 * Choice     Uniformly at random among the ready, by reservoir sampling
 *            (Vitter 1985, algorithm R with one place).
 * Waking     The first waker to claim the goroutine has chosen its case
 *            (waitq.c); the goroutine then leaves the other queues. Of several
 *            cases that wait in one queue it is the one in front: where there
 *            are such, all line up in a random order.
 * Stacks     All on the goroutine's stack, the waiters and the lock order too;
 *            the finish that unlocks runs on the next one's.
 */
#include "goro/select.h"

#include <errno.h>

#include "chan.h"
#include "fatal.h"
#include "probes.h"

enum {
	CASES_MAX = UINT16_MAX, /* what g->wait_n can say */
	ROOM = 4096, /* of stack, below what a case takes of it */
};

/* One select, on its goroutine's stack. */
struct select {
	struct goro_case *cases;
	struct gr_waiter *waiters; /* one a case; unused for a NULL channel */
	struct goro_chan **order;  /* the channels by address, each once */
	uint16_t *turns; /* the cases in the order they line up; NULL: as is */
	unsigned n, channels;
};

static inline bool
can_go_on(const struct goro_case *c)
{
	if (!c->ch)
		return false;
	return c->dir == GORO_DIR_SEND ? gr_chan_can_send(c->ch) :
					 gr_chan_can_recv(c->ch);
}

/* One of the cases that could go on, each as likely; or -1. */
static int
choose(struct gr_p *p, const struct goro_case *cases, unsigned n)
{
	unsigned ready = 0;
	int chosen = -1;

	for (unsigned i = 0; i < n; i++) {
		if (!can_go_on(&cases[i]))
			continue;
		if (++ready == 1 || gr_random(p) % ready == 0)
			chosen = i;
	}
	return chosen;
}

/* Try one case, whose channel is locked. */
static enum gr_chan_result
attempt_locked(struct gr_m *m, struct goro_case *c)
{
	enum gr_chan_result r;

	if (c->dir == GORO_DIR_SEND)
		return gr_chan_send_locked(m, c->ch, c->elem);
	r = gr_chan_recv_locked(m, c->ch, c->elem);
	if (r != GR_CHAN_WAIT)
		c->ok = r == GR_CHAN_DONE;
	return r;
}

static void
panic_if_closed(const struct goro_case *c, enum gr_chan_result r)
{
	if (r == GR_CHAN_CLOSED && c->dir == GORO_DIR_SEND)
		goro_panic("send on closed channel");
}

/* A goroutine's P, or on other threads something that is as good here. */
static struct gr_p *
randomness(struct gr_m *m, struct gr_p *spare)
{
	if (m && m->p)
		return m->p;
	spare->random = gr_cycles() | 1;
	return spare;
}

static inline void
check_count(int n)
{
	if (__builtin_expect(n < 0 || n > CASES_MAX, 0))
		goro_panic("select of %d cases", n);
}

/* The first, unlocked look. The index of the case that was done, or -1. */
static int
try_ready(struct gr_m *m, struct gr_p *p, struct goro_case *cases, unsigned n)
{
	int i;

	/* Somebody else may be faster than we are: then look again. */
	while ((i = choose(p, cases, n)) >= 0) {
		struct goro_chan *ch = cases[i].ch;
		enum gr_chan_result r;

		gr_lock(&ch->lock);
		r = attempt_locked(m, &cases[i]);
		if (r != GR_CHAN_WAIT) {
			panic_if_closed(&cases[i], r);
			return i;
		}
		gr_unlock(&ch->lock);
	}
	return -1;
}

/* Fire the timers that are due, if any is; then something is ready. */
static bool
poll_timers(const struct goro_case *cases, unsigned n)
{
	bool fired = false;

	for (unsigned i = 0; i < n; i++)
		fired |= cases[i].ch && gr_chan_poll(cases[i].ch);
	return fired;
}

/* The look of those who do not wait after it. */
static int
poll_ready(struct gr_m *m, struct gr_p *p, struct goro_case *cases, unsigned n)
{
	int i = try_ready(m, p, cases, n);

	if (i < 0 && poll_timers(cases, n))
		i = try_ready(m, p, cases, n);
	return i;
}

/* Sort the channels by address, each once: the order of locking. Returns
 * whether there is one that stands in several cases. */
static bool
order_channels(struct select *s)
{
	bool again = false;

	s->channels = 0;
	for (unsigned i = 0; i < s->n; i++) {
		struct goro_chan *ch = s->cases[i].ch;
		unsigned at = s->channels;

		if (!ch)
			continue;
		/* Binary search for its place, then insertion. */
		for (unsigned lo = 0, hi = s->channels; lo < hi; at = lo) {
			unsigned mid = (lo + hi) / 2;

			if (s->order[mid] < ch)
				lo = mid + 1;
			else
				hi = mid;
			at = lo;
		}
		if (at < s->channels && s->order[at] == ch) {
			again = true;
			continue;
		}
		memmove(&s->order[at + 1], &s->order[at],
			(s->channels - at) * sizeof(*s->order));
		s->order[at] = ch;
		s->channels++;
	}
	return again;
}

/* 0 to @n - 1, in any order as likely as in any other. */
static void
shuffle(struct gr_p *p, uint16_t *turns, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned at = gr_random(p) % (i + 1);

		turns[i] = turns[at];
		turns[at] = i;
	}
}

static void
lock_all(const struct select *s)
{
	for (unsigned i = 0; i < s->channels; i++)
		gr_lock(&s->order[i]->lock);
}

/* Release all but @keep, which may be NULL. */
static void
unlock_all(const struct select *s, const struct goro_chan *keep)
{
	for (unsigned i = s->channels; i-- > 0;)
		if (s->order[i] != keep)
			gr_unlock(&s->order[i]->lock);
}

/*
 * With the last lock released the goroutine may run elsewhere and its stack,
 * which holds the list of locks, be reused: so that one is read beforehand.
 */
static void
finish_select(struct gr_m *m, struct gr_g *g, void *arg)
{
	const struct select *s = arg;
	struct goro_chan *last = s->order[0];

	(void)m;
	gr_g_set_state(g, GORO_ABI_WAITING);
	unlock_all(s, last);
	gr_unlock(&last->lock);
}

static void
finish_select_deadline(struct gr_m *m, struct gr_g *g, void *arg)
{
	const struct select *s = arg;
	struct goro_chan *last = s->order[0];

	unlock_all(s, last);
	gr_finish_deadline(m, g, &last->lock);
}

static void
enqueue_all(struct gr_g *g, struct select *s)
{
	for (unsigned turn = 0; turn < s->n; turn++) {
		unsigned i = s->turns ? s->turns[turn] : turn;
		struct goro_case *c = &s->cases[i];
		struct gr_waiter *w = &s->waiters[i];
		bool send = c->dir == GORO_DIR_SEND;

		*w = (struct gr_waiter){
			.g = g,
			.obj = c->ch,
			.elem = c->elem,
			.dir = send ? GR_WAITER_SEND : GR_WAITER_RECV,
			.shared = true,
		};
		if (c->ch)
			gr_waitq_push(send ? &c->ch->sendq : &c->ch->recvq, w);
	}
}

/* Leave the queues that nobody took us out of. */
static void
dequeue_rest(struct select *s, const struct gr_waiter *woken)
{
	for (unsigned i = 0; i < s->n; i++) {
		struct gr_waiter *w = &s->waiters[i];
		struct goro_chan *ch = w->obj;

		if (!ch || w == woken)
			continue;
		gr_lock(&ch->lock);
		if (w->queue)
			gr_waitq_remove(w);
		gr_unlock(&ch->lock);
	}
}

/* Many cases may need more stack than is left, and then miss the guard: they
 * would be written into another goroutine's. */
static inline void
check_room(const struct gr_g *g, unsigned n)
{
	size_t bytes = n * (sizeof(struct gr_waiter) + sizeof(void *) +
			    sizeof(uint16_t));
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	if (__builtin_expect(bytes > GR_PAGE, 0) &&
	    here - g->stack_lo < bytes + ROOM)
		gr_fatal("stack overflow");
}

/*
 * Wait for one of the cases. Returns its index; -ETIMEDOUT. Not inlined: the
 * waiters and the order lie in its frame.
 */
static __attribute__((noinline)) int
wait_any(struct gr_m *m, struct goro_case *cases, unsigned n, bool deadline)
{
	struct gr_waiter waiters[n];
	struct goro_chan *order[n];
	struct select s = { cases, waiters, order, NULL, n, 0 };
	bool again = order_channels(&s);
	uint16_t turns[again ? n : 1];
	struct gr_g *g = m->g;
	enum gr_chan_result r;
	struct gr_waiter *woken;
	int i;

	if (again) {
		shuffle(m->p, turns, n);
		s.turns = turns;
	}
	lock_all(&s);
	while ((i = choose(m->p, cases, n)) >= 0) {
		struct goro_chan *ch = cases[i].ch;

		/* Only selects that others have won can be queued here and
		 * still not be had; the attempt has cleared them away. */
		r = attempt_locked(m, &cases[i]);
		if (r != GR_CHAN_WAIT) {
			unlock_all(&s, ch);
			panic_if_closed(&cases[i], r);
			return i;
		}
	}
	if (!deadline)
		gr_store_rlx(&g->claim, 0); /* [pair claim] not yet queued */
	enqueue_all(g, &s);
	gr_g_will_wait(g, GORO_WAIT_SELECT, (uintptr_t)waiters, waiters, n);
	gr_park(m, deadline ? finish_select_deadline : finish_select, &s);

	woken = g->woken;
	dequeue_rest(&s, woken);
	if (!woken)
		return -ETIMEDOUT;
	i = woken - waiters;
	if (cases[i].dir == GORO_DIR_RECV)
		cases[i].ok = woken->ok;
	else if (!woken->ok)
		goro_panic("send on closed channel");
	return i;
}

static bool
any_channel(const struct goro_case *cases, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (cases[i].ch)
			return true;
	return false;
}

int
goro_select(struct goro_case *cases, int n)
{
	struct gr_m *m = gr_m_goroutine("goro_select");
	int i;

	GR_PROBE2(select, n, m->g->id);
	check_count(n);
	i = try_ready(m, m->p, cases, n);
	if (i >= 0)
		return i;
	if (!any_channel(cases, n)) {
		gr_g_will_wait(m->g, GORO_WAIT_SELECT_EMPTY, 0, NULL, 0);
		gr_park(m, gr_finish_wait, NULL);
		__builtin_unreachable();
	}
	check_room(m->g, n);
	return wait_any(m, cases, n, false);
}

int
goro_try_select(struct goro_case *cases, int n)
{
	struct gr_m *m = gr_m_self();
	struct gr_p spare;
	int i;

	check_count(n);
	i = poll_ready(m, randomness(m, &spare), cases, n);

	return i >= 0 ? i : -EAGAIN;
}

int
goro_select_until(struct goro_case *cases, int n, int64_t deadline_ns)
{
	struct gr_m *m = gr_m_goroutine("goro_select_until");
	int i;

	check_count(n);
	i = poll_ready(m, m->p, cases, n);
	if (i >= 0)
		return i;
	if (deadline_ns == GORO_FOREVER)
		return goro_select(cases, n);
	if (deadline_ns <= gr_now_ns())
		return -ETIMEDOUT;
	if (!any_channel(cases, n)) {
		goro_sleep(deadline_ns - gr_now_ns());
		return -ETIMEDOUT;
	}
	check_room(m->g, n);
	gr_deadline_arm(m, deadline_ns);
	i = wait_any(m, cases, n, true);
	gr_deadline_disarm(gr_m_self()->g);
	return i;
}
