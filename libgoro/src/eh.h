/* SPDX-License-Identifier: MIT */
/*
 * eh.h - a goroutine's C++ exceptions go where it goes
 *
 * The C++ runtime keeps the exceptions that are being handled in a structure
 * of the thread (Itanium C++ ABI 2.2.2, __cxa_eh_globals). A goroutine that
 * parks inside a catch block takes them along. In a program without C++ the
 * pointer is NULL, and this is one branch a switch.
 */
#ifndef GR_EH_H
#define GR_EH_H

#include "sched.h"

extern struct gr_eh *__cxa_get_globals(void) __attribute__((weak));

static inline void
gr_eh_thread_init(struct gr_m *m)
{
	m->eh = __cxa_get_globals ? __cxa_get_globals() : NULL;
}

static inline void
gr_eh_save(const struct gr_m *m, struct gr_g *g)
{
	if (__builtin_expect(m->eh != NULL, 0))
		g->eh = *m->eh;
}

static inline void
gr_eh_load(const struct gr_m *m, const struct gr_g *g)
{
	if (__builtin_expect(m->eh != NULL, 0))
		*m->eh = g->eh;
}

#endif
