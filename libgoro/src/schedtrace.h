/* SPDX-License-Identifier: MIT */
#ifndef GR_SCHEDTRACE_H
#define GR_SCHEDTRACE_H

#include <stdint.h>

/* GORODEBUG=schedtrace=MS: write a line if one is due at @now_ns. Returns the
 * instant of the next, or GORO_FOREVER when it is off. The monitor only. */
int64_t gr_schedtrace(int64_t now_ns);

#endif
