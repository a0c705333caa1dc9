/* SPDX-License-Identifier: MIT */
/*
 * options.h - GORODEBUG: comma-separated NAME=VALUE, read once a run
 */
#ifndef GR_OPTIONS_H
#define GR_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct gr_options {
	bool async_preempt_off; /* asyncpreemptoff=1 */
	int64_t slice_us;       /* slice=US: a goroutine's share; 10,000 */
	int64_t schedtrace_ms;  /* schedtrace=MS; 0: off */
	int guard;              /* guard=none|mprotect|install: enum gr_guard */
	int64_t flight_ns;      /* flightrec=SECONDS; 0: off */
	bool sigsegv_off;       /* sigsegv=off: no word on stack overflows */
	int sigquit;            /* sigquit=exit|continue|off: enum gr_sigquit */
};

extern struct gr_options gr_options;

void gr_options_read(void);

/* sigprof=VALUE, of CPU profiles; asked for outside of runs too. */
enum gr_sigprof {
	GR_SIGPROF_ANY,
	GR_SIGPROF_TIMERS, /* timers: no perf events */
	GR_SIGPROF_OFF,    /* off: it is left to the program */
};
enum gr_sigprof gr_option_sigprof(void);

/* memprofilerate=BYTES: one sample in so many, of heap profiles; 0: none. */
int64_t gr_option_heap_rate(int64_t usual);

#endif
