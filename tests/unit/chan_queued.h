/* SPDX-License-Identifier: MIT */
/*
 * chan_queued.h - who waits on a channel, for tests that must not go on before
 * somebody does
 */
#ifndef CHAN_QUEUED_H
#define CHAN_QUEUED_H

#include "chan.h"

static inline int
chan_queued(struct goro_chan *ch, const struct gr_waitq *q)
{
	int n = 0;

	gr_lock(&ch->lock);
	for (struct gr_waiter *w = q->first; w; w = w->next)
		n++;
	gr_unlock(&ch->lock);
	return n;
}

#define RECEIVERS(ch) chan_queued(ch, &(ch)->recvq)
#define SENDERS(ch) chan_queued(ch, &(ch)->sendq)

#endif
