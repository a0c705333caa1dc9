// SPDX-License-Identifier: MIT
/*
 * blocking.c - entering and leaving blocking sections; see blocking.h
 *
 * Stacks     begin and end run on the goroutine's stack, also when the run is
 *            over: that stack stays mapped until its thread has left it.
 */
#include "blocking.h"

#include <sys/mman.h>

#include "fatal.h"
#include "goro/goro.h"
#include "idle.h"
#include "lock.h"
#include "monitor.h"
#include "preempt.h"
#include "rest.h"
#include "san.h"
#include "sched.h"
#include "sync.h"
#include "trace.h"

enum {
	SHORT_NS = 20000,   /* a section that is left to itself in any case */
	LONG_NS = 10000000, /* when its P is better idle than SYSCALL */
};

static uint32_t without_p; /* [pair blocking-n] */

/* Is there something here, or for all, that this P could be used for? */
static bool
work_waits(struct gr_p *p)
{
	/* [relaxed] hints; the monitor looks again. */
	return gr_load_rlx(&p->runq.next) || gr_runq_any(&p->runq) ||
	       gr_globq_len() || gr_preempted_n() || gr_rest_wanted_n();
}

/* Have other P more to do than they can, with nobody free to help? */
static bool
others_wait(void)
{
	uint32_t n = gr_load_acq(&gr_procs_ever); /* [pair procs] */

	/* [relaxed] hints */
	for (uint32_t i = 0; i < n && !gr_load_rlx(&gr_idle_n); i++)
		if (gr_runq_any(&gr_procs[i]->runq))
			return true;
	return false;
}

void
goro_blocking_begin(void)
{
	struct gr_m *m = gr_m_self();
	struct gr_p *p;

	if (m && m->section_depth) {
		m->section_depth++;
		return;
	}
	p = gr_m_goroutine("goro_blocking_begin")->p;
	/* [relaxed] hints. It is soon enough for the monitor to find out, but
	 * not in 10 ms. */
	if (gr_load_rlx(&gr_monitor_slow) &&
	    (work_waits(p) ||
	     gr_load_rlx(&p->timers.first_ns) != GORO_FOREVER))
		gr_monitor_poke();
	gr_trace_worker(p, GR_TRACE_BLOCK, 0);
	m->section_depth = 1;
	m->p = NULL;
	m->g->wait_since = gr_cycles();
	gr_g_set_state(m->g, GORO_ABI_SYSCALL);
	gr_store_rlx(&p->sections, p->sections + 1);
	/* [pair p-status] a hint for the monitor, as `sections`. */
	gr_store_rel(&p->status, GR_P_SYSCALL);
	/* [pair section] release: who takes the P finds it at rest. */
	gr_store_rel(&m->section, p);
}

/* Outside again, with a P that is ours. */
static void
go_on(struct gr_m *m, struct gr_p *p)
{
	m->p = p;
	gr_trace_worker(p, GR_TRACE_UNBLOCK, m->g->id);
	gr_store_rel(&p->status, GR_P_RUNNING); /* [pair p-status] */
	gr_g_set_state(m->g, GORO_ABI_RUNNING);
}

static void
finish_without_p(struct gr_m *m, struct gr_g *g, void *arg)
{
	(void)arg;
	gr_ready(m, g);
	/* [pair blocking-n] after it can be seen in a queue. */
	gr_add_sc(&without_p, -1);
}

/* The stack that we have left was kept for us alone. */
static void
finish_abandoned(struct gr_m *m, struct gr_g *g, void *arg)
{
	(void)arg;
	gr_holds_forget(g);
	gr_g_fini(g);
	gr_san_g_end(g);
	gr_san_stack_close(g);
	munmap(m->orphan, m->orphan_bytes);
}

/* Our P was taken. */
static void
come_back(struct gr_m *m)
{
	struct gr_p *p = gr_idle_take_free();

	if (!p) {
		gr_leave(m, finish_without_p, NULL);
		return;
	}
	gr_store_rel(&p->m, m); /* [pair p-thread] */
	go_on(m, p);
	gr_add_sc(&without_p, -1); /* [pair blocking-n] */
}

/* The run is over, and with it this thread. */
_Noreturn static void
leave_for_good(struct gr_m *m)
{
	/* [pair orphan] acquire: who has abandoned us has done so by now, and
	 * looks at neither record nor stack again. */
	for (int tries = 0; !gr_load_acq(&m->orphan); tries++)
		gr_back_off(tries);
	/* [pair section] [relaxed] for our own eyes, in thread.c. */
	gr_store_rlx(&m->section, GR_SECTION_ABANDONED);
	gr_leave(m, finish_abandoned, NULL);
	__builtin_unreachable();
}

void
goro_blocking_end(void)
{
	struct gr_m *m = gr_m_self();
	struct gr_p *p;

	if (!m || !m->section_depth)
		goro_panic("goro_blocking_end without goro_blocking_begin");
	if (--m->section_depth)
		return;
	/* [pair section] acquire: sees the end of the run. */
	p = gr_xchg_acq_rel(&m->section, GR_SECTION_OUT);
	if (p == GR_SECTION_NO_P)
		come_back(m);
	else if (p == GR_SECTION_ABANDONED)
		leave_for_good(m);
	else
		go_on(m, p);
}

/* Take the P of a section, unless it ends this moment. */
static void
take(struct gr_p *p)
{
	struct gr_m *m = gr_load_acq(&p->m); /* [pair p-thread] */

	/* [pair section] acquire: the P is as the thread left it. */
	if (!m || !gr_cas_acq_rel(&m->section, p, GR_SECTION_NO_P))
		return;
	gr_add_sc(&without_p, 1); /* [pair blocking-n] */
	gr_idle_give(p);
}

int64_t
gr_blocking_watch(struct gr_p *p, int64_t now_ns)
{
	/* [relaxed] all that is read here are hints. */
	uint32_t sections = gr_load_rlx(&p->sections);
	int64_t timer_ns = gr_load_rlx(&p->timers.first_ns);
	bool wanted = timer_ns <= now_ns || work_waits(p) || others_wait();
	int64_t keep_ns = wanted ? SHORT_NS : LONG_NS;

	if (sections != p->seen_sections) {
		p->seen_sections = sections;
		p->seen_since_ns = now_ns;
		p->asked = 0;
		return keep_ns;
	}
	keep_ns -= now_ns - p->seen_since_ns;
	if (keep_ns <= 0) {
		take(p);
		return SHORT_NS;
	}
	return timer_ns - now_ns < keep_ns ? timer_ns - now_ns : keep_ns;
}

uint32_t
gr_blocking_n(void)
{
	return gr_load_sc(&without_p); /* [pair blocking-n] */
}

bool
gr_blocking_abandon(struct gr_m *m)
{
	/* [pair section] as in take(). */
	struct gr_p *section = gr_load_acq(&m->section);

	if (section == GR_SECTION_OUT ||
	    !gr_cas_acq_rel(&m->section, section, GR_SECTION_ABANDONED))
		return false;
	if (section != GR_SECTION_NO_P)
		gr_store_rel(&section->m, NULL); /* [pair p-thread] */
	return true;
}

/*
 * Only now that it is abandoned is it known whose stack to leave to it: until
 * then it may have gone from one section to another goroutine's.
 */
void
gr_blocking_part(struct gr_m *m)
{
	struct gr_g *g = gr_load_rlx(&m->g); /* [relaxed] the same inside */
	char *stack;

	gr_stack_slot(g, &stack, &m->orphan_bytes);
	gr_store_rel(&m->orphan, stack); /* [pair orphan] */
}

void
gr_blocking_reset(void)
{
	without_p = 0;
}
