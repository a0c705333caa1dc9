// SPDX-License-Identifier: MIT
/*
 * profile_objects.c - channels by who made them; goroutines that leaked
 */
#include <errno.h>

#include "chan.h"
#include "chan_slab.h"
#include "leak/leak.h"
#include "profile.h"
#include "waitq.h"

/* What a channel is like, as a tag; the first that is true. */
enum { PLAIN, RECEIVERS_WAIT, SENDERS_WAIT, FULL, EMPTY, PARTLY_FULL };

/* What others may be using, or freeing, is read on purpose: what is read may be
 * of two moments, but is in no way followed. */
#define NO_SANITIZE \
	__attribute__((no_sanitize("address"), no_sanitize("thread")))

const char *
gr_profile_chan_text(uint32_t tag)
{
	static const char *const texts[] = {
		"",     "receivers wait", "senders wait",
		"full", "empty",          "partly full"
	};

	return texts[tag];
}

/* [relaxed] [pair chan-peek] a look without the lock */
static NO_SANITIZE uint32_t
tag_of(const struct goro_chan *ch, uint64_t len)
{
	if (gr_load_rlx(&ch->recvq.first))
		return RECEIVERS_WAIT;
	if (gr_load_rlx(&ch->sendq.first))
		return SENDERS_WAIT;
	if (!ch->cap)
		return PLAIN;
	return len >= ch->cap ? FULL : len ? PARTLY_FULL : EMPTY;
}

/* The entry of channels like this one; its items, too. NULL: no room. */
static NO_SANITIZE struct gr_trace *
trace_of(struct gr_traces *ts, const struct goro_chan *ch, uint64_t *ret_items)
{
	uintptr_t pc = ch->creator_pc - 1;
	uint64_t len = gr_load_rlx(&ch->len), cap = ch->cap;
	const struct gr_trace_key key = { .pc = &pc,
					  .n = ch->creator_pc != 0,
					  .tag = tag_of(ch, len) };

	*ret_items = len <= cap ? len : cap;
	return gr_traces_get(ts, &key);
}

static void
add_chan(struct gr_traces *ts, const struct goro_chan *ch)
{
	uint64_t items;
	struct gr_trace *t = trace_of(ts, ch, &items);

	if (!t) {
		gr_traces_lose(ts, 1, items);
		return;
	}
	/* [pair trace-sums] [relaxed] nobody else knows this table. */
	gr_add_rlx(&t->count, 1);
	gr_add_rlx(&t->value, items);
}

static void
each_chan(void (*fn)(struct gr_traces *ts, const struct goro_chan *ch),
	  struct gr_traces *ts)
{
	struct gr_chan_slab *s = gr_load_acq(&gr_chan_slabs); /* [pair slabs] */

	for (; s; s = s->next) {
		/* [pair slab-carved] */
		uint64_t carved = gr_load_acq(&s->carved);

		for (uint64_t i = 0; i < carved; i++) {
			const struct goro_chan *ch =
				(struct goro_chan *)(s->base + i * s->stride);

			if (gr_load_acq(&ch->id)) /* [pair chan-id] */
				fn(ts, ch);
		}
	}
}

/* Is there a channel at @at? It was read where all may change. */
static bool
is_chan(uintptr_t at)
{
	struct gr_chan_slab *s = gr_load_acq(&gr_chan_slabs); /* [pair slabs] */

	for (; s; s = s->next) {
		uint64_t off = at - (uintptr_t)s->base;

		/* [pair slab-carved] [pair chan-id] */
		if (off < gr_load_acq(&s->carved) * s->stride)
			return off % s->stride == 0 &&
			       gr_load_acq(&((struct goro_chan *)at)->id);
	}
	return false;
}

static void
add_waiter(struct gr_traces *ts, const struct gr_waiter *w)
{
	struct gr_trace *t;
	uint64_t items;

	if (w->dir == GR_WAITER_OTHER || !is_chan((uintptr_t)w->obj))
		return;
	t = trace_of(ts, w->obj, &items);
	if (t) /* [pair trace-more] [relaxed] as above */
		gr_add_rlx(w->dir == GR_WAITER_SEND ? &t->more_count :
						      &t->more_value,
			   1);
}

enum { WAITERS = 64 }; /* of one goroutine that are looked at */

/* Copies of the waiters of a goroutine that waits; how many. */
static NO_SANITIZE unsigned
copy_waiters(const struct gr_g *g, uint64_t word, struct gr_waiter *ret)
{
	const struct gr_waiter *from = g->waiters;
	uintptr_t at = (uintptr_t)from;
	unsigned n = g->wait_n < WAITERS ? g->wait_n : WAITERS;

	if (at % 8 || at < g->stack_lo || at > g->stack_hi ||
	    g->stack_hi - at < n * sizeof(*from))
		return 0;
	for (unsigned i = 0; i < n; i++) {
		ret[i].obj = from[i].obj;
		ret[i].dir = from[i].dir;
	}
	/* [pair word] all of that was read before this: equal means that it
	 * has waited all the time. */
	gr_rmb();
	return gr_load_rlx(g->word) == word ? n : 0;
}

static bool
add_waiters(struct gr_g *g, uint64_t word, void *arg)
{
	struct gr_waiter w[WAITERS];
	unsigned n = GORO_ABI_STATE(word) == GORO_ABI_WAITING ?
			     copy_waiters(g, word, w) :
			     0;

	for (unsigned i = 0; i < n; i++)
		add_waiter(arg, &w[i]);
	return true;
}

void
gr_profile_chans(struct gr_traces *ts)
{
	each_chan(add_chan, ts);
	gr_g_each(add_waiters, ts);
}

int
gr_profile_leaks(struct gr_traces *ts)
{
	struct gr_leak *l = gr_leak_run(&(struct gr_leak_ask){ .when = "profil"
								       "e" });
	int err = l ? l->err : -ENOMEM;

	for (uint32_t i = 0; !err && i < l->group.n; i++) {
		const struct gr_leak_group *g = gr_leak_group(l, i);
		uintptr_t pc[GR_LEAK_FRAMES];
		struct gr_trace_key key = { .pc = pc, .n = g->frames_n };

		if (g->kind != GORO_LEAK_PROVEN &&
		    g->kind != GORO_LEAK_DEADLOCK)
			continue;
		for (unsigned k = 0; k < g->frames_n; k++)
			pc[k] = g->frame[k] - !(k == 0 && g->exact);
		gr_traces_add(ts, &key, g->n, 0);
	}
	if (l)
		gr_leak_free(l);
	return err;
}
