// SPDX-License-Identifier: MIT
/*
 * render_threads.c - the threads below the goroutines, a line each
 *
 *	thread 4711 "server" [running, 1.25s]: goroutine 7
 *	thread 4712 "server" [sleeping in futex_wait_queue, 20ms]: no goroutine
 *	thread 4713 "logger" [sleeping, 0ns]: no worker
 *
 * The time is that of the processor, since the thread's start.
 */
#include <inttypes.h>
#include <string.h>

#include "render_text.h"

static const char *
state_name(char state)
{
	switch (state) {
	case 'R':
		return "running";
	case 'S':
	case 'I':
		return "sleeping";
	case 'D':
		return "in the kernel";
	case 'T':
	case 't':
		return "stopped";
	case 'Z':
	case 'X':
		return "dead";
	default:
		return "???";
	}
}

void
gt_render_threads(const struct gt_os_threads *threads, struct gt_out *out)
{
	for (size_t i = 0; i < threads->n; i++) {
		const struct gt_os_thread *th = &threads->v[i];
		char text[64];

		gt_clean(text, sizeof(text), th->name, "\"");
		gt_out_format(out, "thread %d \"%s\" [%s", th->tid, text,
			      state_name(th->state));
		if (th->wchan[0]) {
			gt_clean(text, sizeof(text), th->wchan, "");
			gt_out_format(out, " in %s", text);
		}
		gt_out_string(out, ", ");
		gt_out_duration(out, th->cpu_ns);
		if (th->goroutine)
			gt_out_format(out, "]: goroutine %" PRIu64 "\n",
				      th->goroutine);
		else
			gt_out_string(out, th->worker ? "]: no goroutine\n" :
							"]: no worker\n");
	}
}
