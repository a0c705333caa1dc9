/* SPDX-License-Identifier: MIT */
/*
 * chan_slab.h - where channels live
 *
 * Idea       Channels come from slabs of the runtime's own instead of malloc,
 *            so that every channel there is can be enumerated from outside,
 *            without a list that each creation would have to lock.
 */
#ifndef GR_CHAN_SLAB_H
#define GR_CHAN_SLAB_H

#include <stdint.h>

struct gr_chan_slab {
	struct gr_chan_slab *next; /* [pair slabs] */
	char *base;
	uint64_t stride, count;
	uint64_t carved; /* [pair slab-carved] */
};

extern struct gr_chan_slab *gr_chan_slabs; /* [pair slabs] */

#endif
