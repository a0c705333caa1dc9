// SPDX-License-Identifier: MIT
/*
 * sched.c - parking, making ready, and choosing who runs
 *
 * Idea       Two paths. The short one: a goroutine that parks takes the next
 *            from its P's own queue and switches to it directly, without a
 *            lock and without touching another stack. The long one, on the
 *            M's scheduler stack: everything else (timers, the global queue,
 *            stealing, sleeping).
 * Fairness   The short path gives way to the long one every 64th switch, when
 *            a timer is due and when `attention` asks; and `runq.next`, which
 *            two goroutines could hand to each other for ever, yields to the
 *            ring after 32 picks in a row.
 * Stacks     gr_park() and what it calls up to the switch run on the
 *            goroutine's stack; a finish runs on the next one's; gr_schedule()
 *            on the thread's own.
 */
#include "sched.h"

#include "blocking.h"
#include "eh.h"
#include "fatal.h"
#include "goro/goro.h"
#include "idle.h"
#include "monitor.h"
#include "netpoll.h"
#include "preempt.h"
#include "probes.h"
#include "profile_events.h"
#include "rest.h"
#include "runtime.h"
#include "san.h"
#include "thread.h"

enum {
	LONG_PATH_EVERY = 64, /* switches; a power of two */
	CLOCK_EVERY = 16,     /* yields between looks at the clock; likewise */
	GLOBAL_EVERY = 16,    /* passes through the long path */
	STREAK = 32,          /* picks of the newest before the ring's turn */
	GRAIN_TICKS = 16,     /* switches that are worth measuring */
	GRAIN_MAX = 1 << 20,  /* cycles */
	OLDEST_EVERY = 32,    /* ticks: the ring's oldest, whatever came last */
};

/* Of the static kind: a signal handler reads it, and must not be the first
 * to, lest the loader allocates. */
static _Thread_local struct gr_m *self_m
	__attribute__((tls_model("initial-exec")));

__attribute__((noinline)) struct gr_m *
gr_m_self(void)
{
	__asm__ volatile(""); /* never merged, never moved */
	return self_m;
}

void
gr_m_set_self(struct gr_m *m)
{
	self_m = m;
}

__attribute__((cold)) void
gr_m_misplaced(const struct gr_m *m, const char *who)
{
	goro_panic("%s called %s", who,
		   m ? "inside a blocking section" : "outside a goroutine");
}

/* The next of our own ring: the newest where that has never run. */
static inline struct gr_g *
take_ring(struct gr_p *p)
{
	struct gr_g *g;

	if (p->runq.fresh && p->tick % OLDEST_EVERY &&
	    (g = gr_runq_get_fresh(&p->runq)))
		return g;
	return gr_runq_get_ring(&p->runq);
}

/* The next goroutine of our own queue, or NULL for the long path. */
static inline struct gr_g *
next_here(struct gr_p *p, uint64_t cycles)
{
	struct gr_g *g;

	gr_store_rlx(&p->tick, p->tick + 1); /* [relaxed] the monitor's hint */
	if (p->tick % LONG_PATH_EVERY == 0 || cycles >= p->timer_cycles ||
	    gr_load_rlx(&p->attention)) /* [relaxed] looked at again there */
		return NULL;
	if (p->streak++ < STREAK && (g = gr_runq_get_next(&p->runq)))
		return g;
	p->streak = 0;
	g = take_ring(p);
	return g ? g : gr_runq_get_next(&p->runq);
}

static inline void
make_running(struct gr_m *m, struct gr_g *g)
{
	g->m = m;
	gr_store_rlx(&m->g, g); /* [relaxed] gr_threads_end() looks at it */
	gr_eh_load(m, g);
	gr_g_set_state(g, GORO_ABI_RUNNING);
}

/* First thing on a stack that was switched to: the other's second half. */
static inline void
finish_switch(struct gr_m *m)
{
	gr_san_enter(m, m->g);
	m->finish(m, m->left, m->finish_arg);
}

static void
stack_overflowed(struct gr_g *g)
{
	(void)g;
	gr_fatal("stack overflow");
}

/* The next after a goroutine that is not like the others. */
static __attribute__((noinline)) struct gr_g *
next_after(struct gr_m *m, struct gr_g *g, uint64_t cycles)
{
	if ((g->flags & GR_G_UNGUARDED) &&
	    !gr_guard_intact(g, __builtin_frame_address(0)))
		stack_overflowed(g);
	/* Nobody else runs on a thread that is locked. */
	return g->flags & GORO_ABI_G_LOCKED ? NULL : next_here(m->p, cycles);
}

/* Choose who comes after the goroutine that is leaving; returns its sp. */
static inline __attribute__((always_inline)) void *
prepare_switch(struct gr_m *m, gr_finish *finish, void *arg, uint64_t cycles,
	       bool for_good)
{
	struct gr_g *g = m->g, *next;

	if (__builtin_expect(g->flags & (GR_G_UNGUARDED | GORO_ABI_G_LOCKED),
			     0))
		next = next_after(m, g, cycles);
	else
		next = next_here(m->p, cycles);
	gr_eh_save(m, g);
	m->left = g;
	m->finish = finish;
	m->finish_arg = arg;
	if (next)
		make_running(m, next);
	else
		gr_store_rlx(&m->g, NULL); /* [relaxed] as above */
	gr_san_leave(m, g, next, for_good);
	return next ? next->sp : m->sched_sp;
}

/* Leave the present stack for the next goroutine's or the scheduler's. The one
 * place where goroutines are switched: see switch.S, "Returns". */
static __attribute__((noinline)) struct gr_m *
switch_away(struct gr_m *m, gr_finish *finish, void *arg, uint64_t cycles)
{
	struct gr_g *g = m->g;
	void *to = prepare_switch(m, finish, arg, cycles, false);

	m = gr_context_switch(&g->sp, to, m);
	finish_switch(m);
	return m;
}

/* The same where somebody asks what is waited for; see profile_events.h. */
static __attribute__((noinline)) struct gr_m *
switch_away_profiled(struct gr_m *m, gr_finish *finish, void *arg,
		     unsigned reason, uint64_t cycles)
{
	m = switch_away(m, finish, arg, cycles);
	gr_profile_waited(m, reason, cycles);
	return m;
}

struct gr_m *
gr_park(struct gr_m *m, gr_finish *finish, void *arg)
{
	uint64_t cycles = gr_cycles();

	m->g->wait_since = cycles;
	GR_PROBE3(park, m->g->id, m->g->wait_reason, m->g->wait_obj);
	if (gr_profile_wants(GR_EVENTS_WAITS))
		m = switch_away_profiled(m, finish, arg, m->g->wait_reason,
					 cycles);
	else
		m = switch_away(m, finish, arg, cycles);
	/* From here on its waiters are no longer what they were. */
	m->g->wait_n = 0;
	return m;
}

/* When it was made ready matters only to those who ask. */
static inline void
note_ready(struct gr_g *g)
{
	if (gr_profile_wants(GR_EVENTS_WAITS))
		g->ready_since = gr_cycles();
}

void
gr_leave(struct gr_m *m, gr_finish *finish, void *arg)
{
	struct gr_g *g = m->g;

	gr_eh_save(m, g);
	m->left = g;
	m->finish = finish;
	m->finish_arg = arg;
	gr_store_rlx(&m->g, NULL); /* [relaxed] as in prepare_switch() */
	gr_san_leave(m, g, NULL, false);
	m = gr_context_switch(&g->sp, m->sched_sp, m);
	finish_switch(m);
}

void
gr_finish_wait_unlock(struct gr_m *m, struct gr_g *g, void *arg)
{
	(void)m;
	gr_g_set_state(g, GORO_ABI_WAITING);
	gr_unlock(arg); /* [pair lock] from here on @g may run elsewhere */
}

void
gr_finish_wait(struct gr_m *m, struct gr_g *g, void *arg)
{
	(void)m, (void)arg;
	gr_g_set_state(g, GORO_ABI_WAITING);
}

/* Put a runnable goroutine behind the others of this P. */
static void
put_last(struct gr_p *p, struct gr_g *g)
{
	struct gr_glist half = { 0 };
	bool fresh = g->flags & GORO_ABI_G_FRESH;

	if (__builtin_expect(!gr_runq_put(&p->runq, g, fresh), 0)) {
		/* Full: the older half becomes everybody's, as in Go. */
		gr_runq_drain(&p->runq, GR_RUNQ_SLOTS / 2, &half);
		if (half.n)
			gr_globq_put(&half);
		gr_runq_put(&p->runq, g, fresh);
	}
	gr_wake_hint(p);
}

static void
put_global(struct gr_g *list, struct gr_g *last, uint32_t n)
{
	gr_globq_put(&(struct gr_glist){ list, last, n });
	gr_wake_one();
}

/* Put a runnable goroutine before the others of this P. */
static inline void
put_next(struct gr_p *p, struct gr_g *g)
{
	struct gr_g *older = NULL;

	/* [pair runq] only the owner fills `next`, so a plain store will do
	 * where it is empty. */
	if (gr_load_rlx(&p->runq.next))
		older = gr_xchg_acq_rel(&p->runq.next, g);
	else
		gr_store_rel(&p->runq.next, g);
	if (older)
		put_last(p, older);
	else if (__builtin_expect(gr_load_rlx(&gr_idle_n) &&
				  gr_load_rlx(&gr_monitor_slow), 0))
		/* [relaxed] hints. Should we not get round to it soon, the
		 * monitor is to notice sooner than in 10 ms. */
		gr_monitor_poke();
}

void
gr_ready(struct gr_m *m, struct gr_g *g)
{
	GR_PROBE1(ready, g->id);
	note_ready(g);
	gr_g_set_state(g, GORO_ABI_RUNNABLE);
	if (__builtin_expect(g->flags & GORO_ABI_G_LOCKED, 0)) {
		gr_rest_want(g->m);
	} else if (__builtin_expect(m && m->p, 1)) {
		put_next(m->p, g);
	} else {
		g->next = NULL;
		put_global(g, g, 1);
	}
}

/* True: some are in our ring, and nobody was woken for them. */
static bool
put_list(struct gr_m *m, struct gr_g *list, uint32_t n)
{
	struct gr_g *g, *rest = NULL, *last = NULL, **at = &list;
	uint32_t here = 0;

	while ((g = *at)) {
		note_ready(g);
		gr_g_set_state(g, GORO_ABI_RUNNABLE);
		if (__builtin_expect(g->flags & GORO_ABI_G_LOCKED, 0)) {
			*at = g->next;
			n--;
			gr_rest_want(g->m);
		} else {
			last = g;
			at = &g->next;
		}
	}
	if (!n)
		return false;
	/* As many as we can use soon; the rest is for everybody. */
	if (m && m->p)
		while (list && here < GR_RUNQ_SLOTS / 2) {
			rest = list->next;
			if (!gr_runq_put(&m->p->runq, list, false))
				break;
			list = rest;
			here++;
		}
	if (list)
		put_global(list, last, n - here);
	return !list;
}

void
gr_ready_list(struct gr_m *m, struct gr_g *list, uint32_t n)
{
	if (put_list(m, list, n))
		gr_wake_hint(m->p);
}

void
gr_ready_polled(struct gr_m *m, const struct gr_glist *ready)
{
	/* [relaxed] hints. It notices what we do not get round to. */
	if (put_list(m, ready->first, ready->n) && gr_load_rlx(&gr_idle_n) &&
	    gr_load_rlx(&gr_monitor_slow))
		gr_monitor_poke();
}

/* Would a yield only come back? The long path, now and then, looks further:
 * for other queues, the network, and whether all is over. */
static inline bool
nobody_here(const struct gr_p *p, const struct gr_g *g, uint64_t cycles)
{
	return !gr_load_rlx(&p->runq.next) && p->runq.head == p->runq.tail &&
	       (p->tick + 1) % LONG_PATH_EVERY && cycles < p->timer_cycles &&
	       !gr_load_rlx(&p->attention) && /* [relaxed] as in next_here() */
	       !(g->flags & GR_G_UNGUARDED); /* or its canary goes unseen */
}

static void
finish_yield(struct gr_m *m, struct gr_g *g, void *arg)
{
	(void)arg;
	note_ready(g);
	gr_g_set_state(g, GORO_ABI_RUNNABLE);
	if (__builtin_expect(g->flags & GORO_ABI_G_LOCKED, 0))
		gr_rest_want(m);
	else
		put_last(m->p, g);
}

void
goro_yield(void)
{
	struct gr_m *m = gr_m_goroutine("goro_yield");
	struct gr_p *p = m->p;
	uint64_t cycles = p->tick % CLOCK_EVERY ? 0 : gr_cycles();

	if (gr_profile_wants(GR_EVENTS_WAITS))
		switch_away_profiled(m, finish_yield, NULL, GORO_WAIT_NONE,
				     gr_cycles());
	else if (nobody_here(p, m->g, cycles))
		gr_store_rlx(&p->tick, p->tick + 1); /* [relaxed] as there */
	else
		switch_away(m, finish_yield, NULL, cycles);
}

static void
finish_exit(struct gr_m *m, struct gr_g *g, void *arg)
{
	(void)arg;
	gr_g_free(m->p, g);
}

void
goro_exit(void)
{
	struct gr_m *m = gr_m_goroutine("goro_exit");
	struct gr_g *g = m->g;

	gr_g_ending(m, g);
	gr_context_switch(&g->sp, prepare_switch(m, finish_exit, NULL, 0, true),
			  m);
	__builtin_unreachable();
}

/* What gr_context_entry() calls: all of a goroutine's life. */
struct gr_switch_to
gr_g_main(struct gr_m *m)
{
	struct gr_g *g = m->g;
	void *sp;

	finish_switch(m);
	g->flags &= ~GORO_ABI_G_FRESH;
	if (gr_profile_wants(GR_EVENTS_WAITS))
		gr_profile_started(m);
	g->fn(g->arg);
	m = gr_m_self();
	gr_g_ending(m, g);
	sp = prepare_switch(m, finish_exit, NULL, 0, true);
#ifdef GR_TSAN
	/* It is told of the switch already: our return would count as the
	 * next goroutine's. */
	gr_context_switch(&g->sp, sp, m);
#endif
	return (struct gr_switch_to){ sp, m };
}

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
			p->timer_cycles =
				gr_cycles() + gr_cycles_in(first_ns - now_ns);
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

/* How long a goroutine runs here until it is the next one's turn. */
static void
measure_grain(struct gr_p *p)
{
	uint64_t now = gr_cycles();
	uint32_t n = p->tick - p->grain_tick;

	if (n < GRAIN_TICKS)
		return;
	/* [relaxed] see gr_p_has_surplus(). */
	gr_store_rlx(&p->grain,
		     GR_MIN((now - p->grain_cycles) / n, (uint64_t)GRAIN_MAX));
	p->grain_tick = p->tick;
	p->grain_cycles = now;
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

/* From another P: half of its ring, or what the monitor says is stuck. */
static struct gr_g *
steal(struct gr_m *m)
{
	struct gr_p *p = m->p;
	uint32_t n = gr_load_acq(&gr_procs_ever); /* [pair procs] */
	uint32_t start = gr_random(p) % n;

	for (uint32_t i = 0; i < n; i++) {
		struct gr_p *victim = gr_procs[(start + i) % n];
		struct gr_g *g;

		if (victim == p || !gr_p_has_surplus(victim))
			continue;
		g = gr_runq_steal(&victim->runq, &p->runq);
		if (g) {
			GR_PROBE3(steal, victim->id, p->id, g->id);
			return g;
		}
		/* [relaxed] the monitor's word that its owner is stuck. */
		if (gr_load_rlx(&victim->runq.next_for_all) &&
		    gr_load_acq(&victim->timers.first_ns) <= gr_now_ns()) {
			gr_timer_run(&victim->timers, m, gr_now_ns());
			g = gr_runq_get_next(&p->runq);
			if (g)
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
static void
stop_spinning(struct gr_m *m)
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
	stop_spinning(m);
	return gr_rest_lend(m);
}

/* Whose descriptor is ready? All of them into our queue, one to run. */
static struct gr_g *
poll_network(struct gr_m *m)
{
	struct gr_glist ready = { 0 };

	gr_netpoll_look(m, &ready);
	gr_ready_polled(m, &ready);
	return ready.n ? gr_runq_get_ring(&m->p->runq) : NULL;
}

/* What to run now, waiting for it if need be; NULL when it is all over. */
static struct gr_g *
find_runnable(struct gr_m *m)
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
			stop_spinning(m);
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
		if (p->tick % LONG_PATH_EVERY == 0 ||
		    p->passes % GLOBAL_EVERY == 0) {
			measure_grain(p);
			help_stuck(m);
			if ((g = gr_globq_get(&p->runq, 1)) ||
			    (g = poll_network(m)))
				return g;
		}
		gr_store_rlx(&p->tick, p->tick + 1); /* [relaxed] see above */
		if ((g = gr_runq_get_next(&p->runq)) ||
		    (g = take_ring(p)))
			return g;
		/* Our share: were it more, others would have to steal. */
		if ((g = gr_globq_get(&p->runq,
				      gr_globq_len() / procs_n + 1)))
			return g;
		if ((g = gr_preempted_get(m)))
			return g;
		if (lend(m))
			continue;
		if (procs_n > 1 &&
		    ((g = steal(m)) ||
		     (!gr_netpoll_wanted() && (g = spin(m)))))
			return g;
		gr_idle_sleep(m);
		m->p->grain_tick = m->p->tick;
		m->p->grain_cycles = gr_cycles();
	}
}

/* The scheduler leaves nothing undone. */
static void
finish_nothing(struct gr_m *m, struct gr_g *g, void *arg)
{
	(void)m, (void)g, (void)arg;
}

/* Who runs next on this thread; NULL: it ends. */
static struct gr_g *
next_for(struct gr_m *m)
{
	if (__builtin_expect(m->p && !m->locked, 1))
		return find_runnable(m);
	/* [pair section] [relaxed] only we write that. */
	if (gr_load_rlx(&m->section) == GR_SECTION_ABANDONED)
		return NULL;
	return m->locked ? gr_locked_next(m) : find_runnable(m);
}

/* The scheduler's loop, on the thread's own stack; returns when it is over. */
void
gr_schedule(struct gr_m *m)
{
	struct gr_g *g;

	while ((g = next_for(m))) {
		stop_spinning(m);
		make_running(m, g);
		m->finish = finish_nothing;
		gr_san_leave(m, NULL, g, false);
		m = gr_context_switch(&m->sched_sp, g->sp, m);
		finish_switch(m);
	}
	stop_spinning(m);
}
