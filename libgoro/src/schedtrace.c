// SPDX-License-Identifier: MIT
/*
 * schedtrace.c - the scheduler's state, one line at a time, in Go's form
 *
 * Source     Go, runtime/proc.go schedtrace()
 */
#include "schedtrace.h"

#include <stdio.h>
#include <unistd.h>

#include "goro/goro.h"
#include "idle.h"
#include "options.h"
#include "sched.h"
#include "thread.h"

static void
write_line(int64_t since_start_ms)
{
	uint32_t n = gr_load_acq(&gr_procs_n); /* [pair procs] */
	char line[128 + 12 * GR_MAX_PROCS];
	/* [relaxed] a picture of what others change meanwhile. */
	uint32_t idle = gr_load_rlx(&gr_idle_n);
	int at;

	at = snprintf(line, sizeof(line),
		      "SCHED %lldms: gomaxprocs=%u idleprocs=%u threads=%d "
		      "spinningthreads=%u needspinning=0 idlethreads=%u "
		      "runqueue=%u [",
		      (long long)since_start_ms, n, idle, gr_threads_alive() + 1,
		      gr_load_rlx(&gr_spinning), idle, gr_globq_len());
	for (uint32_t i = 0; i < n; i++) {
		struct gr_runq *q = &gr_procs[i]->runq;

		at += snprintf(line + at, sizeof(line) - at, "%s%u",
			       i ? " " : "",
			       gr_runq_len(q) + (gr_load_rlx(&q->next) != NULL));
	}
	at += snprintf(line + at, sizeof(line) - at, "]\n");
	if (write(STDERR_FILENO, line, at) < 0)
		gr_options.schedtrace_ms = 0; /* nobody reads it any more */
}

int64_t
gr_schedtrace(int64_t now_ns)
{
	static int64_t start_ns, next_ns;
	int64_t period_ns = gr_options.schedtrace_ms * 1000000;

	if (period_ns <= 0) {
		start_ns = 0;
		return GORO_FOREVER;
	}
	if (!start_ns)
		start_ns = next_ns = now_ns;
	if (now_ns >= next_ns) {
		write_line((now_ns - start_ns) / 1000000);
		next_ns += period_ns * (1 + (now_ns - next_ns) / period_ns);
	}
	return next_ns;
}
