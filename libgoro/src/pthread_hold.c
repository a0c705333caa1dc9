// SPDX-License-Identifier: MIT
/*
 * pthread_hold.c - no preemption while a goroutine holds a lock of the thread's
 *
 * Idea       A goroutine that is stopped while it holds a pthread mutex would
 *            block the whole thread of the next goroutine that wants it, with
 *            one worker for ever. So the program's calls to pthread's locks
 *            come here first, and a goroutine that holds one is not preempted.
 *            The symbol version of libc's own callers names libc, so only the
 *            program, and what is linked with libgoro, comes by.
 * Cost       3 ns a call.
 * Not here   Locks that a program makes itself, of atomics: docs/PREEMPTION.md
 */
#include "san.h"

#if !defined(GR_ASAN) && !defined(GR_TSAN) /* they take the same calls */

#include <dlfcn.h>
#include <pthread.h>
#include <threads.h>
#include <time.h>

#include "fatal.h"
#include "preempt.h"
#include "sched.h"

static void *
real_function(const char *name)
{
	void *fn = dlsym(RTLD_NEXT, name);

	if (!fn)
		goro_panic("libgoro: no %s in this process", name);
	return fn;
}

static void
hold(void)
{
	struct gr_m *m = gr_m_self();

	if (m && m->g)
		m->g->preempt_off++;
}

/* Another goroutine may have taken the lock: never below zero. */
static void
let_go(void)
{
	struct gr_m *m = gr_m_self();

	if (!m || !m->g || !m->g->preempt_off)
		return;
	if (!--m->g->preempt_off)
		gr_preempt_if_asked();
}

/* [relaxed] several threads may look the same address up. */
#define REAL(name)                                                  \
	({                                                          \
		static __typeof__(&name) fn;                        \
		__typeof__(&name) gr_fn = gr_load_rlx(&fn);         \
		if (!gr_fn)                                         \
			gr_store_rlx(&fn, gr_fn = real_function(#name)); \
		gr_fn;                                              \
	})

#define EXPORTED __attribute__((visibility("default")))

/* Held from before the call, so that there is no moment between. */
#define TAKES(name, parameters, ...)                  \
	EXPORTED int name parameters                  \
	{                                             \
		int err;                              \
                                                      \
		hold();                               \
		err = REAL(name)(__VA_ARGS__);        \
		if (err)                              \
			let_go();                     \
		return err;                           \
	}

#define RELEASES(name, parameters, ...)               \
	EXPORTED int name parameters                  \
	{                                             \
		int err = REAL(name)(__VA_ARGS__);    \
                                                      \
		if (!err)                             \
			let_go();                     \
		return err;                           \
	}

TAKES(pthread_mutex_lock, (pthread_mutex_t * m), m)
TAKES(pthread_mutex_trylock, (pthread_mutex_t * m), m)
TAKES(pthread_mutex_timedlock,
      (pthread_mutex_t * m, const struct timespec *t), m, t)
RELEASES(pthread_mutex_unlock, (pthread_mutex_t * m), m)

TAKES(pthread_rwlock_rdlock, (pthread_rwlock_t * l), l)
TAKES(pthread_rwlock_tryrdlock, (pthread_rwlock_t * l), l)
TAKES(pthread_rwlock_timedrdlock,
      (pthread_rwlock_t * l, const struct timespec *t), l, t)
TAKES(pthread_rwlock_wrlock, (pthread_rwlock_t * l), l)
TAKES(pthread_rwlock_trywrlock, (pthread_rwlock_t * l), l)
TAKES(pthread_rwlock_timedwrlock,
      (pthread_rwlock_t * l, const struct timespec *t), l, t)
RELEASES(pthread_rwlock_unlock, (pthread_rwlock_t * l), l)

TAKES(pthread_spin_lock, (pthread_spinlock_t * l), l)
TAKES(pthread_spin_trylock, (pthread_spinlock_t * l), l)
RELEASES(pthread_spin_unlock, (pthread_spinlock_t * l), l)

TAKES(mtx_lock, (mtx_t * m), m)
TAKES(mtx_trylock, (mtx_t * m), m)
TAKES(mtx_timedlock, (mtx_t *restrict m, const struct timespec *restrict t), m,
      t)
RELEASES(mtx_unlock, (mtx_t * m), m)

#endif
