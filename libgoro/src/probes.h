/* SPDX-License-Identifier: MIT */
/*
 * probes.h - static trace points (USDT), for bpftrace, perf and SystemTap
 *
 * A probe is a nop and a note in the file; its arguments are values at hand.
 * Where <sys/sdt.h> is missing at build time there are none. docs/PROBES.md
 * lists them.
 */
#ifndef GR_PROBES_H
#define GR_PROBES_H

#ifdef GR_WITH_PROBES
#include <sys/sdt.h>
#define GR_PROBE1(name, a) DTRACE_PROBE1(goro, name, a)
#define GR_PROBE2(name, a, b) DTRACE_PROBE2(goro, name, a, b)
#define GR_PROBE3(name, a, b, c) DTRACE_PROBE3(goro, name, a, b, c)
#else
#define GR_PROBE1(name, a) ((void)0)
#define GR_PROBE2(name, a, b) ((void)0)
#define GR_PROBE3(name, a, b, c) ((void)0)
#endif

#endif
