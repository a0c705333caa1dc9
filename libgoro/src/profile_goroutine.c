// SPDX-License-Identifier: MIT
/*
 * profile_goroutine.c - goroutines alive, by stack or by origin
 *
 * Idea       As a traceback (snapshot.h): each is walked where it lies, and
 *            its state word tells whether it stayed parked meanwhile. Nothing
 *            is stopped, so the profile is of many moments. One that runs is
 *            interrupted for the microseconds of a copy (capture.h).
 */
#include "capture.h"
#include "code.h"
#include "labels.h"
#include "profile.h"
#include "sched.h"

enum { TRIES = 4 };
#define PATIENCE_NS 1000000000ll /* for those that run */

/* What another thread may be writing is read on purpose. */
#define NO_SANITIZE \
	__attribute__((no_sanitize("address"), no_sanitize("thread"), noinline))

struct roll {
	struct gr_traces *ts;
	struct gr_code *code;
	const struct gr_g *self; /* the caller's, which is at: */
	const struct gr_regs *here;
	struct gr_manners manners;
	enum gr_profile_kind kind;
	uint64_t value; /* of each */
	bool creators;  /* as part of what they are summed by */
	void (*fn)(const struct gr_profile_wait *wait, void *arg);
	void *arg; /* GR_PROFILE_WAIT: for those that wait only */
	uintptr_t pc[GR_TRACE_DEPTH];
};

/* Fields of a goroutine, as they were at one moment or a torn lot. */
struct look {
	uintptr_t sp, lo, hi, entry, creator_pc;
	struct gr_labels *labels;
	uint64_t since;
	unsigned flags, reason;
};

static NO_SANITIZE void
look_at(const struct gr_g *g, struct look *ret)
{
	ret->sp = (uintptr_t)g->sp;
	ret->lo = g->stack_lo;
	ret->hi = g->stack_hi;
	ret->entry = (uintptr_t)g->fn;
	ret->creator_pc = g->creator_pc;
	ret->flags = g->flags;
	ret->since = g->wait_since;
	ret->reason = g->wait_reason;
	/* [pair labels] [pair labels-hold] acquire: the set is whole, and the
	 * caller keeps it from being freed. */
	ret->labels = gr_load_acq(&g->labels);
}

static NO_SANITIZE void
copy_context(uintptr_t at, struct gr_context *ret)
{
	const volatile uint64_t *from = (const uint64_t *)at;
	uint64_t *to = (uint64_t *)ret;

	for (size_t i = 0; i < sizeof(*ret) / sizeof(*to); i++)
		to[i] = from[i];
}

/* One that is on a thread, by that thread's help; where it gives none, what it
 * was started with. */
static uint32_t
walk_running(struct roll *r, const struct gr_g *g, const struct look *l)
{
	const struct gr_walker w = { &r->code->modules, &r->code->rows };
	const struct gr_frame *f;
	struct gr_snapshot s;
	uint32_t n = 0;

	if (r->kind == GR_PROFILE_GOROUTINE &&
	    gr_snapshot_living(&w, g, &r->manners, &s))
		for (; n < GR_TRACE_DEPTH && (f = gr_frames_get(&s.frames, n));
		     n++)
			r->pc[n] = f->pc - !f->exact;
	if (!n)
		r->pc[n++] = l->entry;
	return n;
}

static uint32_t
walk(struct roll *r, const struct gr_g *g, const struct look *l, unsigned state)
{
	struct gr_unwind u = { .lo = l->sp, .hi = l->hi };
	struct gr_context context;

	if (g == r->self) {
		u.regs = *r->here;
		u.lo = l->lo;
		u.exact = true;
		return gr_code_walk(r->code, &u, 0, r->pc, GR_TRACE_DEPTH);
	}
	if (l->flags & GORO_ABI_G_FRESH) {
		r->pc[0] = l->entry;
		return 1;
	}
	if (state == GORO_ABI_RUNNING || state == GORO_ABI_SYSCALL)
		return walk_running(r, g, l);
	if (l->sp < l->lo || l->sp > l->hi || l->sp % 8 ||
	    l->hi - l->sp < sizeof(context))
		return 0;
	copy_context(l->sp, &context);
	gr_regs_from_context(&u.regs, &context, l->sp);
	return gr_code_walk(r->code, &u, 0, r->pc, GR_TRACE_DEPTH);
}

static void
add(struct roll *r, const struct look *l, uint32_t n)
{
	struct gr_trace_key key = { r->pc, n, 0, l->labels,
				    r->creators ? l->creator_pc : 0 };

	if (r->kind == GR_PROFILE_WAIT) {
		key.tag = l->reason < GORO_WAIT_REASONS ? l->reason : 0;
		r->fn(&(struct gr_profile_wait){ &key, l->since }, r->arg);
		return;
	}
	if (r->kind == GR_PROFILE_CREATION) {
		r->pc[0] = l->entry;
		if (l->creator_pc)
			r->pc[1] = l->creator_pc - 1;
		key.n = 1 + (l->creator_pc != 0);
	}
	gr_traces_add(r->ts, &key, 1, r->value);
}

static bool
count(struct gr_g *g, uint64_t word, void *arg)
{
	struct roll *r = arg;
	struct look l;

	for (int i = 0; i < TRIES; i++) {
		unsigned state = GORO_ABI_STATE(word);
		uint32_t n = 0;

		if (state == GORO_ABI_FREE ||
		    (r->kind == GR_PROFILE_WAIT && state != GORO_ABI_WAITING))
			return true;
		look_at(g, &l);
		if (l.flags & GORO_ABI_G_SYSTEM)
			return true;
		if (r->kind != GR_PROFILE_CREATION)
			n = walk(r, g, &l, state);
		/* [pair word] all of that was read before this: equal means
		 * that nobody ran it meanwhile. Of one that ran the copy is
		 * true, whatever it has done since. */
		gr_rmb();
		if (gr_load_rlx(g->word) == word ||
		    (n > 1 && GORO_ABI_UNSTABLE(word))) {
			add(r, &l, n);
			return true;
		}
		word = gr_load_acq(g->word); /* [pair word] */
	}
	if (r->kind == GR_PROFILE_WAIT)
		return true;
	r->pc[0] = l.entry; /* too lively to be looked at */
	add(r, &l, 1);
	return true;
}

/* The runtime's threads: nobody knows any more who made them start one. */
static void
count_threads(struct gr_traces *ts)
{
	uintptr_t pc = (uintptr_t)gr_schedule;

	/* [pair threads] */
	for (struct gr_m *m = gr_load_acq(&gr_threads); m; m = m->next)
		if (gr_load_acq(&m->tid))
			gr_traces_add(
				ts, &(struct gr_trace_key){ .pc = &pc, .n = 1 },
				1, 0);
}

void
gr_profile_goroutines(struct gr_traces *ts, enum gr_profile_kind kind,
		      const struct gr_regs *here, uint64_t value, bool creators)
{
	const struct gr_m *m = gr_m_self();
	struct roll r = {
		.ts = ts,
		.code = gr_code_now(),
		.self = m && here ? m->g : NULL,
		.here = here,
		.kind = kind,
		.value = value,
		.creators = creators,
	};

	if (kind == GR_PROFILE_THREADCREATE) {
		count_threads(ts);
		return;
	}
	r.manners.until_ns = gr_now_ns() + PATIENCE_NS;
	gr_capture_begin();
	gr_g_each(count, &r);
	gr_capture_end();
}

/* Call @fn for each goroutine that waits. */
void
gr_profile_waits(void (*fn)(const struct gr_profile_wait *wait, void *arg),
		 void *arg)
{
	struct roll r = {
		.code = gr_code_now(),
		.kind = GR_PROFILE_WAIT,
		.fn = fn,
		.arg = arg,
	};

	gr_g_each(count, &r);
}
