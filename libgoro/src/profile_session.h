/* SPDX-License-Identifier: MIT */
/*
 * profile_session.h - a profile of what happens within a while
 *
 * Idea       What an HTTP request and goro-prof(1) ask for alike: begin, wait
 *            as the caller sees fit, end. Of kinds that count from the start
 *            of the program on, or that are of one moment, it is the
 *            difference of the two ends. One that records nothing unless it
 *            was turned on is turned on for the while.
 * wall       is taken bit by bit: gr_profile_tick() must be called when it
 *            asks for it.
 * Threads    A session is one thread's. There may be several; but of "cpu"
 *            one in the process.
 */
#ifndef GR_PROFILE_SESSION_H
#define GR_PROFILE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "pb.h"

struct gr_profile_session {
	const char *name;
	int kind; /* enum gr_profile_kind, or one of its own */
	struct gr_traces *traces;
	int64_t start_ns, period_ns, next_ns;
	uint32_t turned_on; /* GR_EVENTS_* */
	bool creators;
};

int gr_profile_begin(struct gr_profile_session *s, const char *name, int hz,
		     bool creators);
/* Returns when to call again; GORO_FOREVER: never. */
int64_t gr_profile_tick(struct gr_profile_session *s);
/* @ret  NULL: nobody wants it any more */
int gr_profile_end(struct gr_profile_session *s, struct gr_pb *ret);

#endif
