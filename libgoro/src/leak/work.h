/* SPDX-License-Identifier: MIT */
/*
 * work.h - what check.c, findings.c, unclosed.c and why.c share: a check that is
 * under way
 */
#ifndef GR_LEAK_WORK_H
#define GR_LEAK_WORK_H

#include "leak/census.h"
#include "leak/leak.h"

enum { GR_LEAK_STACK_BYTES = 256 << 10 };

/* Everything that a check needs, in one mapping that is no root. */
struct gr_leak_work {
	struct gr_leak leak; /* first: what is handed out */
	struct gr_census census;
	struct gr_world world;
	struct gr_regs here;
	uint64_t caller; /* id; 0: no goroutine */
	char stack[GR_LEAK_STACK_BYTES] __attribute__((aligned(64)));
};

/* It can never go on. */
static inline bool
gr_leak_is_stuck(const struct gr_leak_work *w, uint32_t i)
{
	if (w->leak.ask.all_stuck)
		return gr_census_g(&w->census, i)->parked;
	return !gr_reach_g(&w->census.reach, i)->live;
}

/* check.c: hold the verdict on @i against what it does later. */
void gr_leak_remember(struct gr_leak_work *w, uint32_t i);

/* findings.c */
void gr_leak_find_goroutines(struct gr_leak_work *w);
void gr_leak_describe(struct gr_leak_work *w, uint32_t obj,
		      struct gr_leak_obj *ret);
/* The group of those that are like it, made if it is the first; NULL: memory is
 * short. */
struct gr_leak_group *gr_leak_group_of(struct gr_leak_work *w,
				       struct gr_leak_group *like);

/* The same, but NULL when there is none yet. */
struct gr_leak_group *gr_leak_told(struct gr_leak_work *w,
				   struct gr_leak_group *like);
void gr_leak_add_id(struct gr_leak_work *w, struct gr_leak_group *g,
		    uint64_t id);
/* Is it a finding, and of what kind? */
bool gr_leak_classify(struct gr_leak_work *w, uint32_t i,
		      enum goro_leak_kind *ret);

/* hints.c */
void gr_leak_find_hints(struct gr_leak_work *w);

/* unclosed.c */
void gr_leak_find_channels(struct gr_leak_work *w);

/* why.c: as the last, as nothing else that was marked holds after it. */
void gr_leak_explain(struct gr_leak_work *w);

#endif
