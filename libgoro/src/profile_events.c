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

enum {
	COUNT_SHIFT = GR_PROFILE_COUNT_SHIFT,
	SESSION_RATE_NS = 10000, /* sampled below that: cheap enough */
	ROOM = 4096,             /* what making a row takes, and more */
};

uint32_t gr_profile_events;

const int64_t gr_latency_ns[GR_LATENCIES - 1] = {
	1000,    3000,    10000,    30000,    100000,    300000,
	1000000, 3000000, 10000000, 30000000, 100000000, 1000000000,
};

/* The tables: made at the first use, never taken away, as somebody may be
 * about to add to one. [pair events-table] */
static struct {
	pthread_mutex_t control;
	struct gr_traces *waits, *sched, *unlocks;
	int64_t wait_rate_ns; /* [relaxed] parameters, for what comes */
	uint32_t unlock_rate; /* likewise */
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
		__atomic_fetch_or(&gr_profile_events, what, __ATOMIC_RELEASE);
	else
		__atomic_fetch_and(&gr_profile_events, ~what, __ATOMIC_RELEASE);
}

static void
set_bounds(void)
{
	double cycle_ns = gr_cycle_ns();

	for (int i = 0; i < GR_LATENCIES - 1; i++)
		gr_store_rlx(&events.latency[i],
			     (uint64_t)((double)gr_latency_ns[i] / cycle_ns));
}

void
goro_profile_block_rate(int64_t ns)
{
	pthread_mutex_lock(&events.control);
	gr_clock_init(); /* it may be on before the first run */
	if (ns > 0 && gr_code_now() && table(&events.waits) &&
	    table(&events.sched)) {
		if (!gr_profile_wants(GR_EVENTS_WAITS)) {
			set_bounds();
			gr_store_rlx(&events.waits_since, gr_cycles());
		}
		gr_store_rlx(&events.wait_rate_ns, ns);
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

/* Walk the caller's own stack, a goroutine's, and add. */
static __attribute__((noinline)) void
add_here(struct gr_traces **table, const struct gr_m *m, unsigned tag,
	 uint64_t count, uint64_t value)
{
	const struct gr_g *g = m->g;
	struct gr_unwind u = { .exact = true };
	uintptr_t pc[GR_TRACE_DEPTH];
	struct gr_trace_key key = { .pc = pc, .tag = tag, .labels = g->labels };
	struct gr_code *code = gr_code_now();
	/* [pair events-table] acquire: it was there before anybody asked. */
	struct gr_traces *ts = gr_load_acq(table);

	gr_regs_capture(&u.regs);
	u.lo = u.regs.r[GR_REG_SP];
	u.hi = g->stack_hi;
	if (u.lo < g->stack_lo + ROOM) { /* no stack to walk the stack on */
		gr_traces_lose(ts, count, value);
		return;
	}
	key.n = gr_code_walk(code, &u, 1, pc, GR_TRACE_DEPTH);
	gr_traces_add(ts, &key, count, value);
}

/*
 * Is an event of @cycles to be kept, and for how much does it count? One that
 * is longer than the rate counts for itself; else it is kept with the
 * probability cycles / rate, and counts for rate / cycles such events.
 */
static bool
keep(struct gr_p *p, uint64_t cycles, uint64_t *ret_count, uint64_t *ret_value)
{
	int64_t rate_ns = gr_load_rlx(&events.wait_rate_ns);
	uint64_t rate;

	*ret_count = 1ull << COUNT_SHIFT;
	*ret_value = cycles;
	if (rate_ns <= 1)
		return true;
	rate = gr_cycles_in(rate_ns);
	if (cycles >= rate)
		return true;
	if (!cycles || gr_random(p) % rate >= cycles)
		return false;
	*ret_count = (rate << COUNT_SHIFT) / cycles;
	*ret_value = rate;
	return true;
}

static void
count_latency(struct gr_p *p, uint64_t cycles)
{
	int i = 0;

	while (i < GR_LATENCIES - 1 && cycles > gr_load_rlx(&events.latency[i]))
		i++;
	gr_p_count(&p->latency[i]);
	/* [relaxed] a number, as those */
	gr_store_rlx(&p->latency_cycles, p->latency_cycles + cycles);
}

void
gr_profile_made_ready(const struct gr_m *m, struct gr_g *g)
{
	uint64_t cycles = gr_cycles();

	if (gr_profile_wants(GR_EVENTS_WAITS))
		g->ready_since = cycles;
	if (gr_profile_wants(GR_EVENTS_TRACE))
		gr_trace_ready(m, g, cycles);
}

void
gr_profile_waited(struct gr_m *m, unsigned reason, uint64_t since)
{
	uint64_t now = gr_cycles(), ready = m->g->ready_since;
	uint64_t from = gr_load_rlx(&events.waits_since), count, value;

	since = since > from ? since : from;
	if (reason && now > since && keep(m->p, now - since, &count, &value))
		add_here(&events.waits, m, reason, count, value);
	if (ready < since || now <= ready)
		return;
	count_latency(m->p, now - ready);
	if (keep(m->p, now - ready, &count, &value))
		add_here(&events.sched, m, 0, count, value);
}

void
gr_profile_started(struct gr_m *m)
{
	const struct gr_g *g = m->g;
	uintptr_t pc[] = { (uintptr_t)g->fn, g->creator_pc - 1 };
	struct gr_trace_key key = { .pc = pc,
				    .n = 1 + (g->creator_pc != 0),
				    .labels = g->labels };
	uint64_t now = gr_cycles(), count, value;

	/* Its creator may have been here before anybody asked. */
	if (g->ready_since < gr_load_rlx(&events.waits_since) ||
	    now <= g->ready_since)
		return;
	count_latency(m->p, now - g->ready_since);
	if (keep(m->p, now - g->ready_since, &count, &value))
		/* [pair events-table] as in add_here() */
		gr_traces_add(gr_load_acq(&events.sched), &key, count, value);
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

	if (rate > 1 && gr_random(m->p) % rate)
		return;
	add_here(&events.unlocks, m, 0, (uint64_t)rate << COUNT_SHIFT,
		 waited * rate);
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

	if (counts(c->kind, t->tag))
		gr_traces_copy(c->to, t, 1);
}

static void
copy_all(struct gr_traces *from, struct copy *c)
{
	if (!from)
		return;
	gr_traces_each(from, copy, c);
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
	if (kind == GR_PROFILE_MUTEX)
		copy_all(gr_load_acq(&events.unlocks), &c);
	else if (kind == GR_PROFILE_SCHEDLATENCY)
		copy_all(gr_load_acq(&events.sched), &c);
	else
		copy_all(gr_load_acq(&events.waits), &c);
	if ((kind == GR_PROFILE_BLOCK || kind == GR_PROFILE_WAIT) &&
	    gr_profile_wants(GR_EVENTS_WAITS))
		gr_profile_waits(add_unfinished, &c);
}
