/* SPDX-License-Identifier: MIT */
/*
 * san.h - what the sanitizers must be told of a change of stacks
 *
 * AddressSanitizer keeps the bounds of the present stack, ThreadSanitizer a
 * history and a clock for each "fiber". Without either these are empty.
 * gr_san_leave() is the last thing on the old stack, gr_san_enter() the first
 * on the new one.
 */
#ifndef GR_SAN_H
#define GR_SAN_H

#include "sched.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define GR_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define GR_TSAN 1
#include <sanitizer/tsan_interface.h>
#endif

#ifdef GR_WITH_VALGRIND
#include <valgrind/valgrind.h>
#endif

/* From @from (NULL: the scheduler's stack) to @to (likewise). */
static inline __attribute__((always_inline)) void
gr_san_leave(struct gr_m *m, struct gr_g *from, struct gr_g *to, bool for_good)
{
	(void)m, (void)from, (void)to, (void)for_good;
#ifdef GR_ASAN
	void **save = from ? &from->san_fiber : &m->san_fiber;

	if (to)
		__sanitizer_start_switch_fiber(for_good ? NULL : save,
					       (void *)to->stack_lo,
					       to->stack_hi - to->stack_lo);
	else
		__sanitizer_start_switch_fiber(for_good ? NULL : save,
					       m->san_stack_lo,
					       m->san_stack_bytes);
#endif
#ifdef GR_TSAN
	__tsan_switch_to_fiber(to ? to->san_fiber : m->san_fiber, 0);
#endif
}

/* Now on @to. */
static inline void
gr_san_enter(struct gr_m *m, struct gr_g *to)
{
	(void)m, (void)to;
#ifdef GR_ASAN
	__sanitizer_finish_switch_fiber(to ? to->san_fiber : m->san_fiber,
					NULL, NULL);
#endif
}

static inline void
gr_san_g_start(struct gr_g *g)
{
	(void)g;
#ifdef GR_ASAN
	g->san_fiber = NULL;
	__asan_unpoison_memory_region((void *)g->stack_lo,
				      g->stack_hi - g->stack_lo);
#endif
#ifdef GR_TSAN
	g->san_fiber = __tsan_create_fiber(0);
#endif
}

static inline void
gr_san_g_end(struct gr_g *g)
{
	(void)g;
#ifdef GR_TSAN
	__tsan_destroy_fiber(g->san_fiber);
#endif
}

/*
 * A stack is there, or no more. LeakSanitizer must look for pointers on it,
 * Valgrind must know that a jump there is no growth of the present stack.
 */
extern void __lsan_register_root_region(const void *p, size_t bytes)
	__attribute__((weak));
extern void __lsan_unregister_root_region(const void *p, size_t bytes)
	__attribute__((weak));

/* Mapped for good, and with pointers in it to what was malloc'ed. */
static inline void
gr_san_mapped(const void *p, size_t bytes)
{
	if (__lsan_register_root_region)
		__lsan_register_root_region(p, bytes);
}

static inline void
gr_san_stack_open(struct gr_g *g)
{
	if (__lsan_register_root_region)
		__lsan_register_root_region((void *)g->stack_lo,
					    g->stack_hi - g->stack_lo);
#ifdef VALGRIND_STACK_REGISTER
	/* With the record: an empty stack's pointer is just below it. */
	(void)VALGRIND_STACK_REGISTER(g->stack_lo, g + 1);
#endif
}

static inline void
gr_san_stack_close(struct gr_g *g)
{
	if (__lsan_unregister_root_region)
		__lsan_unregister_root_region((void *)g->stack_lo,
					      g->stack_hi - g->stack_lo);
#ifdef GR_ASAN
	/* A goroutine that a run's end has left where it was has not taken
	 * back the red zones of its frames, and what is mapped here next does
	 * not know of them. */
	__asan_unpoison_memory_region((void *)g->stack_lo,
				      g->stack_hi - g->stack_lo);
#endif
}

/*
 * ThreadSanitizer keeps a signal back until the thread calls something that it
 * knows. A thread that mostly sleeps does so here, now and then.
 */
static inline int64_t
gr_san_take_signals(void)
{
#ifdef GR_TSAN
	sigset_t mask;

	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	return gr_now_ns() + 10000000;
#else
	return INT64_MAX; /* GORO_FOREVER: no need */
#endif
}

/* On a new thread's own stack. */
static inline void
gr_san_m_start(struct gr_m *m)
{
	(void)m;
#ifdef GR_ASAN
	pthread_attr_t attr;
	void *lo;
	size_t bytes;

	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &lo, &bytes);
	pthread_attr_destroy(&attr);
	m->san_stack_lo = lo;
	m->san_stack_bytes = bytes;
#endif
#ifdef GR_TSAN
	m->san_fiber = __tsan_get_current_fiber();
#endif
}

#endif
