/* SPDX-License-Identifier: MIT */
/*
 * prof_show.h - what goro-prof shows of a profile by itself
 */
#ifndef PROF_SHOW_H
#define PROF_SHOW_H

#include <stdio.h>

#include "tracer/profile.h"

/* A table of functions: what each used itself, and with those it called; of
 * the kind of value that pprof -top shows. @base is subtracted, or NULL. */
struct gt_error *prof_top(const struct gt_profile *p,
			  const struct gt_profile *base, FILE *to);

/* Keep only the samples that have a label: "KEY=VALUE", or "KEY" of any value. */
void prof_keep_labelled(struct gt_profile *p, const char *wanted);

/* A flame graph, in SVG, which @html wraps in a page. */
struct gt_error *prof_flame(const struct gt_profile *p, const char *title,
			    bool html, FILE *to);

/* "1.25s", "310.00MB", "42": into @to, which is returned. */
const char *prof_value(char *to, size_t bytes, int64_t v, const char *unit);

#endif
