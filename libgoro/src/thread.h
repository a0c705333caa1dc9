/* SPDX-License-Identifier: MIT */
/*
 * thread.h - the runtime's OS threads (M)
 */
#ifndef GR_THREAD_H
#define GR_THREAD_H

#include <stdbool.h>

#include "sched.h"

int gr_thread_start(struct gr_p *p, bool spinning);
int gr_threads_alive(void);
bool gr_threads_end(int patience_ms);

/* thread_lock.c */
struct gr_g *gr_locked_next(struct gr_m *m);
void gr_locked_ending(struct gr_m *m);

#endif
