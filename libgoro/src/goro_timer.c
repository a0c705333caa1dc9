// SPDX-License-Identifier: MIT
/*
 * goro_timer.c - the program's timers: after, timer, func timer, ticker
 *
 * Idea       A channel timer sends from the callback, without a goroutine; a
 *            func timer's callback makes the goroutine that calls its function.
 * Stale      Go 1.23 keeps timers that nobody waits for out of its heaps and
 * values     fires them when somebody looks, since that lets it collect them.
 *            Nothing is collected here, so the channel has a buffer of one,
 *            which a stop or reset empties once the callback can not run any
 *            more. It says that its length and capacity are 0, as in Go.
 * Lifetime   A channel timer belongs to its channel and is freed with it; the
 *            timer's handle is a reference to the channel, and goro_after()
 *            hands out nothing else. A func timer belongs to its handle. The
 *            heap's pointer counts for nothing: freeing takes the timer out.
 * Locks      t->lock: stop and reset exclude each other. The callbacks run
 *            under the heap's lock and look at nothing that t->lock guards
 *            while the timer is in a heap.
 */
#include "goro_timer.h"

#include <stdlib.h>

#include "chan.h"
#include "fatal.h"
#include "goro/time.h"
#include "probes.h"
#include "runtime.h"
#include "sched.h"

enum { RETRY_NS = 1000000 }; /* when there is no memory for a goroutine */

struct goro_timer {
	struct gr_timer timer;
	struct gr_lock lock;
	int64_t period_ns;    /* of a ticker, else 0 */
	struct goro_chan *ch; /* NULL: it calls fn */
	void (*fn)(void *arg);
	void *arg;
	uint64_t creator_id, creator_pc; /* of its goroutines */
};

static inline struct goro_timer *
timer_of(struct gr_timer *t)
{
	return GR_CONTAINER(t, struct goro_timer, timer);
}

/* The instants come in whole periods, however late this one is. */
static int64_t
next_tick(int64_t when_ns, int64_t period_ns, int64_t now_ns)
{
	int64_t last_ns = now_ns - (now_ns - when_ns) % period_ns, next_ns;

	if (__builtin_add_overflow(last_ns, period_ns, &next_ns))
		return GORO_FOREVER;
	return next_ns;
}

/*
 * The receiver may destroy the timer as soon as it has the value; it then
 * waits for the heap's lock until we are done.
 */
static struct gr_g *
fire_chan(struct gr_timer *timer, struct gr_m *m, int64_t now_ns)
{
	struct goro_timer *t = timer_of(timer);
	struct goro_chan *ch = t->ch;

	gr_lock(&ch->lock);
	/* The tick before is still there: drop this one. */
	if (gr_chan_send_locked(m, ch, &timer->when_ns) == GR_CHAN_WAIT)
		gr_unlock(&ch->lock);
	if (t->period_ns)
		timer->when_ns = next_tick(timer->when_ns, t->period_ns,
					   now_ns);
	return NULL;
}

static struct gr_g *
fire_func(struct gr_timer *timer, struct gr_m *m, int64_t now_ns)
{
	struct goro_timer *t = timer_of(timer);
	struct gr_g *g = gr_g_create(m, gr_default_class, t->fn, t->arg, 0,
				     t->creator_pc);

	if (!g) {
		timer->when_ns = now_ns + RETRY_NS;
		return NULL;
	}
	g->creator_id = t->creator_id;
	GR_PROBE3(go, g->id, g->creator_id, t->fn);
	return g;
}

static int64_t
instant(int64_t duration_ns)
{
	return gr_deadline(duration_ns > 0 ? duration_ns : 0);
}

static struct goro_timer *
create_chan(struct gr_m *m, int64_t duration_ns, int64_t period_ns,
	    uint64_t creator_pc)
{
	struct goro_timer *t = malloc(sizeof(*t));
	struct goro_chan *ch;

	if (!t)
		return NULL;
	ch = gr_chan_create(sizeof(int64_t), 1, GORO_ABI_CHAN_TIMER,
			    creator_pc);
	if (!ch) {
		free(t);
		return NULL;
	}
	*t = (struct goro_timer){
		.timer.fire = fire_chan,
		.period_ns = period_ns,
		.ch = ch,
	};
	ch->timer = t;
	if (gr_timer_try_start(m, &t->timer, instant(duration_ns))) {
		goro_chan_unref(ch); /* frees both */
		return NULL;
	}
	return t;
}

struct goro_chan *
goro_after(int64_t duration_ns)
{
	struct gr_m *m = gr_m_goroutine("goro_after");
	struct goro_timer *t = create_chan(
		m, duration_ns, 0, (uintptr_t)__builtin_return_address(0));

	return t ? t->ch : NULL;
}

struct goro_timer *
goro_timer_create(int64_t duration_ns)
{
	return create_chan(gr_m_goroutine("goro_timer_create"), duration_ns, 0,
			   (uintptr_t)__builtin_return_address(0));
}

struct goro_timer *
goro_ticker_create(int64_t period_ns)
{
	struct gr_m *m = gr_m_goroutine("goro_ticker_create");

	if (period_ns <= 0)
		return NULL;
	return create_chan(m, period_ns, period_ns,
			   (uintptr_t)__builtin_return_address(0));
}

struct goro_timer *
goro_timer_create_func(int64_t duration_ns, void (*fn)(void *arg), void *arg)
{
	struct gr_m *m = gr_m_goroutine("goro_timer_create_func");
	struct goro_timer *t;

	if (!fn) /* here, where it is seen who forgot it */
		gr_fatal("go of nil func value");
	t = malloc(sizeof(*t));
	if (!t)
		return NULL;
	*t = (struct goro_timer){
		.timer.fire = fire_func,
		.fn = fn,
		.arg = arg,
		.creator_id = m->g->id,
		.creator_pc = (uintptr_t)__builtin_return_address(0),
	};
	if (gr_timer_try_start(m, &t->timer, instant(duration_ns))) {
		free(t);
		return NULL;
	}
	return t;
}

struct goro_chan *
goro_timer_chan(struct goro_timer *t)
{
	return t->ch;
}

/* Out of the heap, and nothing left to receive. True unless it was so. */
static bool
stop_locked(struct goro_timer *t)
{
	bool active = gr_timer_del(&t->timer);

	if (t->ch && goro_chan_try_recv(t->ch, NULL) == 0)
		active = true; /* it had fired, but nobody knows */
	return active;
}

bool
goro_timer_stop(struct goro_timer *t)
{
	bool active;

	gr_lock(&t->lock);
	active = stop_locked(t);
	gr_unlock(&t->lock);
	return active;
}

bool
goro_timer_reset(struct goro_timer *t, int64_t duration_ns)
{
	struct gr_m *m = gr_m_goroutine("goro_timer_reset");
	bool active;

	gr_lock(&t->lock);
	active = stop_locked(t);
	if (t->period_ns && duration_ns <= 0)
		goro_panic("non-positive interval for Ticker.Reset");
	if (t->period_ns)
		t->period_ns = duration_ns;
	gr_timer_start(m, &t->timer, instant(duration_ns));
	gr_unlock(&t->lock);
	return active;
}

void
goro_timer_destroy(struct goro_timer *t)
{
	if (!t)
		return;
	goro_timer_stop(t);
	if (t->ch)
		goro_chan_unref(t->ch);
	else
		free(t);
}

void
gr_chan_timer_free(struct goro_timer *t)
{
	gr_timer_del(&t->timer);
	free(t);
}

bool
gr_chan_timer_poll(struct goro_timer *t)
{
	struct gr_m *m = gr_m_self();

	return m && gr_timer_run_one(&t->timer, m);
}

bool
gr_chan_timer_is_armed(const struct goro_timer *t)
{
	return t->timer.heap;
}
