// SPDX-License-Identifier: MIT
/*
 * check.c - one check, from the stop to the list of what was found
 *
 * Stacks     on a stack of its own, so that what it leaves there is no root.
 * Locks      none while the world stands; `checking` keeps out a second one.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "chan.h"
#include "chan_slab.h"
#include "leak/work.h"
#include "san.h"
#include "sync.h"

enum {
	STACK_BYTES = 256 << 10,
	TRIES = 9, /* 25 ms in all */
	FIRST_PAUSE_US = 50,
};

static uint32_t checking; /* [pair leak-checking] */

/* --- Verdicts stand for ever ---------------------------------------------- */

enum { PROVEN_MAX = 1 << 20 };

/* To be held against what comes; [relaxed] whoever checks has `checking`. */
struct proven {
	uint64_t id, word;
};
static struct gr_vec proven = { .bytes = sizeof(struct proven) };

void
gr_leak_forget(void)
{
	gr_vec_fini(&proven);
}

/* Has one of them run since, the proof had a hole. */
static bool
have_held(struct gr_leak_work *w)
{
	for (size_t i = 0; i < proven.n; i++) {
		const struct proven *p = gr_vec_at(&proven, struct proven, i);
		uint32_t now = gr_census_by_id(&w->census, p->id);

		if (now == GR_REACH_NONE ||
		    gr_census_g(&w->census, now)->word != p->word)
			w->leak.unsound = p->id;
	}
	return !w->leak.unsound;
}

/*
 * Those who were proven to be lost are, whatever looks like an address now: so
 * they are found again each time, and what only they can get at counts for
 * nothing. All of it is withdrawn when one verdict was wrong.
 */
static void
confirm(struct gr_leak_work *w)
{
	if (!have_held(w))
		return;
	for (size_t i = 0; i < proven.n; i++)
		gr_reach_g(&w->census.reach,
			   gr_census_by_id(
				   &w->census,
				   gr_vec_at(&proven, struct proven, i)->id))
			->lost = true;
}

void
gr_leak_remember(struct gr_leak_work *w, uint32_t i)
{
	const struct gr_census_g *g = gr_census_g(&w->census, i);
	struct proven *p;

	if (gr_reach_g(&w->census.reach, i)->lost)
		return; /* it is */
	/* Without memory it is only not held against anything. */
	if (proven.n < PROVEN_MAX && (p = gr_vec_push(&proven)))
		*p = (struct proven){ g->id, g->word };
}

/* --- The check ------------------------------------------------------------ */

/* Will anything move by itself: is it worth to look again? */
static bool
is_restless(const struct gr_leak_work *w)
{
	for (uint32_t i = 0; i < gr_procs_ever; i++)
		if (gr_procs[i]->timers.n)
			return true;
	for (uint32_t i = 0; i < w->census.g.n; i++) {
		const struct gr_census_g *g = gr_census_g(&w->census, i);

		if (!g->parked && g->id != w->caller &&
		    !(g->g->flags & GORO_ABI_G_SYSTEM))
			return true;
	}
	return false;
}

static bool
take_and_mark(struct gr_leak_work *w)
{
	struct gr_census *c = &w->census;

	c->world = &w->world;
	c->own_lo = (uintptr_t)w;
	c->own_hi = (uintptr_t)(w + 1);
	c->proven = &proven;
	c->caller_ended = w->leak.ask.main_ended;
	c->extra = GR_VEC(struct gr_reach_span);
	gr_leak_copy_roots(&c->extra);
	if (!gr_census_take(c, &w->here))
		return false;
	confirm(w);
	return gr_reach_run(&c->reach);
}

static void
find(struct gr_leak_work *w)
{
	struct gr_census *c = &w->census;

	if (!take_and_mark(w)) {
		w->leak.err = -ENOMEM;
	} else {
		gr_modules_read(&w->leak.modules);
		gr_names_init(&w->leak.names, &w->leak.modules);
		w->leak.rows = (struct gr_rows){
			w->leak.row_slots,
			sizeof(w->leak.row_slots) / sizeof(struct gr_row) - 1
		};
		gr_rows_clear(&w->leak.rows);
		w->leak.exact_heap = c->heap != NULL;
		w->leak.goroutines = c->g.n;
		w->leak.scanned = c->reach.scanned;
		w->leak.restless = is_restless(w);
		/* First the channels: what is measured below gets marked. */
		gr_leak_find_channels(w);
		gr_leak_find_hints(w);
		gr_leak_find_goroutines(w);
		gr_leak_explain(w);
	}
	gr_census_fini(c);
	gr_vec_fini(&c->extra);
}

/* Stop the world, and that at a moment in which its registers say little, if
 * one can be found: a worker that found nothing to do is soon asleep. */
static void
stop(struct gr_leak_work *w)
{
	for (int i = 0;; i++) {
		w->leak.err = gr_world_stop(&w->world);
		if (w->leak.err || i == TRIES ||
		    !gr_roots_would_settle(&w->world))
			return;
		gr_world_start(&w->world);
		gr_vec_fini(&w->world.threads);
		usleep(FIRST_PAUSE_US << i);
	}
}

static void
stop_and_find(void *arg)
{
	struct gr_leak_work *w = arg;
	int64_t start_ns = gr_now_ns();
#ifdef GR_ASAN
	const void *lo;
	size_t bytes;

	__sanitizer_finish_switch_fiber(NULL, &lo, &bytes);
#endif
	stop(w);
	if (!w->leak.err) {
		find(w);
		gr_world_start(&w->world);
	}
	w->leak.culprit = w->world.culprit;
	w->leak.stopped_ns = gr_now_ns() - start_ns;
	gr_vec_fini(&w->world.threads);
#ifdef GR_ASAN
	__sanitizer_start_switch_fiber(NULL, lo, bytes);
#endif
}

struct gr_leak *
gr_leak_run(const struct gr_leak_ask *ask)
{
	struct gr_m *m = gr_m_self();
	struct gr_leak_work *w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (w == MAP_FAILED)
		return NULL;
	w->leak.ask = *ask;
	w->leak.group = GR_VEC(struct gr_leak_group);
	w->leak.id = GR_VEC(struct gr_leak_id);
	w->caller = m && m->g ? m->g->id : 0;
	if (gr_xchg_acq_rel(&checking, 1)) { /* [pair leak-checking] */
		w->leak.err = -EBUSY;
		return &w->leak;
	}
	if (m && m->g)
		m->g->preempt_off++;
	gr_regs_capture(&w->here);
#ifdef GR_ASAN
	void *fake;

	__sanitizer_start_switch_fiber(&fake, w->stack, GR_LEAK_STACK_BYTES);
#endif
	gr_stack_call(w->stack + GR_LEAK_STACK_BYTES, stop_and_find, w);
#ifdef GR_ASAN
	__sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
	if (m && m->g)
		m->g->preempt_off--;
	gr_store_rel(&checking, 0); /* [pair leak-checking] */
	return &w->leak;
}

void
gr_leak_free(struct gr_leak *l)
{
	struct gr_leak_work *w = (struct gr_leak_work *)l;

	gr_vec_fini(&l->group);
	gr_vec_fini(&l->id);
	if (l->names.symtab_good)
		gr_symtab_close(&l->names.symtab);
	munmap(w, sizeof(*w));
}
