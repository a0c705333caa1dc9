// SPDX-License-Identifier: MIT
/*
 * thread_lock.c - a goroutine and a thread that belong to each other
 *
 * Idea       As Go's LockOSThread. When the goroutine parks, its thread gives
 *            its P away and rests; when it is made ready, it goes into no run
 *            queue, but its thread is wanted (rest.h): some worker lends it
 *            its P. So the schedulers' short path only has to know that such
 *            a goroutine is not followed by another; the price, two
 *            changes of threads for each wait, is paid by who asks for it.
 * Ending     A thread whose goroutine ends without unlocking ends too: it may
 *            be in any condition.
 */
#include "fatal.h"
#include "goro/goro.h"
#include "idle.h"
#include "rest.h"
#include "sched.h"
#include "thread.h"

void
goro_thread_lock(void)
{
	struct gr_m *m = gr_m_goroutine("goro_thread_lock");

	if (m->locks++)
		return;
	m->locked = m->g;
	m->g->flags |= GORO_ABI_G_LOCKED;
	gr_store_rlx(&m->wake, 0); /* [pair m-wake] see rest.h, "Giving" */
}

void
goro_thread_unlock(void)
{
	struct gr_m *m = gr_m_goroutine("goro_thread_unlock");

	if (!m->locks || --m->locks)
		return;
	m->locked = NULL;
	m->g->flags &= ~GORO_ABI_G_LOCKED;
}

/* Has nobody but our own goroutine anything to do with our P? */
static bool
alone(struct gr_p *p)
{
	/* [relaxed] hints: who is overlooked waits one turn longer. */
	return !gr_load_rlx(&p->runq.next) && !gr_runq_any(&p->runq) &&
	       !gr_globq_len() && !gr_load_rlx(&p->attention) &&
	       gr_cycles() < p->timer_cycles;
}

/*
 * On a locked thread's own stack: its goroutine, when that is ready and there
 * is a P. NULL when the goroutine has ended or all is over.
 */
struct gr_g *
gr_locked_next(struct gr_m *m)
{
	struct gr_p *p = m->p;

	if (gr_load_acq(&gr_stopping)) /* [pair stopping] */
		return NULL;
	if (p && m->locks && alone(p) && gr_rest_unwant(m)) {
		gr_store_rlx(&p->tick, p->tick + 1); /* [relaxed] a hint */
		return m->locked;
	}
	m->p = NULL;
	if (p)
		gr_idle_give(p);
	return m->locks && gr_rest_locked(m) ? m->locked : NULL;
}

/* On its goroutine's stack, which ends. */
void
gr_locked_ending(struct gr_m *m)
{
	m->locks = 0;
}
