// SPDX-License-Identifier: MIT
/*
 * unclosed.c - open channels that somebody forgot to close, or to read
 */
#include "chan.h"
#include "leak/test.h"
#include "leak/work.h"

static uint32_t
stuck_in(struct gr_leak_work *w, const struct gr_waitq *q)
{
	uint32_t i = q->first ? gr_census_by_id(&w->census, q->first->g->id) :
				GR_REACH_NONE;

	return i != GR_REACH_NONE && gr_leak_is_stuck(w, i) ? i : GR_REACH_NONE;
}

/* Did somebody forget to close it, or to read what is in it? */
static bool
is_unclosed(struct gr_leak_work *w, uint32_t i)
{
	const struct gr_reach_obj *o = gr_reach_obj(&w->census.reach, i);
	const struct goro_chan *ch = (const struct goro_chan *)o->lo;
	uint32_t receiver;

	if (!o->channel || ch->kind != GORO_ABI_CHAN_PLAIN || ch->closed)
		return false;
	/* Those who are stuck sending are told of by themselves. */
	if (ch->len)
		return !o->marked && !ch->sendq.first;
	receiver = stuck_in(w, &ch->recvq);
	return ch->sent && receiver != GR_REACH_NONE &&
	       gr_census_g(&w->census, receiver)->g->wait_reason ==
		       GORO_WAIT_CHAN_RECV;
}

static void
add_unclosed(struct gr_leak_work *w, uint32_t test,
	     const struct gr_leak_obj *obj)
{
	struct gr_leak_group like = {
		.kind = GORO_LEAK_UNCLOSED_CHAN,
		.n = 1,
		.creator_id = obj->creator_id,
		.creator_pc = obj->creator_pc,
		.obj = *obj,
	};

	if (w->leak.ask.test && test != w->leak.ask.test)
		return;
	if (!gr_leak_is_ignored(&w->leak, &like) && gr_leak_group_of(w, &like))
		w->leak.count[GORO_LEAK_UNCLOSED_CHAN]++;
}

void
gr_leak_find_channels(struct gr_leak_work *w)
{
	struct gr_leak_obj obj;

	for (uint32_t i = 0; i < w->census.obj.n && !w->leak.err; i++) {
		const struct gr_reach_obj *o = gr_reach_obj(&w->census.reach,
							    i);

		if (!is_unclosed(w, i))
			continue;
		gr_leak_describe(w, i, &obj);
		add_unclosed(w, ((const struct goro_chan *)o->lo)->test, &obj);
	}
	for (size_t i = 0; i < gr_leak_dropped_all()->n && !w->leak.err; i++) {
		const struct gr_leak_dropped *d = gr_vec_at(
			gr_leak_dropped_all(), struct gr_leak_dropped, i);

		add_unclosed(w, d->test, &d->obj);
	}
}
