/* SPDX-License-Identifier: MIT */
/*
 * profile_proto.h - a table of traces as profile.proto, gzip'd
 *
 * Idea       What pprof reads: samples that refer to locations, locations to
 *            functions and mappings, all to a table of strings. Each goes
 *            into a buffer of its own; the fields of a message may come in
 *            any order, so the buffers are put one behind the other.
 * Names      Each distinct PC is looked up in its module's symbol table. Lines
 *            and inlined functions are for the tools, which have what it
 *            takes (see docs/PROFILES.md).
 * Checked    by tests/support/check_profile.py: what pprof refuses, and what
 *            it accepts but shows wrong.
 * Source     github.com/google/pprof, proto/profile.proto
 */
#ifndef GR_PROFILE_PROTO_H
#define GR_PROFILE_PROTO_H

#include <stdbool.h>
#include <stdint.h>

#include "modules.h"
#include "pb.h"
#include "traces.h"

struct gr_profile_type {
	const char *type, *unit;
};

enum { GR_PROFILE_VALUES = 4 };

/* What a kind of profile says about itself. */
struct gr_profile_spec {
	struct gr_profile_type value[GR_PROFILE_VALUES];
	unsigned values_n;        /* 2: without the second pair of sums */
	bool gone;                /* which is what went again: show the rest */
	const char *default_type; /* that pprof shows; NULL: the last */
	struct gr_profile_type period_type;
	int64_t period;
	int64_t time_ns; /* CLOCK_REALTIME, at the end */
	int64_t duration_ns;
	const char *comment; /* or NULL */
	const char *tag_key; /* the label that a tag is shown as, or NULL */
	const char *(*tag_text)(uint32_t tag);
	unsigned count_shift; /* counts have so many binary places */
	double scale;         /* of the second value; 0: 1 */
	bool whole;           /* the runtime's own frames are shown too */
};

int gr_profile_encode(struct gr_traces *ts, const struct gr_profile_spec *spec,
		      const struct gr_modules *modules, struct gr_pb *ret);

#endif
