// SPDX-License-Identifier: MIT
/*
 * walks.c - stacks that were walked before, known again
 */
#include "walks.h"

#include <sys/mman.h>

#include "code.h"
#include "labels.h"
#include "sched.h"

enum {
	WORDS = 24, /* return addresses of a walk */
	SETS = 128, /* a power of two */
	WAYS = 4,
	ROOM = 4096, /* what making a row takes of the stack, and more */
};

struct walk {
	const struct gr_code *code; /* whose rows it was walked by */
	const struct gr_traces *ts;
	struct gr_trace *trace;
	uint32_t depth; /* bytes, from the stack pointer to the stack's end */
	uint32_t n;
	uint32_t at[WORDS]; /* bytes above the stack pointer */
	uintptr_t ra[WORDS];
};

struct walks {
	uint32_t next; /* of a set, to be replaced */
	struct walk set[SETS][WAYS];
};

static struct walks *of_p[GR_MAX_PROCS]; /* each its P's; none else looks */

static struct walks *
mine(const struct gr_p *p)
{
	struct walks *w = of_p[p->id];

	if (w)
		return w;
	w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return w == MAP_FAILED ? NULL : (of_p[p->id] = w);
}

/* A load from a stack passes the red zones of the sanitizers. */
static __attribute__((no_sanitize("address"), no_sanitize("thread"))) bool
same_words(const struct walk *w, uintptr_t sp)
{
	for (uint32_t i = 0; i < w->n; i++)
		if (*(const uintptr_t *)(sp + w->at[i]) != w->ra[i])
			return false;
	return true;
}

static struct gr_trace *
find(const struct walk *set, uint32_t depth, const struct gr_code *code,
     const struct gr_traces *ts, const struct gr_trace_key *key, uintptr_t sp)
{
	for (unsigned i = 0; i < WAYS; i++) {
		const struct walk *w = &set[i];

		if (w->depth == depth && w->code == code && w->ts == ts &&
		    w->trace->tag == key->tag && same_words(w, sp) &&
		    gr_labels_equal(w->trace->labels, key->labels))
			return w->trace;
	}
	return NULL;
}

/* Where the return addresses of a walk lie. False: nothing to be relied on. */
static bool
learn(struct walk *w, struct gr_code *code, const uintptr_t *pc, uint32_t n)
{
	uintptr_t up = 0; /* from the stack pointer at the start */

	for (w->n = 0;; w->n++) {
		const struct gr_row *row = gr_rows_find(&code->rows, pc[w->n]);
		unsigned rule = row ? gr_row_rule(row, GR_REG_RA_INDEX) :
				      GR_RULE_UNDEF;

		if (!row || row->flags)
			return false;
		if (w->n == n - 1)
			return rule == GR_RULE_UNDEF; /* the outermost */
		if (row->cfa_reg != GR_REG_SP || rule != GR_RULE_CFA ||
		    w->n == WORDS)
			return false;
		up += (uintptr_t)(intptr_t)row->cfa_offset;
		w->at[w->n] = (uint32_t)(up +
					 (uintptr_t)(intptr_t)
						 row->offset[GR_REG_RA_INDEX]);
		w->ra[w->n] = pc[w->n + 1] + 1; /* behind the call */
	}
}

/* @u is in our caller's frame, which is left out. */
static __attribute__((noinline)) struct gr_trace *
walk(struct gr_unwind *u, struct walks *walks, struct walk *set,
     const struct gr_trace_key *key, struct gr_code *code, struct gr_traces *ts)
{
	struct walk fresh = { .code = code,
			      .ts = ts,
			      .depth = (uint32_t)(u->hi - u->lo) };
	uintptr_t pc[GR_TRACE_DEPTH + 1];
	uint32_t n = gr_code_walk(code, u, 0, pc, GR_TRACE_DEPTH + 1);
	struct gr_trace_key whole = *key;

	whole.pc = pc + 1;
	whole.n = n - 1;
	fresh.trace = gr_traces_get(ts, &whole);
	if (fresh.trace && set && learn(&fresh, code, pc, n))
		set[walks->next++ % WAYS] = fresh;
	return fresh.trace;
}

__attribute__((noinline)) struct gr_trace *
gr_walks_trace(const struct gr_m *m, struct gr_traces *ts, unsigned tag)
{
	const struct gr_g *g = m->g;
	const struct gr_trace_key key = { .tag = tag, .labels = g->labels };
	struct gr_code *code = gr_code_now();
	struct walks *walks = mine(m->p);
	struct walk *set = NULL;
	struct gr_unwind u;

	gr_regs_capture(&u.regs);
	u.lo = u.regs.r[GR_REG_SP];
	u.hi = g->stack_hi;
	u.shift = 0;
	u.exact = true;
	if (walks) {
		uint32_t depth = (uint32_t)(u.hi - u.lo);
		uint64_t h = depth ^ (uint64_t)tag << 32 ^ (uintptr_t)g->fn;
		struct gr_trace *t;

		h *= 0x9e3779b97f4a7c15ull;
		set = walks->set[h >> 32 & (SETS - 1)];
		t = find(set, depth, code, ts, &key, u.lo);
		if (t)
			return t;
	}
	if (u.lo < g->stack_lo + ROOM) /* no stack to walk the stack on */
		return NULL;
	return walk(&u, walks, set, &key, code, ts);
}
