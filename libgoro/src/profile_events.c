// SPDX-License-Identifier: MIT
/*
 * profile_events.c - waits, and who made others wait
 *
 * All values are cycles until a profile is written.
 */
#include "profile_events.h"

#include <pthread.h>

#include "code.h"
#include "goro/profile.h"
#include "labels.h"
#include "profile.h"
#include "sched.h"
#include "trace.h"
#include "waitq.h"
#include "walks.h"

enum {
	COUNT_SHIFT = GR_PROFILE_COUNT_SHIFT,
	SESSION_RATE_NS = 10000, /* sampled below that: cheap enough */
};

#define RATE_MAX ((uint64_t)1 << 50) /* cycles: days */

uint32_t gr_profile_events;

const int64_t gr_latency_ns[GR_LATENCIES - 1] = {
	1000,    3000,    10000,    30000,    100000,    300000,
	1000000, 3000000, 10000000, 30000000, 100000000, 1000000000,
};

/* The tables: made at the first use, never taken away, as somebody may be
 * about to add to one. [pair events-table] */
static struct {
	pthread_mutex_t control;
	struct gr_traces *waits, *unlocks;
	uint64_t wait_rate;   /* cycles; 0: all. [relaxed] for what comes */
	uint32_t unlock_rate; /* likewise */
	uint64_t lost_starts, lost_latency; /* [pair trace-sums] */
	uint64_t latency[GR_LATENCIES - 1]; /* bounds in cycles; likewise */
	uint64_t waits_since; /* cycles, when it was last turned on; [relaxed] */
} events = { .control = PTHREAD_MUTEX_INITIALIZER };

static struct gr_traces *
table(struct gr_traces **at)
{
	struct gr_traces *ts = gr_load_acq(at); /* [pair events-table] */

	if (ts)
		return ts;
	ts = gr_traces_create(GR_TRACES_BYTES, false);
	gr_store_rel(at, ts); /* [pair events-table] release: it is whole */
	return ts;
}

void
gr_profile_events_turn(uint32_t what, bool on)
{
	/* [pair events] release: with it the tables. */
	if (on)
		gr_or_rel(&gr_profile_events, what);
	else
		gr_and_rel(&gr_profile_events, ~what);
}

static void
set_bounds(void)
{
	double cycle_ns = gr_cycle_ns();

	for (int i = 0; i < GR_LATENCIES - 1; i++)
		gr_store_rlx(&events.latency[i],
			     (uint64_t)((double)gr_latency_ns[i] / cycle_ns));
}

static uint64_t
rate_cycles(int64_t ns)
{
	double cycles = (double)ns / gr_cycle_ns();

	return ns == 1 ? 0 : cycles < 1e15 ? (uint64_t)cycles : RATE_MAX;
}

void
goro_profile_block_rate(int64_t ns)
{
	pthread_mutex_lock(&events.control);
	gr_clock_init(); /* it may be on before the first run */
	if (ns > 0 && gr_code_now() && table(&events.waits)) {
		if (!gr_profile_wants(GR_EVENTS_WAITS)) {
			set_bounds();
			gr_store_rlx(&events.waits_since, gr_cycles());
		}
		gr_store_rlx(&events.wait_rate, rate_cycles(ns));
		gr_profile_events_turn(GR_EVENTS_WAITS, true);
	} else {
		gr_profile_events_turn(GR_EVENTS_WAITS, false);
	}
	pthread_mutex_unlock(&events.control);
}

void
goro_profile_mutex_fraction(int n)
{
	pthread_mutex_lock(&events.control);
	gr_clock_init();
	if (n > 0 && gr_code_now() && table(&events.unlocks)) {
		gr_store_rlx(&events.unlock_rate, (uint32_t)n);
		gr_profile_events_turn(GR_EVENTS_UNLOCKS, true);
	} else {
		gr_profile_events_turn(GR_EVENTS_UNLOCKS, false);
	}
	pthread_mutex_unlock(&events.control);
}

uint32_t
gr_profile_events_turn_on(enum gr_profile_kind kind)
{
	if (kind == GR_PROFILE_MUTEX && !gr_profile_wants(GR_EVENTS_UNLOCKS)) {
		goro_profile_mutex_fraction(1);
		return GR_EVENTS_UNLOCKS;
	}
	if (kind >= GR_PROFILE_BLOCK && kind != GR_PROFILE_MUTEX &&
	    !gr_profile_wants(GR_EVENTS_WAITS)) {
		goro_profile_block_rate(SESSION_RATE_NS);
		return GR_EVENTS_WAITS;
	}
	return 0;
}

void
gr_profile_events_turn_off(uint32_t what)
{
	if (what & GR_EVENTS_WAITS)
		goro_profile_block_rate(0);
	if (what & GR_EVENTS_UNLOCKS)
		goro_profile_mutex_fraction(0);
}

/* --- Adding --------------------------------------------------------------- */

/* How much an event is worth. */
struct worth {
	uint64_t count, value;
};

/* [pair trace-sums] [relaxed] sums, and nothing is published. */
static inline void
add(uint64_t *count, uint64_t *value, const struct worth *w)
{
	if (!w->count)
		return;
	gr_add_rlx(count, w->count);
	gr_add_rlx(value, w->value);
}

/*
 * Is a wait of @cycles to be kept? One that is longer than the rate counts for
 * itself. Of the shorter each goes some way to the next sample, which are a rate
 * apart on average: so it meets cycles / rate of them, and each counts for
 * rate / cycles such waits.
 */
static inline struct worth
wait_worth(struct gr_p *p, uint64_t cycles)
{
	uint64_t rate = gr_load_rlx(&events.wait_rate), samples = 0;

	if (cycles >= rate)
		return (struct worth){ 1ull << COUNT_SHIFT, cycles };
	if (!p->wait_left)
		p->wait_left = (int64_t)(1 + gr_random(p) % rate);
	p->wait_left -= (int64_t)cycles;
	while (p->wait_left < 0) {
		p->wait_left += (int64_t)(rate / 2 + gr_random(p) % rate);
		samples++;
	}
	return (struct worth){
		samples ? (samples * rate << COUNT_SHIFT) / cycles : 0,
		samples * rate
	};
}

/* Now that it runs, @now: how much is that worth? */
static inline struct worth
start_worth(struct gr_p *p, const struct gr_g *g, uint64_t now)
{
	uint64_t cycles = now - g->ready_since;
	int i = 0;

	/* It may have been made ready before anybody asked, or after who was
	 * here before us has looked at the clock. */
	if (g->ready_since < gr_load_rlx(&events.waits_since))
		return (struct worth){ 0 };
	if (now < g->ready_since)
		cycles = 0;
	while (i < GR_LATENCIES - 1 && cycles > gr_load_rlx(&events.latency[i]))
		i++;
	/* [relaxed] numbers, of which only we write these. */
	gr_store_rlx(&p->latency[i], p->latency[i] + g->ready_n);
	gr_store_rlx(&p->latency_cycles,
		     p->latency_cycles + cycles * g->ready_n);
	return (struct worth){ (uint64_t)g->ready_n << COUNT_SHIFT,
			       cycles * g->ready_n };
}

void
gr_profile_time_ready(const struct gr_m *m, struct gr_g *g)
{
	uint64_t rate = gr_load_rlx(&events.wait_rate);
	struct gr_p *p = m ? m->p : NULL;

	g->ready_n = 1;
	if (p && rate) {
		g->ready_since = 0;
		p->ready_n++;
		if (__builtin_expect(p->now < p->ready_after, 1))
			return;
		p->ready_after = p->now + rate / 2 + gr_random(p) % rate;
		g->ready_n = p->ready_n;
		p->ready_n = 0;
	}
	g->ready_since = gr_cycles();
}

void
gr_profile_made_ready(const struct gr_m *m, struct gr_g *g)
{
	if (gr_profile_wants(GR_EVENTS_WAITS))
		gr_profile_time_ready(m, g);
	if (gr_profile_wants(GR_EVENTS_TRACE))
		gr_trace_ready(m, g, gr_cycles());
}

static void
add_waited(struct gr_m *m, unsigned reason, const struct worth *wait,
	   const struct worth *start)
{
	/* [pair events-table] acquire: it was there before anybody asked. */
	struct gr_traces *ts = gr_load_acq(&events.waits);
	struct gr_trace *t = gr_walks_trace(m, ts, reason);

	if (t) {
		add(&t->count, &t->value, wait);
		add(&t->more_count, &t->more_value, start);
	} else {
		add(&ts->lost, &ts->lost_value, wait);
		add(&events.lost_starts, &events.lost_latency, start);
	}
}

/* The same for most, quickly: it meets no sample. */
static inline bool
passed_by(struct gr_p *p, uint64_t cycles)
{
	if (cycles >= gr_load_rlx(&events.wait_rate) ||
	    (int64_t)cycles >= p->wait_left)
		return false;
	p->wait_left -= (int64_t)cycles;
	return true;
}

static __attribute__((noinline)) void
weigh_waited(struct gr_m *m, unsigned reason, uint64_t since)
{
	uint64_t now = m->p->now, from = gr_load_rlx(&events.waits_since);
	struct worth wait = { 0 }, start = { 0 };

	since = since > from ? since : from;
	if (reason && now > since)
		wait = wait_worth(m->p, now - since);
	if (m->g->ready_since)
		start = start_worth(m->p, m->g, now);
	if (wait.count || start.count)
		add_waited(m, reason, &wait, &start);
}

void
gr_profile_waited(struct gr_m *m, unsigned reason, uint64_t since)
{
	if (!reason || m->g->ready_since ||
	    since < gr_load_rlx(&events.waits_since) ||
	    !passed_by(m->p, m->p->now - since))
		weigh_waited(m, reason, since);
}

void
gr_profile_started(struct gr_m *m)
{
	const struct gr_g *g = m->g;
	uintptr_t pc[] = { (uintptr_t)g->fn, g->creator_pc - 1 };
	struct gr_trace_key key = { .pc = pc,
				    .n = 1 + (g->creator_pc != 0),
				    .labels = g->labels };
	/* [pair events-table] as above */
	struct gr_traces *ts = gr_load_acq(&events.waits);
	struct worth start = start_worth(m->p, g, m->p->now);
	struct gr_trace *t = start.count ? gr_traces_get(ts, &key) : NULL;

	if (t)
		add(&t->more_count, &t->more_value, &start);
	else
		add(&events.lost_starts, &events.lost_latency, &start);
}

uint64_t
gr_profile_charge(struct gr_waitq *q)
{
	uint64_t now = gr_cycles(), sum = 0;

	/* Both were written before the waiter was let into the queue, or by
	 * who had its lock before us. */
	for (struct gr_waiter *w = q->first; w; w = w->next) {
		struct gr_g *g = w->g;
		uint64_t since = g->wait_since > g->charged ? g->wait_since :
							      g->charged;

		if (now > since)
			sum += now - since;
		g->charged = now;
	}
	return sum;
}

void
gr_profile_unlocked(struct gr_m *m, uint64_t waited)
{
	uint32_t rate = gr_load_rlx(&events.unlock_rate);
	struct gr_traces *ts;
	struct gr_trace *t;
	struct worth worth;

	if (rate > 1 && gr_random(m->p) % rate)
		return;
	/* [pair events-table] as above */
	ts = gr_load_acq(&events.unlocks);
	t = gr_walks_trace(m, ts, 0);
	worth = (struct worth){ (uint64_t)rate << COUNT_SHIFT, waited * rate };
	if (t)
		add(&t->count, &t->value, &worth);
	else
		add(&ts->lost, &ts->lost_value, &worth);
}

/* --- Writing -------------------------------------------------------------- */

struct copy {
	struct gr_traces *to;
	enum gr_profile_kind kind;
	uint64_t since; /* of what goes on, no earlier than this counts */
};

/* Does @kind count it? A block profile is of waits for other goroutines, as
 * Go's; that of all waits has sleep and I/O too. */
static bool
counts(enum gr_profile_kind kind, unsigned reason)
{
	return kind != GR_PROFILE_BLOCK ||
	       (reason != GORO_WAIT_SLEEP && reason != GORO_WAIT_IO);
}

static void
copy(const struct gr_trace *t, void *arg)
{
	struct copy *c = arg;
	struct gr_trace_key key = { t->pc, t->n, t->tag, t->labels, 0 };
	uint64_t count = gr_load_rlx(&t->count), value = gr_load_rlx(&t->value);

	if (c->kind == GR_PROFILE_SCHEDLATENCY) {
		key.tag = 0; /* whatever it waited for before */
		count = gr_load_rlx(&t->more_count);
		value = gr_load_rlx(&t->more_value);
	}
	if (count && counts(c->kind, t->tag))
		gr_traces_add(c->to, &key, count, value);
}

static void
copy_all(struct gr_traces *from, struct copy *c)
{
	if (!from)
		return;
	gr_traces_each(from, copy, c);
	if (c->kind == GR_PROFILE_SCHEDLATENCY)
		gr_traces_lose(c->to, gr_load_rlx(&events.lost_starts),
			       gr_load_rlx(&events.lost_latency));
	else
		gr_traces_lose(c->to, gr_load_rlx(&from->lost),
			       gr_load_rlx(&from->lost_value));
}

static void
add_unfinished(const struct gr_profile_wait *wait, void *arg)
{
	struct copy *c = arg;
	uint64_t since = wait->since > c->since ? wait->since : c->since;
	uint64_t now = gr_cycles();

	if (now > since && wait->key->tag && counts(c->kind, wait->key->tag))
		gr_traces_add(c->to, wait->key, 1ull << COUNT_SHIFT,
			      now - since);
}

void
gr_profile_events_copy(enum gr_profile_kind kind, struct gr_traces *to)
{
	struct copy c = { to, kind, gr_load_rlx(&events.waits_since) };

	/* [pair events-table] */
	copy_all(gr_load_acq(kind == GR_PROFILE_MUTEX ? &events.unlocks :
							&events.waits),
		 &c);
	if ((kind == GR_PROFILE_BLOCK || kind == GR_PROFILE_WAIT) &&
	    gr_profile_wants(GR_EVENTS_WAITS))
		gr_profile_waits(add_unfinished, &c);
}
