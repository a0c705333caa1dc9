/* SPDX-License-Identifier: MIT */
/*
 * goro_timer.h - what a channel knows of the timer that it belongs to
 */
#ifndef GR_GORO_TIMER_H
#define GR_GORO_TIMER_H

#include <stdbool.h>

struct goro_timer;

/* Its channel's last reference has been given back. */
void gr_chan_timer_free(struct goro_timer *t);

/*
 * Somebody polls its channel in vain: fire it if it is due, since the poller
 * may be what keeps this worker from its timers. True when it was.
 */
bool gr_chan_timer_poll(struct goro_timer *t);

/* Will it fire by itself? While nothing moves. */
bool gr_chan_timer_is_armed(const struct goro_timer *t);

#endif
