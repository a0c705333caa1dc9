/* SPDX-License-Identifier: MIT */
#ifndef GR_LEAK_REPORT_H
#define GR_LEAK_REPORT_H

#include "leak/leak.h"

extern const char *const gr_leak_kind_names[GR_LEAK_KINDS];

/* The story of a group in one sentence. */
void gr_leak_story(const struct gr_leak_group *g, char *to, size_t room);
/* "chan receive", "running": as in a traceback. */
const char *gr_leak_state_name(const struct gr_leak_group *g);

#endif
