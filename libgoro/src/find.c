// SPDX-License-Identifier: MIT
/*
 * find.c - the long path: looking for something to run, everywhere
 *
 * Order      timers that are due, threads that wait for a P, who was preempted,
 *            now and then the global queue and the network, our own queue, the
 *            global one, other workers' rings; then look on for a moment, and
 *            sleep (idle.c). A worker of which nothing is to be expected soon
 *            is of more use asleep.
 * Stacks     all of it runs on the thread's own.
 */
#include "blocking.h"
#include "fatal.h"
#include "goro/goro.h"
#include "idle.h"
#include "netpoll.h"
#include "preempt.h"
#include "probes.h"
#include "rest.h"
#include "runtime.h"
#include "sched.h"
#include "trace.h"

enum {
	GLOBAL_EVERY = 16,         /* passes through the long path */
	GRAIN_TICKS = 16,          /* switches that are worth measuring */
	GRAIN_MAX = 1 << 20,       /* cycles */
	CONTENDED_GRAIN = 1 << 17, /* cycles; longer turns are worth a lock */
	WORTH_STEALING = 1000,     /* cycles each that was stolen, at least */
	UNPROFITABLE_NS = 5000000,
	APART_NS = 20000000,
	OLDEST_EVERY_NS = 2000000,
};

/* Fire our timers that are due, and set the clock for the next look. */
static void
run_timers(struct gr_m *m)
{
	struct gr_p *p = m->p;
	/* [pair timer-first] */
	int64_t first_ns = gr_load_acq(&p->timers.first_ns);

	if (first_ns != GORO_FOREVER) {
		int64_t now_ns = gr_now_ns();

		if (first_ns <= now_ns)
			first_ns = gr_timer_run(&p->timers, m, now_ns);
		if (first_ns != GORO_FOREVER) {
			p->timer_cycles = gr_cycles() +
					  gr_cycles_in(first_ns - now_ns);
			return;
		}
	}
	p->timer_cycles = UINT64_MAX;
}

int
gr_timer_try_start(struct gr_m *m, struct gr_timer *t, int64_t when_ns)
{
	struct gr_p *p = m->p;
	int r = gr_timer_add(&p->timers, t, when_ns);
	uint64_t at;

	/* Behind another it changes nothing: 30 ns for two clocks saved. */
	if (r <= 0)
		return r;
	at = gr_cycles() + gr_cycles_in(when_ns - gr_now_ns());
	if (at < p->timer_cycles)
		p->timer_cycles = at;
	return 0;
}

void
gr_timer_start(struct gr_m *m, struct gr_timer *t, int64_t when_ns)
{
	if (gr_timer_try_start(m, t, when_ns))
		gr_fatal("out of memory for a timer");
}

/*
 * How long a goroutine runs here until it is the next one's turn. Whoever finds
 * locks held time and again works on the same data as another worker: two of
 * them are slower than one, though each turn takes longer for it. What such a P
 * has is then not worth stealing for a while, so that the goroutines gather
 * where they are woken.
 */
static void
measure_grain(struct gr_p *p)
{
	uint64_t now = gr_cycles(), grain;
	uint32_t n = (uint32_t)p->tick - p->grain_tick;

	if (n < GRAIN_TICKS)
		return;
	grain = GR_MIN((now - p->grain_cycles) / n, (uint64_t)GRAIN_MAX);
	/* [relaxed] see gr_p_has_surplus(), and judge_steal(). */
	if (p->contended > n / 2 && grain < CONTENDED_GRAIN)
		gr_store_rlx(&p->apart_cycles, now + gr_cycles_in(APART_NS));
	gr_store_rlx(&p->grain,
		     now < gr_load_rlx(&p->apart_cycles) ? 0 : (uint32_t)grain);
	p->grain_tick = (uint32_t)p->tick;
	p->grain_cycles = now;
	p->contended = 0;
}

/* The next of our ring, or the oldest if its turn has come, though others are
 * newer. */
static struct gr_g *
take_ring(struct gr_p *p)
{
	uint64_t now;

	if (p->runq.fresh && (now = gr_cycles()) >= p->oldest_cycles) {
		p->oldest_cycles = now + gr_cycles_in(OLDEST_EVERY_NS);
		return gr_runq_get_ring(&p->runq);
	}
	return gr_p_take_ring(p);
}

/* Fire the timers of a P whose goroutine does not let go of it. */
static void
help_stuck(struct gr_m *m)
{
	uint32_t n = gr_load_acq(&gr_procs_ever); /* [pair procs] */

	for (uint32_t i = 0; i < n; i++) {
		struct gr_p *p = gr_procs[i];

		/* [relaxed] the monitor's word that it is stuck. */
		if (p != m->p && gr_load_rlx(&p->runq.next_for_all) &&
		    gr_load_acq(&p->timers.first_ns) <= gr_now_ns())
			gr_timer_run(&p->timers, m, gr_now_ns());
	}
}

/*
 * Was it worth it, the last time? Whom we took is all done now. One who only
 * ends takes us more than it would have taken the other: its record and stack
 * had to come over, and must go back. The root of a tree keeps us busy.
 */
static void
judge_steal(struct gr_p *p)
{
	struct gr_p *victim = p->stolen_from;
	uint64_t now;

	if (!victim)
		return;
	now = gr_cycles();
	p->stolen_from = NULL;
	if ((now - p->stolen_cycles) / p->stolen_n >= WORTH_STEALING)
		return;
	/* [relaxed] see measure_grain(): it may say otherwise once more. */
	gr_store_rlx(&victim->apart_cycles,
		     now + gr_cycles_in(UNPROFITABLE_NS));
	gr_store_rlx(&victim->grain, 0);
}

/* From another P: half of its ring, or what the monitor says is stuck. */
static struct gr_g *
steal(struct gr_m *m)
{
	struct gr_p *p = m->p;
	uint32_t n = gr_load_acq(&gr_procs_ever); /* [pair procs] */
	uint32_t start = gr_random(p) % n;

	judge_steal(p);
	for (uint32_t i = 0; i < n; i++) {
		struct gr_p *victim = gr_procs[(start + i) % n];
		struct gr_g *g;

		if (victim == p)
			continue;
		if (gr_p_has_surplus(victim) &&
		    (g = gr_runq_steal(&victim->runq, &p->runq))) {
			GR_PROBE3(steal, victim->id, p->id, g->id);
			gr_trace_worker(p, GR_TRACE_STEAL, victim->id);
			gr_p_count(&p->steals);
			p->stolen_from = victim;
			p->stolen_n = 1 + gr_runq_len(&p->runq);
			p->stolen_cycles = gr_cycles();
			return g;
		}
		/* [relaxed] the monitor's word that its owner is stuck.
		 * [pair timer-first] a hint: looked at again under its lock. */
		if (gr_load_rlx(&victim->runq.next_for_all) &&
		    gr_load_acq(&victim->timers.first_ns) <= gr_now_ns()) {
			gr_timer_run(&victim->timers, m, gr_now_ns());
			/* Many at once are in the ring, and nobody looks into
			 * ours any more before we sleep. */
			if ((g = gr_runq_get_next(&p->runq)) ||
			    (g = take_ring(p)))
				return g;
		}
	}
	return NULL;
}

/* Look for work as long as it is likely to come: cheaper than sleeping. */
static struct gr_g *
spin(struct gr_m *m)
{
	enum { ROUNDS = 8, PAUSES = 30 };
	struct gr_g *g;

	/* [relaxed] that alone: half of the busy ones at most may look, or
	 * they only disturb each other. */
	if (!m->spinning) {
		uint32_t idle_n = gr_load_rlx(&gr_idle_n);
		uint32_t spinning = gr_load_rlx(&gr_spinning);

		if (2 * spinning + idle_n >= gr_load_rlx(&gr_procs_n))
			return NULL;
		m->spinning = true;
		gr_add_sc(&gr_spinning, 1); /* [pair spinning] */
	}
	for (int i = 0; i < ROUNDS; i++) {
		if ((g = steal(m)) || (g = gr_globq_get(&m->p->runq, 1)))
			return g;
		if (gr_load_acq(&gr_stopping)) /* [pair stopping] */
			return NULL;
		if (gr_stack_help())
			i = 0; /* of use meanwhile */
		for (int k = 0; k < PAUSES; k++)
			gr_arch_relax();
	}
	return NULL;
}

/* The last one that looks for work and finds some sends the next to look. */
void
gr_stop_spinning(struct gr_m *m)
{
	if (!m->spinning)
		return;
	m->spinning = false;
	/* [pair spinning] */
	if (gr_add_sc(&gr_spinning, -1) == 1 &&
	    (gr_runq_any(&m->p->runq) || gr_globq_len()))
		gr_wake_one();
}

/* To a thread that waits for a P: ours. */
static bool
lend(struct gr_m *m)
{
	if (__builtin_expect(!gr_rest_wanted_n(), 1))
		return false;
	gr_stop_spinning(m);
	return gr_rest_lend(m);
}

/* Whose descriptor is ready? All of them into our queue, one to run. */
static struct gr_g *
poll_network(struct gr_m *m)
{
	struct gr_glist ready = { 0 };

	gr_netpoll_look(m, &ready);
	if (ready.n)
		gr_trace_worker(m->p, GR_TRACE_NET, ready.n);
	gr_ready_polled(m, &ready);
	return ready.n ? gr_runq_get_ring(&m->p->runq) : NULL;
}

/* What to run now, waiting for it if need be; NULL when it is all over. */
struct gr_g *
gr_find_runnable(struct gr_m *m)
{
	for (;;) {
		struct gr_p *p;
		uint32_t procs_n = gr_load_acq(&gr_procs_n); /* [pair procs] */
		struct gr_g *g;

		if (!m->p && !gr_rest(m))
			return NULL;
		if (gr_load_acq(&gr_stopping)) /* [pair stopping] */
			return NULL;
		p = m->p;
		/* [pair attention] acquire: sees why it was set. */
		if (gr_load_rlx(&p->attention))
			gr_xchg_acq(&p->attention, 0);
		if (p->id >= procs_n) {
			gr_stop_spinning(m);
			gr_p_hand_over(m);
		}
		run_timers(m);
		/* Every other time those that had to stop go first, or who
		 * parks often would keep them waiting; and now and then the
		 * global queue and the network, though we have work. */
		p->passes++;
		if (p->passes % 2 && lend(m))
			continue;
		if (p->passes % 2 && (g = gr_preempted_get(m)))
			return g;
		if (p->tick % GR_LONG_PATH_EVERY == 0 ||
		    p->passes % GLOBAL_EVERY == 0) {
			measure_grain(p);
			help_stuck(m);
			if ((g = gr_globq_get(&p->runq, 1)) ||
			    (g = poll_network(m)))
				return g;
		}
		gr_store_rlx(&p->tick, p->tick + 1); /* [relaxed] see above */
		if ((g = gr_runq_get_next(&p->runq)) || (g = take_ring(p)))
			return g;
		/* Our share: were it more, others would have to steal. */
		if ((g = gr_globq_get(&p->runq, gr_globq_len() / procs_n + 1)))
			return g;
		if ((g = gr_preempted_get(m)))
			return g;
		if (lend(m))
			continue;
		if (procs_n > 1 &&
		    ((g = steal(m)) || (!gr_netpoll_wanted() && (g = spin(m)))))
			return g;
		gr_trace_worker(m->p, GR_TRACE_IDLE, 0);
		gr_idle_sleep(m);
		gr_trace_worker(m->p, GR_TRACE_WAKE, 0);
		m->p->grain_tick = (uint32_t)m->p->tick;
		m->p->grain_cycles = gr_cycles();
		m->p->contended = 0;
	}
}
