// SPDX-License-Identifier: MIT
/*
 * profile_objects.c - channels by who made them; goroutines that leaked
 */
#include <errno.h>

#include "chan.h"
#include "chan_slab.h"
#include "leak/leak.h"
#include "profile.h"

/* What a channel is like, as a tag; the first that is true. */
enum { PLAIN, RECEIVERS_WAIT, SENDERS_WAIT, FULL };

const char *
gr_profile_chan_text(uint32_t tag)
{
	static const char *const texts[] = { "", "receivers wait",
					     "senders wait", "full" };

	return texts[tag];
}

/* A channel that others may be using, or freeing, is read on purpose: what is
 * read may be of two moments, but is in no way followed. */
static __attribute__((no_sanitize("address"), no_sanitize("thread"))) void
add_chan(struct gr_traces *ts, const struct goro_chan *ch)
{
	uintptr_t pc = ch->creator_pc - 1;
	struct gr_trace_key key = { .pc = &pc, .n = ch->creator_pc != 0 };
	uint64_t len = gr_load_rlx(&ch->len), cap = ch->cap;

	/* [relaxed] [pair chan-peek] a look without the lock */
	if (gr_load_rlx(&ch->recvq.first))
		key.tag = RECEIVERS_WAIT;
	else if (gr_load_rlx(&ch->sendq.first))
		key.tag = SENDERS_WAIT;
	else if (cap && len >= cap)
		key.tag = FULL;
	gr_traces_add(ts, &key, 1, len <= cap ? len : cap);
}

void
gr_profile_chans(struct gr_traces *ts)
{
	struct gr_chan_slab *s = gr_load_acq(&gr_chan_slabs); /* [pair slabs] */

	for (; s; s = s->next) {
		/* [pair slab-carved] */
		uint64_t carved = gr_load_acq(&s->carved);

		for (uint64_t i = 0; i < carved; i++) {
			const struct goro_chan *ch =
				(struct goro_chan *)(s->base + i * s->stride);

			if (gr_load_acq(&ch->id)) /* [pair chan-id] */
				add_chan(ts, ch);
		}
	}
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
