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
real_function(const char *name, void *in_static)
{
	void *fn = dlsym(RTLD_NEXT, name);

	if (!fn)
		fn = in_static;
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
#define REAL(name)                                                           \
	({                                                                   \
		static __typeof__(&name) fn;                                 \
		__typeof__(&name) gr_fn = gr_load_rlx(&fn);                  \
		if (!gr_fn) {                                                \
			gr_fn = real_function(#name, (void *)static_##name); \
			gr_store_rlx(&fn, gr_fn);                            \
		}                                                            \
		gr_fn;                                                       \
	})

/* In a static program nothing comes next to ours: there libc's function is
 * known by the name that libc itself calls it by, if it does. */
#define STATIC(name, libcs)                                  \
	extern __typeof__(name) static_##name __asm__(libcs) \
		__attribute__((weak));

#define EXPORTED __attribute__((visibility("default")))

/* Held from before the call, so that there is no moment between. */
#define TAKES(name, parameters, ...)           \
	EXPORTED int name parameters           \
	{                                      \
		int err;                       \
                                               \
		hold();                        \
		err = REAL(name)(__VA_ARGS__); \
		if (err)                       \
			let_go();              \
		return err;                    \
	}

#define RELEASES(name, parameters, ...)            \
	EXPORTED int name parameters               \
	{                                          \
		int err = REAL(name)(__VA_ARGS__); \
                                                   \
		if (!err)                          \
			let_go();                  \
		return err;                        \
	}

STATIC(pthread_mutex_lock, "___pthread_mutex_lock")
TAKES(pthread_mutex_lock, (pthread_mutex_t * m), m)
STATIC(pthread_mutex_trylock, "___pthread_mutex_trylock")
TAKES(pthread_mutex_trylock, (pthread_mutex_t * m), m)
STATIC(pthread_mutex_timedlock, "___pthread_mutex_timedlock")
TAKES(pthread_mutex_timedlock, (pthread_mutex_t * m, const struct timespec *t),
      m, t)
STATIC(pthread_mutex_unlock, "___pthread_mutex_unlock")
RELEASES(pthread_mutex_unlock, (pthread_mutex_t * m), m)

STATIC(pthread_rwlock_rdlock, "___pthread_rwlock_rdlock")
TAKES(pthread_rwlock_rdlock, (pthread_rwlock_t * l), l)
STATIC(pthread_rwlock_tryrdlock, "___pthread_rwlock_tryrdlock")
TAKES(pthread_rwlock_tryrdlock, (pthread_rwlock_t * l), l)
STATIC(pthread_rwlock_timedrdlock, "___pthread_rwlock_timedrdlock")
TAKES(pthread_rwlock_timedrdlock,
      (pthread_rwlock_t * l, const struct timespec *t), l, t)
STATIC(pthread_rwlock_wrlock, "___pthread_rwlock_wrlock")
TAKES(pthread_rwlock_wrlock, (pthread_rwlock_t * l), l)
STATIC(pthread_rwlock_trywrlock, "___pthread_rwlock_trywrlock")
TAKES(pthread_rwlock_trywrlock, (pthread_rwlock_t * l), l)
STATIC(pthread_rwlock_timedwrlock, "___pthread_rwlock_timedwrlock")
TAKES(pthread_rwlock_timedwrlock,
      (pthread_rwlock_t * l, const struct timespec *t), l, t)
STATIC(pthread_rwlock_unlock, "___pthread_rwlock_unlock")
RELEASES(pthread_rwlock_unlock, (pthread_rwlock_t * l), l)

STATIC(pthread_spin_lock, "__pthread_spin_lock")
TAKES(pthread_spin_lock, (pthread_spinlock_t * l), l)
STATIC(pthread_spin_trylock, "__pthread_spin_trylock")
TAKES(pthread_spin_trylock, (pthread_spinlock_t * l), l)
STATIC(pthread_spin_unlock, "__pthread_spin_unlock")
RELEASES(pthread_spin_unlock, (pthread_spinlock_t * l), l)

STATIC(mtx_lock, "__mtx_lock")
TAKES(mtx_lock, (mtx_t * m), m)
STATIC(mtx_trylock, "__mtx_trylock")
TAKES(mtx_trylock, (mtx_t * m), m)
STATIC(mtx_timedlock, "__mtx_timedlock")
TAKES(mtx_timedlock, (mtx_t *restrict m, const struct timespec *restrict t), m,
      t)
STATIC(mtx_unlock, "__mtx_unlock")
RELEASES(mtx_unlock, (mtx_t * m), m)

#endif
