// SPDX-License-Identifier: MIT
/*
 * waitq.c - choosing whom to wake, and waiting no longer than a deadline
 *
 * A waiter in one queue belongs to whoever takes it out under the queue's
 * lock. One that is `shared`, the cases of a select or a wait with a deadline,
 * can be taken by several at the same time, under different locks: the first
 * to raise g->claim has it, and the others leave it where it is. Its own
 * goroutine takes it out of the remaining queues when it runs again.
 */
#include "waitq.h"

#include "sched.h"

/* Who comes next, and where its record is if it waits as this one does: both
 * are cold in a long queue. */
static inline void
prefetch_next(const struct gr_waiter *w)
{
	uintptr_t next = (uintptr_t)w->next;

	__builtin_prefetch((const void *)next);
	__builtin_prefetch(
		(const void *)(next + (uintptr_t)w->g - (uintptr_t)w));
}

struct gr_waiter *
gr_waitq_claim(struct gr_waitq *q)
{
	struct gr_waiter *w;

	while ((w = q->first)) {
		prefetch_next(w);
		gr_waitq_remove(w);
		if (!w->shared || gr_g_claim(w->g)) {
			w->g->woken = w;
			return w;
		}
	}
	return NULL;
}

/*
 * A deadline fires under its heap's lock and knows of no queue whose lock to
 * take, so it may find the goroutine before that has left its stack. The two
 * meet at `parked`: whoever comes second makes it ready. tests/models/park.pml
 * models it.
 */
static struct gr_g *
deadline_fire(struct gr_timer *t, struct gr_m *m, int64_t now_ns)
{
	struct gr_g *g = (struct gr_g *)((char *)t -
					 offsetof(struct gr_g, timer));

	(void)m, (void)now_ns;
	if (!gr_g_claim(g))
		return NULL;
	g->woken = NULL;
	/* [pair parked] */
	return gr_xchg_acq_rel(&g->parked, 1) ? g : NULL;
}

/* From here on the goroutine may be claimed by its deadline. */
void
gr_deadline_arm(struct gr_m *m, int64_t deadline_ns)
{
	struct gr_g *g = m->g;

	gr_store_rlx(&g->claim, 0);  /* [pair claim] nobody can find it yet */
	gr_store_rlx(&g->parked, 0); /* [pair parked] likewise */
	g->timer.fire = deadline_fire;
	gr_timer_start(m, &g->timer, deadline_ns);
}

/* Neither armed nor claimed any more: the wait is over. */
void
gr_deadline_disarm(struct gr_g *g)
{
	gr_timer_del(&g->timer);
}

/* A finish: WAITING, release the lock @arg, and meet the deadline. */
void
gr_finish_deadline(struct gr_m *m, struct gr_g *g, void *arg)
{
	bool fired;

	gr_g_set_state(g, GORO_ABI_WAITING);
	fired = gr_xchg_acq_rel(&g->parked, 1); /* [pair parked] */
	gr_unlock(arg); /* [pair lock] unless it fired, @g may be gone now */
	if (fired)
		gr_ready(m, g);
}

void
gr_g_forget(struct gr_g *g)
{
	for (unsigned i = 0; i < g->wait_n; i++)
		if (g->waiters[i].queue)
			gr_waitq_remove(&g->waiters[i]);
}
