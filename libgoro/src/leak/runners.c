// SPDX-License-Identifier: MIT
/*
 * runners.c - who was running when the world stopped: what of their stacks and
 * registers counts
 *
 * Idea       A thread may have anything in hand, so its registers, its stack
 *            from the stack pointer on and its thread-locals are roots. Less of
 *            one of the runtime's that has nothing to do: what is left there
 *            from before would keep alive what it pointed to once.
 */
#include <signal.h>

#include "leak/roots.h"
#include "runtime.h"
#include "sched.h"
#include "stack.h"
#include "thread.h"

enum {
	RED_ZONE = 128,
	TLS_MAX = 1 << 20, /* static; more has not been taken right */
};

static const struct gr_m *
m_of(int32_t tid)
{
	struct gr_m *m = gr_load_acq(&gr_threads); /* [pair threads] */

	while (m && m->tid != tid)
		m = m->next;
	return m;
}

/* Does it sleep for want of work? Then its stack and registers have nothing of
 * the program's but old words, as the stack of a thread which runs a goroutine
 * elsewhere: what a scheduler does for others it does to the end. */
static bool
is_idle(const struct gr_m *m)
{
	uint32_t status;

	if (m->g)
		return false;
	if (!m->p)
		return gr_load_acq(&m->resting); /* [pair rest] */
	status = gr_load_acq(&m->p->status);     /* [pair p-status] */
	return status == GR_P_IDLE || status == GR_P_OFF;
}

/*
 * Is it worth to wait a moment? A worker that looks for work may have a timer in
 * hand, so all that it has counts, and most of that is old; one that is being
 * started has its creator's registers. If nobody works, they will soon sleep.
 */
bool
gr_roots_would_settle(const struct gr_world *w)
{
	int workers = gr_m_self() ? 1 : 0, restless = 0;

	for (size_t i = 0; i < w->threads.n; i++) {
		const struct gr_world_thread *t = gr_vec_at(
			&w->threads, struct gr_world_thread, i);
		const struct gr_m *m = t->gone ? NULL : m_of(t->tid);

		if (!m)
			continue;
		workers++;
		if (!gr_stack_chunk_of(t->sp))
			restless += !is_idle(m);
		else if (!m->section_depth)
			return false;
	}
	return restless || workers != gr_threads_alive();
}

/* Somebody runs at @sp; on the thread @m of the runtime, unless it is NULL. */
static void
add_runner(struct gr_census *c, uintptr_t sp, uintptr_t tp,
	   const struct gr_m *m)
{
	struct gr_chunk *k = gr_stack_chunk_of(sp);
	struct gr_reach_span *low;
	struct gr_roots_on_stack *on;

	if (k && (on = gr_vec_push(&c->on_stack)))
		*on = (struct gr_roots_on_stack){
			gr_chunk_g(k,
				   (sp - (uintptr_t)k->base) / k->slot_bytes),
			sp - RED_ZONE
		};
	if (gr_world_is_own(tp) || (m && (k || is_idle(m))))
		sp = tp - c->tls_bytes + RED_ZONE;
	else if (k)
		return; /* the thread's own stack is a root as a whole */
	if ((low = gr_vec_push(&c->low)))
		*low = (struct gr_reach_span){ sp - RED_ZONE, tp };
}

/* How far the static thread-local storage reaches below a thread pointer. */
static uintptr_t
tls_bytes(void)
{
	const struct gr_m *m = gr_load_acq(&gr_threads); /* [pair threads] */

	for (; m; m = m->next) {
		uintptr_t bytes = m->tls_hi - GR_TLS_ABOVE - m->tls_lo;

		if (m->tls_hi && bytes < TLS_MAX)
			return bytes;
	}
	return TLS_MAX; /* then nothing is trimmed */
}

void
gr_roots_threads(struct gr_census *c, const struct gr_regs *here)
{
	const struct gr_m *self = gr_m_self();
	uintptr_t sp = here->r[GR_REG_SP], alt;
	stack_t ours;

	c->tls_bytes = tls_bytes();
	c->caller_sp = sp;
	c->caller = self ? self->g : NULL;
	for (size_t i = 0; i < c->world->threads.n; i++) {
		const struct gr_world_thread *t = gr_vec_at(
			&c->world->threads, struct gr_world_thread, i);
		const struct gr_m *m = t->gone ? NULL : m_of(t->tid);

		if (t->gone)
			continue;
		add_runner(c, t->sp, t->tp, m);
		if (!gr_world_is_own(t->tp) && !(m && is_idle(m))) {
			gr_reach_add_root(&c->reach, (uintptr_t)&t->regs,
					  (uintptr_t)(&t->regs + 1));
			gr_reach_add_root(&c->reach, t->more_lo, t->more_hi);
		}
		if (t->sp < t->alt_lo || t->sp >= t->alt_hi)
			gr_roots_hole(c, t->alt_lo, t->alt_hi);
	}
	for (unsigned i = 0; (alt = gr_world_aside(i)); i++)
		add_runner(c, alt - 1, alt, NULL);
	add_runner(c, sp, (uintptr_t)__builtin_thread_pointer(), self);
	alt = !sigaltstack(NULL, &ours) ? (uintptr_t)ours.ss_sp : 0;
	if (alt && sp - alt >= ours.ss_size)
		gr_roots_hole(c, alt, alt + ours.ss_size);
	gr_reach_add_root(&c->reach, (uintptr_t)here->r,
			  (uintptr_t)(here->r + GR_REGS));
}

/* Where the part of its stack that is in use begins. */
uintptr_t
gr_roots_stack_pointer(const struct gr_census *c, const struct gr_g *g)
{
	for (size_t i = 0; i < c->on_stack.n; i++) {
		struct gr_roots_on_stack *on = gr_vec_at(
			&c->on_stack, struct gr_roots_on_stack, i);

		if (on->g == g)
			return on->sp;
	}
	return (uintptr_t)g->sp & ~(uintptr_t)7;
}
