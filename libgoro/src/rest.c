// SPDX-License-Identifier: MIT
/*
 * rest.c - resting, and being given a P; the argument is in rest.h
 */
#include "rest.h"

#include "futex.h"
#include "goro/goro.h"
#include "idle.h"
#include "lock.h"
#include "preempt.h"
#include "sched.h"

static struct {
	struct gr_lock lock;
	struct gr_m *spare;
	struct gr_m *wanted, **last;
} rest = { .last = &rest.wanted };

uint32_t gr_rest_wanted_count;

static void
give(struct gr_m *m, struct gr_p *p, bool spinning)
{
	m->given = p;
	m->given_spinning = spinning;
	gr_store_rel(&p->m, m); /* [pair p-thread] */
	/* [pair m-wake] release: it sees what it was given. */
	gr_store_rel(&m->wake, 1);
	gr_futex_wake(&m->wake, 1);
}

/* Sleep until there is a P, or all is over. */
static bool
sleep_for_p(struct gr_m *m)
{
	/* [pair rest] sequentially consistent: this, then gr_stopping; whoever
	 * stops does the reverse. */
	gr_store_sc(&m->resting, 1);
	while (!gr_load_acq(&m->wake) && !gr_load_sc(&gr_stopping))
		gr_futex_wait(&m->wake, 0, GORO_FOREVER);
	gr_store_sc(&m->resting, 0);
	if (gr_load_sc(&gr_stopping)) /* [pair stopping] */
		return false;
	gr_store_rlx(&m->wake, 0); /* [pair m-wake] nobody else gives now */
	m->p = m->given;
	m->spinning = m->given_spinning;
	return true;
}

bool
gr_rest(struct gr_m *m)
{
	gr_store_rlx(&m->wake, 0); /* [pair m-wake] nobody can find us yet */
	if (gr_preempted_any(m)) {
		/* Only we add to these, so we will not miss one. */
		gr_rest_want(m);
		return sleep_for_p(m);
	}
	gr_lock(&rest.lock);
	m->rest_next = rest.spare;
	rest.spare = m;
	gr_unlock(&rest.lock);
	/* A P may have been left idle for want of a thread. */
	if (gr_globq_len())
		gr_wake_one();
	return sleep_for_p(m);
}

bool
gr_rest_locked(struct gr_m *m)
{
	return sleep_for_p(m);
}

bool
gr_rest_start(struct gr_p *p, bool spinning)
{
	struct gr_m *m;

	gr_lock(&rest.lock);
	m = rest.spare;
	if (m)
		rest.spare = m->rest_next;
	gr_unlock(&rest.lock);
	if (!m)
		return false;
	give(m, p, spinning);
	return true;
}

void
gr_rest_want(struct gr_m *m)
{
	struct gr_p *p = gr_idle_take_free();

	if (p) {
		give(m, p, false);
		return;
	}
	gr_lock(&rest.lock);
	m->rest_next = NULL;
	*rest.last = m;
	rest.last = &m->rest_next;
	/* [pair rest-wanted] sequentially consistent: this, then idle_n. */
	gr_store_sc(&gr_rest_wanted_count, gr_rest_wanted_count + 1);
	gr_unlock(&rest.lock);
	gr_wake_one();
}

/* Take @m, or the first when NULL, out of the queue. */
static struct gr_m *
take_wanted(struct gr_m *m)
{
	struct gr_m **at = &rest.wanted;

	gr_lock(&rest.lock);
	while (*at && m && *at != m)
		at = &(*at)->rest_next;
	m = *at;
	if (m) {
		*at = m->rest_next;
		if (!*at)
			rest.last = at;
		/* [pair rest-wanted] */
		gr_store_sc(&gr_rest_wanted_count, gr_rest_wanted_count - 1);
	}
	gr_unlock(&rest.lock);
	return m;
}

bool
gr_rest_unwant(struct gr_m *m)
{
	return take_wanted(m);
}

bool
gr_rest_lend(struct gr_m *m)
{
	struct gr_m *to = take_wanted(NULL);
	struct gr_p *p = m->p;

	if (!to)
		return false;
	m->p = NULL;
	give(to, p, false);
	return true;
}

/* After gr_stopping was set: whoever rests is to go home. */
void
gr_rest_stop(void)
{
	struct gr_m *m = gr_load_acq(&gr_threads); /* [pair threads] */

	for (; m; m = m->next)
		if (gr_load_sc(&m->resting)) { /* [pair rest] */
			gr_store_rel(&m->wake, 1); /* [pair m-wake] */
			gr_futex_wake(&m->wake, 1);
		}
}

void
gr_rest_reset(void)
{
	rest.spare = rest.wanted = NULL;
	rest.last = &rest.wanted;
	gr_rest_wanted_count = 0;
}
