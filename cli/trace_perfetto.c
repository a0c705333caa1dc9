// SPDX-License-Identifier: MIT
/*
 * trace_perfetto.c - a trace as ui.perfetto.dev reads it: TrackEvent messages
 *
 * Idea       One sequence of packets, in the order of time. A track for each
 *            worker and each goroutine, in two groups below the process.
 * Names      are written once and then meant by number (interned): an event
 *            takes 30 bytes.
 * Source     perfetto.dev/docs/reference/synthetic-track-event, and the
 *            messages of protos/perfetto/trace: trace_packet, track_event,
 *            track_descriptor, interned_data, debug_annotation
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libgoro/src/pb.h"
#include "trace.h"

enum {
	TRACE_PACKET = 1,

	PACKET_TIMESTAMP = 8,
	PACKET_SEQUENCE = 10,
	PACKET_TRACK_EVENT = 11,
	PACKET_INTERNED = 12,
	PACKET_FLAGS = 13,
	PACKET_TRACK = 60,
	FLAG_CLEARED = 1, /* all that was interned before is void */
	FLAG_NEEDS = 2,   /* what is interned */

	TRACK_UUID = 1,
	TRACK_NAME = 2,
	TRACK_PROCESS = 3,
	TRACK_PARENT = 5,
	PROCESS_PID = 1,
	PROCESS_NAME = 6,

	EVENT_ANNOTATION = 4,
	EVENT_TYPE = 9,
	EVENT_NAME_IID = 10,
	EVENT_TRACK = 11,
	EVENT_FLOW = 47,
	EVENT_LAST_FLOW = 48,
	TYPE_BEGIN = 1,
	TYPE_END = 2,
	TYPE_INSTANT = 3,

	ANNOTATION_NAME_IID = 1,
	ANNOTATION_UINT = 3,
	INTERNED_EVENT_NAME = 2,
	INTERNED_ANNOTATION_NAME = 3,
	INTERNED_IID = 1,
	INTERNED_TEXT = 2,

	NAMES = 8192, /* a power of two; functions, and some words */
	SEQUENCE = 1,
	ROOT = 1,   /* track ids: the process's */
	GROUP = 2,  /* and one of each group */
	FIRST = 16, /* the others */
};

struct perfetto {
	struct trace_out o;
	struct gr_pb pb;
	bool any; /* a packet has been written */
	/* Names by where they lie: those that are the same lie at one place,
	 * and if not they are known twice. Index and 1 is the iid. */
	const char *name[NAMES];
	uint8_t known[NAMES]; /* bits: INTERNED_EVENT_NAME and so on */
};

static uint64_t
uuid(const struct trace_track *t)
{
	return FIRST + (t->id << 1 | (t->group == TRACE_GOROUTINES));
}

static size_t
begin(struct perfetto *p)
{
	size_t begun = gr_pb_begin(&p->pb, TRACE_PACKET);

	gr_pb_uint(&p->pb, PACKET_SEQUENCE, SEQUENCE);
	gr_pb_uint(&p->pb, PACKET_FLAGS,
		   p->any ? FLAG_NEEDS : FLAG_CLEARED | FLAG_NEEDS);
	p->any = true;
	return begun;
}

static void
end(struct perfetto *p, size_t begun)
{
	gr_pb_end(&p->pb, begun);
	p->o.failed |= p->pb.failed;
	if (!p->pb.failed)
		gt_out_bytes(p->o.to, p->pb.bytes, p->pb.n);
	p->pb.n = 0;
}

/* A program may name things as it likes; a string here is UTF-8. */
static void
put_string(struct gr_pb *pb, uint32_t field, const char *s)
{
	char clean[1024];

	gt_clean(clean, sizeof(clean), s, "");
	gr_pb_bytes(pb, field, clean, strlen(clean));
}

/* The number of a name; 0: there are too many. */
static uint64_t
number_of(struct perfetto *p, const char *name)
{
	uint64_t h = (uintptr_t)name * 0x9e3779b97f4a7c15ull >> 32;

	for (unsigned i = 0; i < NAMES; i++) {
		uint64_t at = (h + i) % NAMES;

		if (!p->name[at])
			p->name[at] = name;
		if (p->name[at] == name)
			return at + 1;
	}
	p->o.failed = true;
	return 0;
}

/* Is this name met for the first time as one of @kind? It is not any more. */
static bool
is_new(struct perfetto *p, uint32_t kind, const char *name)
{
	uint64_t iid = name ? number_of(p, name) : 0;

	if (!iid || p->known[iid - 1] >> kind & 1)
		return false;
	p->known[iid - 1] |= (uint8_t)(1 << kind);
	return true;
}

static void
put_entry(struct perfetto *p, uint32_t kind, const char *name)
{
	size_t entry = gr_pb_begin(&p->pb, kind);

	gr_pb_uint(&p->pb, INTERNED_IID, number_of(p, name));
	put_string(&p->pb, INTERNED_TEXT, name);
	gr_pb_end(&p->pb, entry);
}

/* Say what numbers mean where they are met for the first time. */
static void
define(struct perfetto *p, const struct trace_mark *m)
{
	bool name = is_new(p, INTERNED_EVENT_NAME, m->name);
	bool arg = is_new(p, INTERNED_ANNOTATION_NAME, m->arg_name);
	size_t interned;

	if (!name && !arg)
		return;
	interned = gr_pb_begin(&p->pb, PACKET_INTERNED);
	if (name)
		put_entry(p, INTERNED_EVENT_NAME, m->name);
	if (arg)
		put_entry(p, INTERNED_ANNOTATION_NAME, m->arg_name);
	gr_pb_end(&p->pb, interned);
}

static void
put_track(struct perfetto *p, uint64_t id, uint64_t parent, const char *name)
{
	size_t packet = begin(p);
	size_t track = gr_pb_begin(&p->pb, PACKET_TRACK);

	gr_pb_uint(&p->pb, TRACK_UUID, id);
	gr_pb_uint(&p->pb, TRACK_PARENT, parent);
	put_string(&p->pb, TRACK_NAME, name);
	gr_pb_end(&p->pb, track);
	end(p, packet);
}

static void
head(struct trace_out *o, const struct trace *t)
{
	struct perfetto *p = (struct perfetto *)o;
	size_t packet = begin(p);
	size_t track = gr_pb_begin(&p->pb, PACKET_TRACK);
	size_t process;

	gr_pb_uint(&p->pb, TRACK_UUID, ROOT);
	process = gr_pb_begin(&p->pb, TRACK_PROCESS);
	gr_pb_uint(&p->pb, PROCESS_PID, t->head.pid);
	put_string(&p->pb, PROCESS_NAME, t->head.program);
	gr_pb_end(&p->pb, process);
	gr_pb_end(&p->pb, track);
	end(p, packet);
	put_track(p, GROUP + TRACE_WORKERS, ROOT, "workers");
	put_track(p, GROUP + TRACE_GOROUTINES, ROOT, "goroutines");
}

static void
track(struct trace_out *o, const struct trace_track *t, const char *name)
{
	put_track((struct perfetto *)o, uuid(t), GROUP + t->group, name);
}

static void
put_arg(struct perfetto *p, const struct trace_mark *m)
{
	size_t begun = gr_pb_begin(&p->pb, EVENT_ANNOTATION);

	gr_pb_uint(&p->pb, ANNOTATION_NAME_IID, number_of(p, m->arg_name));
	/* Of a choice of values, 0 too is to be said. */
	gr_pb_varint(&p->pb, ANNOTATION_UINT << 3);
	gr_pb_varint(&p->pb, m->arg);
	gr_pb_end(&p->pb, begun);
}

static void
mark(struct trace_out *o, const struct trace_mark *m)
{
	static const unsigned types[] = { [TRACE_BEGIN] = TYPE_BEGIN,
					  [TRACE_ENDS] = TYPE_END,
					  [TRACE_MOMENT] = TYPE_INSTANT };
	struct perfetto *p = (struct perfetto *)o;
	size_t packet = begin(p), event;

	gr_pb_uint(&p->pb, PACKET_TIMESTAMP, (uint64_t)m->ns);
	define(p, m);
	event = gr_pb_begin(&p->pb, PACKET_TRACK_EVENT);
	gr_pb_uint(&p->pb, EVENT_TYPE, types[m->type]);
	gr_pb_uint(&p->pb, EVENT_TRACK, uuid(&m->track));
	if (m->name)
		gr_pb_uint(&p->pb, EVENT_NAME_IID, number_of(p, m->name));
	if (m->arg_name)
		put_arg(p, m);
	if (m->flow_from)
		gr_pb_fixed64(&p->pb, EVENT_FLOW, m->flow_from);
	if (m->flow_to)
		gr_pb_fixed64(&p->pb, EVENT_LAST_FLOW, m->flow_to);
	gr_pb_end(&p->pb, event);
	end(p, packet);
}

static void
tail(struct trace_out *o)
{
	(void)o;
}

static void
destroy(struct trace_out *o)
{
	struct perfetto *p = (struct perfetto *)o;

	gr_pb_fini(&p->pb);
	free(p);
}

struct trace_out *
trace_perfetto_create(struct gt_out *to)
{
	struct perfetto *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->o = (struct trace_out){ head, track, mark, tail, destroy, to, false };
	return &p->o;
}
