/* SPDX-License-Identifier: MIT */
/*
 * profile_heap.h - memory by who asked for it; see profile_heap.c
 */
#ifndef GR_PROFILE_HEAP_H
#define GR_PROFILE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include "heap_sampler.h"
#include "traces.h"

/* Copy what there is; 0, or -ENODATA: nobody takes samples. */
int gr_profile_heap(struct gr_traces *to);
int64_t gr_profile_heap_rate(void);

/* What the sampler calls, for tests of it without malloc(). */
extern const struct goro_sampler_hooks gr_profile_heap_hooks;
bool gr_profile_heap_prepare(int64_t rate);

#endif
