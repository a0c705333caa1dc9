/* SPDX-License-Identifier: MIT */
/*
 * trace.h - from what a process has recorded to what a viewer shows
 *
 *	trace_read.c      blocks and rings; events in the order of time
 *	trace_replay.c    who was what when: slices, moments and flows
 *	trace_perfetto.c  these as TrackEvent messages
 *	trace_chrome.c    these as Chrome's JSON
 *
 * Trust      None in what is read: it may come from a file.
 */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "goro/abi.h"
#include "libgoro/src/trace_format.h"
#include "tracer/error.h"
#include "tracer/out.h"

/* --- Read ------------------------------------------------------------------ */

struct trace_piece; /* events of one ring, without a gap */

struct trace_ring {
	struct trace_piece *piece;
	size_t n, room;
	size_t at, event; /* where we are */
	bool told;        /* of the gap before that piece */
};

/* Owns @bytes, which all else points into. */
struct trace {
	char *bytes;
	struct gr_trace_head head;
	struct gr_trace_clock first, last;
	bool full, whole;
	const char *reason[GORO_WAIT_REASONS]; /* NULL: has no name */
	struct trace_ring ring[GR_TRACE_RINGS];
	uint32_t used[GR_TRACE_RINGS], used_n; /* those that hold anything */
	const struct gr_trace_goroutine **goroutine;
	size_t goroutines_n, goroutines_room;
	const struct gr_trace_running **running;
	size_t running_n, running_room;
	const struct gr_trace_function **function; /* by ascending pc */
	size_t functions_n, functions_room;
};

enum { TRACE_GAP = 1 << GR_TRACE_KIND_BITS }; /* `what` events are lost */

struct trace_event {
	uint64_t cycles, what;
	unsigned kind; /* enum gr_trace_kind, or TRACE_GAP */
	uint32_t ring;
	uint64_t fn;              /* 0: none */
	char name[GR_TRACE_NAME]; /* "": none */
};

/* Takes @bytes in any case; @ret is to be ended in any case. */
struct gt_error *trace_read(char *bytes, size_t n, struct trace *ret);
void trace_fini(struct trace *t);

void trace_rewind(struct trace *t);
bool trace_next(struct trace *t, struct trace_event *ret);
/* When the first event of a ring was; UINT64_MAX: it has none. */
uint64_t trace_first(const struct trace *t, uint32_t ring);
/* No more than so many events are in it. */
uint64_t trace_ring_events(const struct trace *t, uint32_t ring);
/* NULL: it has no name. */
const char *trace_function(const struct trace *t, uint64_t pc);

/* --- Written ----------------------------------------------------------------- */

enum trace_group { TRACE_WORKERS = 1, TRACE_GOROUTINES };

/* A line of the picture: a worker by its number, a goroutine by its id. */
struct trace_track {
	enum trace_group group;
	uint64_t id;
};

/* Something on it. Slices of one track follow each other. */
struct trace_mark {
	enum { TRACE_BEGIN, TRACE_ENDS, TRACE_MOMENT } type;
	struct trace_track track;
	int64_t ns;
	const char *name;     /* stays where it is; NULL for an end */
	const char *arg_name; /* likewise; NULL: it has none */
	uint64_t arg;
	uint64_t flow_from; /* a flow begins here; 0: none */
	uint64_t flow_to;   /* one ends here */
};

struct trace_out {
	void (*head)(struct trace_out *o, const struct trace *t);
	void (*track)(struct trace_out *o, const struct trace_track *track,
		      const char *name);
	void (*mark)(struct trace_out *o, const struct trace_mark *mark);
	void (*tail)(struct trace_out *o);
	void (*destroy)(struct trace_out *o);
	struct gt_out *to;
	bool failed; /* memory was short */
};

/* NULL: memory is short. */
struct trace_out *trace_perfetto_create(struct gt_out *to);
struct trace_out *trace_chrome_create(struct gt_out *to);

/* What is said beside the trace. */
struct trace_summary {
	uint64_t events, lost;
	uint64_t quiet; /* goroutines that did nothing, and are left out */
};

struct gt_error *trace_replay(struct trace *t, struct trace_out *o,
			      struct trace_summary *ret);

#endif
