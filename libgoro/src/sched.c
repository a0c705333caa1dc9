// SPDX-License-Identifier: MIT
/*
 * sched.c - parking, and switching to who runs next
 *
 * Idea       Two paths. The short one: a goroutine that parks takes the next
 *            from its P's own queue and switches to it directly, without a
 *            lock and without touching another stack. The long one, on the
 *            M's scheduler stack: everything else, see find.c.
 * Fairness   The short path gives way to the long one every 64th switch, when
 *            a timer is due and when `attention` asks; and `runq.next`, which
 *            two goroutines could hand to each other for ever, yields to the
 *            ring after 32 picks in a row.
 * Stacks     gr_park() and what it calls up to the switch run on the
 *            goroutine's stack; a finish runs on the next one's; gr_schedule()
 *            on the thread's own.
 * Not here   making ready: ready.c; looking for work: find.c
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
#include "trace.h"

enum {
	CLOCK_EVERY = 16, /* yields between looks at the clock; a power of two */
	STREAK = 32,      /* picks of the newest before the ring's turn */
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

__attribute__((cold)) void
gr_m_unfinished(void)
{
	goro_panic("goroutine ends inside a blocking section");
}

/* The next goroutine of our own queue, or NULL for the long path. */
static inline struct gr_g *
next_here(struct gr_p *p, uint64_t cycles)
{
	struct gr_g *g;

	gr_store_rlx(&p->tick, p->tick + 1); /* [relaxed] the monitor's hint */
	if (p->tick % GR_LONG_PATH_EVERY == 0 || cycles >= p->timer_cycles ||
	    gr_load_rlx(&p->attention)) /* [relaxed] looked at again there */
		return NULL;
	if (p->streak++ < STREAK && (g = gr_runq_get_next(&p->runq)))
		return g;
	p->streak = 0;
	g = gr_p_take_ring(p);
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

/*
 * The same where somebody asks what happens (profile_events.h): why it leaves,
 * who comes next, how long it was gone. A place of its own, as the processor's
 * predictions want it: while all leave from here, all come back to here.
 */
static __attribute__((noinline)) struct gr_m *
switch_away_recorded(struct gr_m *m, gr_finish *finish, void *arg,
		     enum gr_trace_kind kind, uint64_t cycles)
{
	struct gr_g *g = m->g;
	unsigned reason = kind == GR_TRACE_PARK ? g->wait_reason :
						  GORO_WAIT_NONE;
	void *to = prepare_switch(m, finish, arg, cycles, false);

	m->p->now = cycles;
	if (gr_profile_wants(GR_EVENTS_TRACE))
		gr_trace_left(m, kind, reason, cycles);
	m = gr_context_switch(&g->sp, to, m);
	finish_switch(m);
	if (gr_profile_wants(GR_EVENTS_WAITS))
		gr_profile_waited(m, reason, cycles);
	return m;
}

struct gr_m *
gr_park(struct gr_m *m, gr_finish *finish, void *arg)
{
	uint64_t cycles = gr_cycles();

	m->g->wait_since = cycles;
	gr_p_count(&m->p->waits[m->g->wait_reason]);
	GR_PROBE3(park, m->g->id, m->g->wait_reason, m->g->wait_obj);
	if (gr_profile_wants(GR_EVENTS_SWITCHES))
		m = switch_away_recorded(m, finish, arg,
					 m->g->wait_reason ? GR_TRACE_PARK :
							     GR_TRACE_PREEMPT,
					 cycles);
	else
		m = switch_away(m, finish, arg, cycles);
	/* From here on its waiters are no longer what they were. */
	m->g->wait_n = 0;
	return m;
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

/* Would a yield only come back? The long path, now and then, looks further:
 * for other queues, the network, and whether all is over. */
static inline bool
nobody_here(const struct gr_p *p, const struct gr_g *g, uint64_t cycles)
{
	return !gr_load_rlx(&p->runq.next) && p->runq.head == p->runq.tail &&
	       (p->tick + 1) % GR_LONG_PATH_EVERY && cycles < p->timer_cycles &&
	       !gr_load_rlx(&p->attention) && /* [relaxed] as in next_here() */
	       !(g->flags & GR_G_UNGUARDED);  /* or its canary goes unseen */
}

static void
finish_yield(struct gr_m *m, struct gr_g *g, void *arg)
{
	(void)arg;
	if (gr_profile_wants(GR_EVENTS_WAITS))
		gr_profile_time_ready(m, g);
	gr_g_set_state(g, GORO_ABI_RUNNABLE);
	if (__builtin_expect(g->flags & GORO_ABI_G_LOCKED, 0))
		gr_rest_want(m);
	else
		gr_ready_last(m->p, g);
}

void
goro_yield(void)
{
	struct gr_m *m = gr_m_goroutine("goro_yield");
	struct gr_p *p = m->p;
	uint64_t cycles = p->tick % CLOCK_EVERY ? 0 : gr_cycles();

	if (gr_profile_wants(GR_EVENTS_WAITS))
		switch_away_recorded(m, finish_yield, NULL, GR_TRACE_YIELD,
				     gr_cycles());
	else if (nobody_here(p, m->g, cycles))
		gr_store_rlx(&p->tick, p->tick + 1); /* [relaxed] as there */
	else if (gr_profile_wants(GR_EVENTS_TRACE))
		switch_away_recorded(m, finish_yield, NULL, GR_TRACE_YIELD,
				     gr_cycles());
	else
		switch_away(m, finish_yield, NULL, cycles);
}

static void
finish_exit(struct gr_m *m, struct gr_g *g, void *arg)
{
	(void)arg;
	gr_g_free(m->p, g);
}

/* The last deed of a goroutine: who runs next? */
static inline __attribute__((always_inline)) void *
prepare_exit(struct gr_m *m)
{
	void *to = prepare_switch(m, finish_exit, NULL, 0, true);

	if (gr_profile_wants(GR_EVENTS_SWITCHES))
		m->p->now = gr_cycles();
	if (gr_profile_wants(GR_EVENTS_TRACE))
		gr_trace_left(m, GR_TRACE_EXIT, GORO_WAIT_NONE, m->p->now);
	return to;
}

void
goro_exit(void)
{
	struct gr_m *m = gr_m_goroutine("goro_exit");
	struct gr_g *g = m->g;

	gr_g_ending(m, g);
	gr_context_switch(&g->sp, prepare_exit(m), m);
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
	gr_m_check_returned(m);
	gr_g_ending(m, g);
	sp = prepare_exit(m);
#ifdef GR_TSAN
	/* It is told of the switch already: our return would count as the
	 * next goroutine's. */
	gr_context_switch(&g->sp, sp, m);
#endif
	return (struct gr_switch_to){ sp, m };
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
		return gr_find_runnable(m);
	/* [pair section] [relaxed] only we write that. */
	if (gr_load_rlx(&m->section) == GR_SECTION_ABANDONED)
		return NULL;
	return m->locked ? gr_locked_next(m) : gr_find_runnable(m);
}

/* The scheduler's loop, on the thread's own stack; returns when it is over. */
void
gr_schedule(struct gr_m *m)
{
	struct gr_g *g;

	while ((g = next_for(m))) {
		gr_stop_spinning(m);
		make_running(m, g);
		if (gr_profile_wants(GR_EVENTS_SWITCHES))
			m->p->now = gr_cycles();
		gr_trace_worker(m->p, GR_TRACE_RUN, g->id);
		m->finish = finish_nothing;
		gr_san_leave(m, NULL, g, false);
		m = gr_context_switch(&m->sched_sp, g->sp, m);
		finish_switch(m);
	}
	gr_stop_spinning(m);
}
