// SPDX-License-Identifier: MIT
/*
 * trace_chrome.c - a trace as chrome://tracing and many others read it: JSON
 *
 * Workers and goroutines are the threads of two processes, as that is all the
 * structure there is. Times are microseconds.
 */
#include <stdlib.h>

#include "trace.h"
#include "tracer/json.h"

struct chrome {
	struct trace_out o;
	struct gt_json j;
};

static void
put_phase(struct gt_json *j, const char *phase, const struct trace_track *t)
{
	gt_json_open(j, '{');
	gt_json_put_string(j, "ph", phase);
	gt_json_put_number(j, "pid", t->group);
	gt_json_put_number(j, "tid", t->id);
}

static void
put_time(struct gt_json *j, int64_t ns)
{
	gt_json_key(j, "ts");
	gt_json_raw(j, "", 0);
	gt_out_format(j->out, "%lld.%03d", (long long)(ns / 1000),
		      (int)(ns % 1000));
	j->comma = true;
}

/* "thread_name" and the like. */
static void
put_name(struct gt_json *j, const char *what, const struct trace_track *t,
	 const char *name)
{
	put_phase(j, "M", t);
	gt_json_put_string(j, "name", what);
	gt_json_key(j, "args");
	gt_json_open(j, '{');
	gt_json_put_string(j, "name", name);
	gt_json_close(j, '}');
	gt_json_close(j, '}');
}

static void
head(struct trace_out *o, const struct trace *t)
{
	struct gt_json *j = &((struct chrome *)o)->j;

	gt_json_open(j, '{');
	gt_json_put_string(j, "displayTimeUnit", "ns");
	gt_json_key(j, "otherData");
	gt_json_open(j, '{');
	gt_json_put_string(j, "program", t->head.program);
	gt_json_put_number(j, "pid", t->head.pid);
	gt_json_close(j, '}');
	gt_json_key(j, "traceEvents");
	gt_json_open(j, '[');
	put_name(j, "process_name", &(struct trace_track){ TRACE_WORKERS, 0 },
		 "workers");
	put_name(j, "process_name",
		 &(struct trace_track){ TRACE_GOROUTINES, 0 }, "goroutines");
}

static void
track(struct trace_out *o, const struct trace_track *t, const char *name)
{
	put_name(&((struct chrome *)o)->j, "thread_name", t, name);
}

/* An arrow ends at the slice that has just begun ("bp": "e"). */
static void
put_flow(struct gt_json *j, const struct trace_mark *m, const char *phase,
	 uint64_t id)
{
	put_phase(j, phase, &m->track);
	put_time(j, m->ns);
	gt_json_put_string(j, "cat", "wake");
	gt_json_put_string(j, "name", "wakes");
	gt_json_put_number(j, "id", id);
	if (*phase == 'f')
		gt_json_put_string(j, "bp", "e");
	gt_json_close(j, '}');
}

static void
mark(struct trace_out *o, const struct trace_mark *m)
{
	static const char *const phases[] = {
		[TRACE_BEGIN] = "B", [TRACE_ENDS] = "E", [TRACE_MOMENT] = "i"
	};
	struct gt_json *j = &((struct chrome *)o)->j;

	put_phase(j, phases[m->type], &m->track);
	put_time(j, m->ns);
	gt_json_put_string(j, "name", m->name);
	if (m->type == TRACE_MOMENT)
		gt_json_put_string(j, "s", "t");
	if (m->arg_name) {
		gt_json_key(j, "args");
		gt_json_open(j, '{');
		gt_json_put_number(j, m->arg_name, m->arg);
		gt_json_close(j, '}');
	}
	gt_json_close(j, '}');
	if (m->flow_from)
		put_flow(j, m, "s", m->flow_from);
	if (m->flow_to)
		put_flow(j, m, "f", m->flow_to);
}

static void
tail(struct trace_out *o)
{
	struct gt_json *j = &((struct chrome *)o)->j;

	gt_json_close(j, ']');
	gt_json_close(j, '}');
	gt_out_string(o->to, "\n");
}

static void
destroy(struct trace_out *o)
{
	free(o);
}

struct trace_out *
trace_chrome_create(struct gt_out *to)
{
	struct chrome *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->o = (struct trace_out){ head, track, mark, tail, destroy, to, false };
	c->j.out = to;
	return &c->o;
}
