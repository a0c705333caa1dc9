/* SPDX-License-Identifier: MIT */
/*
 * monitor.h - the thread that watches the workers (Go's sysmon)
 */
#ifndef GR_MONITOR_H
#define GR_MONITOR_H

#include <stdint.h>

int gr_monitor_start(void);
void gr_monitor_stop(void);
void gr_monitor_poke(void);

int gr_monitor_threads(void);

/* How soon it will look again; a hint for those who may poke it. */
enum { GR_MONITOR_AWAKE, GR_MONITOR_SLOW, GR_MONITOR_ASLEEP };
extern uint32_t gr_monitor_slow; /* [pair monitor] */

#endif
