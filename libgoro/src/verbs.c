// SPDX-License-Identifier: MIT
/*
 * verbs.c - what the process can be asked
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "goro/goro.h"
#include "leak/ending.h"
#include "leak/tool.h"
#include "profile.h"
#include "profile_session.h"
#include "runtime.h"
#include "sched.h"
#include "trace.h"
#include "traceback.h"

/* "dump", "dump all", "dump system": as kill -QUIT prints it. */
static const char *
dump(struct gr_question *q)
{
	static struct gr_out out;
	enum gr_traceback_level level = GR_TRACEBACK_ALL;

	if (!strcmp(q->args, "system"))
		level = GR_TRACEBACK_SYSTEM;
	else if (*q->args && strcmp(q->args, "all"))
		return "a dump is of all or system";
	out.fd = q->data;
	out.failed = false;
	gr_traceback_living(&out, level, false);
	gr_out_flush(&out);
	return out.failed ? "the answer was not read" : NULL;
}

static const char *
why_not(int err)
{
	switch (err) {
	case -ENOENT:
		return "this version of libgoro has no such profile";
	case -EBUSY:
		return "a CPU profile is being taken already";
	case -EPERM:
		return "the program handles SIGPROF itself";
	case -EINVAL:
		return "so many samples a second are not to be had";
	case -EOPNOTSUPP:
		return "creators are known of cpu, goroutine and wall";
	case -ENODATA:
		return "allocations are not sampled: the program must be "
		       "started with LD_PRELOAD=libgoro-heapprof.so";
	case -ENOMEM:
		return "out of memory";
	case -ETIMEDOUT:
		return "a thread did not stop, so leaks cannot be told";
	default:
		return "the profile could not be taken, or was not read";
	}
}

/* Until the time is over, or whoever asks wants no more. */
static int
profile_for(struct gr_question *q, const char *kind, int64_t ms, int hz,
	    bool creators, struct gr_pb *ret)
{
	struct gr_profile_session s;
	int64_t until_ns = gr_now_ns() + ms * 1000000, tick_ns;
	int err = gr_profile_begin(&s, kind, hz, creators);

	if (err)
		return err;
	do
		tick_ns = gr_profile_tick(&s);
	while (gr_question_wait(q, GR_MIN(tick_ns, until_ns)) &&
	       gr_now_ns() < until_ns);
	return gr_profile_end(&s, ret);
}

/* "profile KIND MILLISECONDS HZ [creator]": as goro_profile_write(), or what
 * happens in so long a time; hertz are of "cpu" and "wall". */
static const char *
profile(struct gr_question *q)
{
	struct gr_pb bytes = { 0 };
	char kind[32], more[16] = "creator";
	long long ms;
	int hz, found, err;
	int n = sscanf(q->args, "%31s %lld %d %15s", kind, &ms, &hz, more);

	if (n < 3 || ms < 0 || ms > 86400000 || strcmp(more, "creator"))
		return "a profile is of a kind, milliseconds and hertz";
	found = gr_profile_find(kind);
	if (!ms && found >= 0)
		err = gr_profile_make((enum gr_profile_kind)found, NULL, n == 4,
				      &bytes);
	else
		err = profile_for(q, kind, ms, hz, n == 4, &bytes);
	if (!err)
		err = gr_profile_write_all(q->data, bytes.bytes, bytes.n);
	gr_pb_fini(&bytes);
	return err ? why_not(err) : NULL;
}

/* "leak [end]": what goro-leakcheck reads, see leak/tool.c; "end" if it will
 * tell us to end then. */
static const char *
leak(struct gr_question *q)
{
	bool good = gr_leak_tool_answer(q->data);

	/* Not before: a signal that came with the question may still be on its
	 * way to us. */
	if (!strcmp(q->args, "end"))
		gr_leak_ending_told();
	return good ? NULL : "out of memory";
}

/* "trace MILLISECONDS": what trace_format.h says. */
static const char *
trace(struct gr_question *q)
{
	enum { PACE_NS = 10000000 }; /* 6 million events a second of a ring */
	struct gr_trace_writer *w;
	int64_t ms, until_ns, now_ns;
	bool good;

	if (sscanf(q->args, "%" SCNd64, &ms) != 1 || ms < 0 || ms > 86400000)
		return "a trace is of milliseconds";
	until_ns = gr_now_ns() + ms * 1000000;
	w = gr_trace_writer_create(q->data);
	if (!w || gr_trace_write_begin(w)) {
		gr_trace_writer_destroy(w);
		return why_not(-ENOMEM);
	}
	while ((now_ns = gr_now_ns()) < until_ns &&
	       gr_question_wait(q, GR_MIN(now_ns + PACE_NS, until_ns)) &&
	       gr_trace_write_more(w))
		;
	good = gr_trace_write_end(w);
	gr_trace_writer_destroy(w);
	return good ? NULL : "the trace was not read";
}

/* "flight": the last seconds. */
static const char *
flight(struct gr_question *q)
{
	if (!gr_flight_on())
		return "there is no flight recorder: it takes "
		       "GORODEBUG=flightrec=SECONDS from the start on";
	return gr_flight_write(q->data) ? NULL : "the trace was not read";
}

const struct gr_verb gr_verbs[] = {
	{ "trace", trace, .lasting = true },
	{ "flight", flight, .lasting = true },
	{ "profile", profile, .lasting = true },
	{ "dump", dump, .lasting = false },
	{ "leak", leak, .lasting = true },
	{ 0 },
};
