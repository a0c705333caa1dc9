/* SPDX-License-Identifier: MIT */
/*
 * profile.h - profiles within the runtime
 *
 * Who writes what: traces.h sums up, profile_proto.h writes down, code.h walks
 * stacks. A kind is a way to fill a table of traces:
 *   profile_goroutine.c  from what is there at one moment
 *   profile_objects.c    likewise, of channels and of leaks
 *   profile_heap.c       from malloc(), where it takes samples
 *   profile_cpu.c        from a signal, as time is used
 *   profile_events.c     from those who waited, when they go on
 */
#ifndef GR_PROFILE_H
#define GR_PROFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "arch/regs.h"
#include "pb.h"
#include "profile_proto.h"

enum gr_profile_kind {
	GR_PROFILE_GOROUTINE,
	GR_PROFILE_CREATION,
	GR_PROFILE_THREADCREATE,
	GR_PROFILE_CHAN,
	GR_PROFILE_GOROUTINELEAK,
	GR_PROFILE_HEAP,
	GR_PROFILE_ALLOCS,
	/* From here on what happens is counted. */
	GR_PROFILE_BLOCK,
	GR_PROFILE_WAIT,
	GR_PROFILE_MUTEX,
	GR_PROFILE_SCHEDLATENCY,
	GR_PROFILE_KINDS,
};

enum {
	GR_PROFILE_COUNT_SHIFT = 16, /* counts of events that are sampled */
};

/* Are counts in parts of 1 << GR_PROFILE_COUNT_SHIFT? */
static inline bool
gr_profile_is_weighed(int kind)
{
	return kind >= GR_PROFILE_HEAP;
}

/* The number of @name, or -ENOENT. */
int gr_profile_find(const char *name);
extern const char *const gr_profile_names[GR_PROFILE_KINDS];

/* How many events there are in it. */
size_t gr_profile_count(enum gr_profile_kind kind);

/* Append a profile to @ret; 0 or -errno. @here  the caller, or NULL. @creators
 * by who started the goroutines, too: -EOPNOTSUPP where nobody knows. */
int gr_profile_make(enum gr_profile_kind kind, const struct gr_regs *here,
		    bool creators, struct gr_pb *ret);

/* Its two halves: what is counted now, in a table that borrows labels; and
 * writing it down. The caller holds the labels around both. */
int gr_profile_collect(enum gr_profile_kind kind, const struct gr_regs *here,
		       bool creators, struct gr_traces **ret);
int gr_profile_encode_kind(enum gr_profile_kind kind, struct gr_traces *ts,
			   int64_t duration_ns, struct gr_pb *ret);
int gr_profile_encode_wall(struct gr_traces *ts, int64_t period_ns,
			   int64_t duration_ns, struct gr_pb *ret);

/* Fill @ts, @value each; under gr_profile_guard(). */
void gr_profile_goroutines(struct gr_traces *ts, enum gr_profile_kind kind,
			   const struct gr_regs *here, uint64_t value,
			   bool creators);
/* profile_objects.c: channels; goroutines that can never go on, 0 or -errno. */
void gr_profile_chans(struct gr_traces *ts);
const char *gr_profile_chan_text(uint32_t tag);
int gr_profile_leaks(struct gr_traces *ts);

/* profile_events.c: what happened until now, and what goes on. */
void gr_profile_events_copy(enum gr_profile_kind kind, struct gr_traces *to);
/* Record what @kind counts, if nobody does. What off takes: 0 if it was on. */
uint32_t gr_profile_events_turn_on(enum gr_profile_kind kind);
void gr_profile_events_turn_off(uint32_t what);

/* One that waits: the same key that its wait will have when it is over. */
struct gr_profile_wait {
	struct gr_trace_key *key;
	uint64_t since; /* cycles */
};
void gr_profile_waits(void (*fn)(const struct gr_profile_wait *wait, void *arg),
		      void *arg);

/* Keeps the end of a run from unmapping what is being looked at. */
void gr_profile_guard(void);
void gr_profile_unguard(void);

int64_t gr_profile_time_ns(void);
int gr_profile_write_all(int fd, const void *bytes, size_t n);

/* profile_cpu.c; as the public ones, but the profile is appended to @ret. */
int gr_profile_cpu_start(int hz, bool creators);
int gr_profile_cpu_stop(struct gr_pb *ret);
/* By a thread of the runtime's, when it starts. */
void gr_profile_cpu_thread(pid_t tid);

#endif
