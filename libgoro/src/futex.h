/* SPDX-License-Identifier: MIT */
#ifndef GR_FUTEX_H
#define GR_FUTEX_H

#include <stdint.h>

/* Sleep while *word == value, until a wake or CLOCK_MONOTONIC @deadline_ns
 * (GORO_FOREVER: none). May return early; the caller looks again. */
void gr_futex_wait(uint32_t *word, uint32_t value, int64_t deadline_ns);
void gr_futex_wake(uint32_t *word, int n);

#endif
