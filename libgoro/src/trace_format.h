/* SPDX-License-Identifier: MIT */
/*
 * trace_format.h - what the runtime writes of a trace, and goro-prof reads
 *
 * Idea       The runtime writes down what it has at hand: cycles, ids and
 *            addresses, as they lie in its rings. To sort that, to tell who
 *            was what when, and to put it into the words of a viewer takes
 *            memory and time, which a program that is traced, or dies, has
 *            not; so it is the tool's (cli/trace.h).
 * Stream     GR_TRACE_MAGIC, then blocks up to GR_TRACE_END; without that one
 *            it is a piece of a trace. Of a block that is not known, the size
 *            is. All in the machine's own byte order.
 * Event      When it happened and its kind, in one word; and one word of what
 *            depends on the kind. Those that say more are followed by words
 *            of kind GR_TRACE_FN and GR_TRACE_TEXT, which have no time.
 */
#ifndef GR_TRACE_FORMAT_H
#define GR_TRACE_FORMAT_H

#include <stdint.h>

#define GR_TRACE_MAGIC "goro-trace 1\n\0\0"

enum {
	GR_TRACE_MAGIC_BYTES = 16,
	GR_TRACE_KIND_BITS = 5, /* the others: 6 years of cycles at 3 GHz */
	GR_TRACE_OUTSIDE = 256, /* the ring of threads without a P */
	GR_TRACE_RINGS,
	GR_TRACE_NAME = 64, /* of a goroutine, as far as it is shown */
};

enum gr_trace_kind {
	GR_TRACE_FN = 1, /* a function's address, of the event before */
	GR_TRACE_TEXT,   /* 8 bytes of a name, likewise; the last has a NUL */
	/* Whoever ran here has left: next << 8 | reason. Next is the id of the
	 * goroutine that runs here now, 0: nobody yet. */
	GR_TRACE_PARK,
	GR_TRACE_YIELD,
	GR_TRACE_PREEMPT,
	GR_TRACE_EXIT, /* FN */
	/* The id of a goroutine. */
	GR_TRACE_RUN,     /* it runs here */
	GR_TRACE_READY,   /* made ready by who runs here */
	GR_TRACE_CREATE,  /* likewise, for the first time; FN, TEXT... */
	GR_TRACE_NAMED,   /* TEXT... */
	GR_TRACE_UNBLOCK, /* out of a blocking section again, here */
	/* Of the worker. */
	GR_TRACE_BLOCK, /* who runs here is in a blocking section */
	GR_TRACE_GIVEN, /* the P was taken from its thread, or let go */
	GR_TRACE_IDLE,
	GR_TRACE_WAKE,
	GR_TRACE_STEAL, /* from that P */
	GR_TRACE_NET,   /* so many are ready, says the network */
};

struct gr_trace_event {
	uint64_t when; /* cycles << GR_TRACE_KIND_BITS | kind */
	uint64_t what;
};

enum gr_trace_block_kind {
	GR_TRACE_HEAD = 1,
	GR_TRACE_CLOCK,
	GR_TRACE_REASON,
	GR_TRACE_EVENTS,
	GR_TRACE_GOROUTINE,
	GR_TRACE_RUNNING,
	GR_TRACE_FUNCTION,
	GR_TRACE_END,
};

/* In front of each block; the sizes are multiples of 8. */
struct gr_trace_block {
	uint32_t kind, bytes;
};

struct gr_trace_head {
	uint64_t pid;
	uint64_t from; /* cycles: what was before is there for its effects */
	char program[32];
};

/* One moment on both clocks. A rate is to be had of the first and the last. */
struct gr_trace_clock {
	uint64_t cycles, ns;
};

/* What wait reasons are called. */
struct gr_trace_reason {
	uint64_t reason;
	char text[32];
};

/* Events follow, one after the other as they happened; before them @lost ones
 * had been written over. */
struct gr_trace_events {
	uint64_t ring, lost;
};

/* A goroutine as it was at one moment; or what was read of it. */
struct gr_trace_goroutine {
	uint64_t id, fn;
	uint64_t seen, since; /* cycles: when that was; for a wait, its start */
	uint64_t state, reason; /* enum goro_abi_state, goro_abi_reason */
	char name[GR_TRACE_NAME];
};

/* Whom a worker ran at one moment. */
struct gr_trace_running {
	uint64_t ring, id, seen;
};

/* Its name follows, with NULs to a multiple of 8. */
struct gr_trace_function {
	uint64_t pc;
};

struct gr_trace_end {
	uint64_t full; /* 1: it was ended for its size */
};

#endif
