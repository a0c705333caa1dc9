// SPDX-License-Identifier: MIT
/*
 * dropped.c - open channels whose last reference was given back with items in
 * them: nobody will ever receive those
 *
 * Locks      dropped.lock, right of the channels'.
 */
#include <string.h>

#include "chan.h"
#include "leak/leak.h"
#include "leak/test.h"

static struct {
	struct gr_lock lock;
	unsigned n;
	struct {
		uint32_t test;
		struct gr_leak_obj obj;
	} v[GR_LEAK_DROPPED];
} dropped;

void
gr_leak_dropped(const struct goro_chan *ch)
{
	struct gr_leak_obj *o;

	if (ch->kind != GORO_ABI_CHAN_PLAIN)
		return;
	gr_lock(&dropped.lock);
	if (dropped.n < GR_LEAK_DROPPED) {
		dropped.v[dropped.n].test = ch->test;
		o = &dropped.v[dropped.n++].obj;
		*o = (struct gr_leak_obj){
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
			strncpy(o->name, ch->name, sizeof(o->name) - 1);
	}
	gr_unlock(&dropped.lock);
}

unsigned
gr_leak_dropped_n(void)
{
	return dropped.n;
}

/* While the world stands, or by who is alone: returns its test. */
uint32_t
gr_leak_dropped_get(unsigned i, struct gr_leak_obj *ret)
{
	*ret = dropped.v[i].obj;
	return dropped.v[i].test;
}

void
gr_leak_dropped_reset(void)
{
	dropped.n = 0;
}
