/* SPDX-License-Identifier: MIT */
/*
 * overflow.h - a fault on a guard page is a stack overflow
 */
#ifndef GR_OVERFLOW_H
#define GR_OVERFLOW_H

void gr_overflow_install(void);
void gr_overflow_remove(void);

#endif
