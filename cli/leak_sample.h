/* SPDX-License-Identifier: MIT */
/*
 * leak_sample.h - one look at a process or a core, in the hands of those who
 * make findings of it
 */
#ifndef CLI_LEAK_SAMPLE_H
#define CLI_LEAK_SAMPLE_H

#include "leak_look.h"
#include "tracer/group.h"
#include "tracer/waits.h"

struct leak_sample {
	struct leak_look *look;
	struct leak_results *r;
	char process[64];
	struct gt_target *t;
	struct gt_abi abi;
	struct gt_modules modules;
	struct gt_model model;
	struct gt_symbols symbols;
	struct gt_view view;
	struct gt_groups groups;
	struct gt_objects objects;
	struct gt_knots knots;
};

/* Does it wait for others to do something? Main may wait for ever, that is how
 * a service keeps going. */
bool leak_waits_for_others(const struct gt_goroutine *g);

/* A finding of goroutines that are alike, @g the first of them; without ids and
 * story. NULL: no memory. */
struct leak_finding *leak_sample_begin(struct leak_sample *s,
				       enum leak_kind kind,
				       const struct gt_goroutine *g);

/* leak_suspects.c: find those that are no findings yet; false: no memory. */
bool leak_suspects(struct leak_sample *s);

#endif
