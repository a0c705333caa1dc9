// SPDX-License-Identifier: MIT
/*
 * dropped.c - open channels whose last reference was given back with items in
 * them: nobody will ever receive those
 *
 * Idea       A loop may drop many, and each counts.
 * Locks      dropped.lock, right of the channels'.
 */
#include <string.h>

#include "chan.h"
#include "leak/left.h"
#include "leak/test.h"

static struct {
	struct gr_lock lock;
	struct gr_vec v; /* struct gr_leak_dropped */
} dropped = { .v = { .bytes = sizeof(struct gr_leak_dropped) } };

static struct gr_leak_dropped *
new_one(void)
{
	/* [relaxed] see left.h */
	size_t most = gr_load_rlx(&gr_leak_watches) ? GR_LEAK_DROPPED :
						      GR_LEAK_DROPPED_UNWATCHED;

	return dropped.v.n < most ? gr_vec_push(&dropped.v) : NULL;
}

void
gr_leak_dropped(const struct goro_chan *ch)
{
	struct gr_leak_dropped *d;

	if (ch->kind != GORO_ABI_CHAN_PLAIN)
		return;
	gr_lock(&dropped.lock);
	d = new_one();
	if (d) {
		d->test = ch->test;
		d->obj = (struct gr_leak_obj){
			/* Not its address, which the next one will have. */
			.id = ch->id,
			.creator_id = ch->creator_id,
			.creator_pc = ch->creator_pc,
			.elem_bytes = ch->elem_bytes,
			.cap = ch->cap,
			.len = ch->len,
			.reason = GORO_WAIT_CHAN_RECV,
		};
		if (ch->name)
			strncpy(d->obj.name, ch->name, sizeof(d->obj.name) - 1);
	}
	gr_unlock(&dropped.lock);
}

const struct gr_vec *
gr_leak_dropped_all(void)
{
	return &dropped.v;
}

void
gr_leak_dropped_reset(void)
{
	dropped.v.n = 0;
}
