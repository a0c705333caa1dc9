/* SPDX-License-Identifier: MIT */
/*
 * goro/sync.h - mutex, rwmutex, waitgroup, once, cond
 *
 * All are ready when zeroed, must not be copied or moved once used, and need
 * no destruction. Their fields are the runtime's own.
 *
 * Memory: the last use of an object ends with its return. Whoever is the last
 * to unlock a mutex, or the only one to wait for a group, may free it at once,
 * even while the call that let it go on has yet to return on another thread.
 */
#ifndef GORO_SYNC_H
#define GORO_SYNC_H

#include <goro/goro.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
#define GORO_ZERO_ \
	{          \
	}
#else
#define GORO_ZERO_ \
	{          \
		0  \
	}
#endif

struct goro_waitq_ {
	void *first, *last;
};

/*
 * Mutual exclusion. Owned: only the goroutine that locked it unlocks it.
 * Not recursive. Source: Go, sync.Mutex; differs: the owner.
 */
struct goro_mutex {
	uint32_t locked_, lock_, waits_, moment_;
	uint64_t owner_;
	struct goro_waitq_ waiters_;
};
#define GORO_MUTEX_INIT GORO_ZERO_

/**
 * Lock, waiting for it.
 *
 * Context   goroutine only; may go on on another thread
 * Threads   whoever has waited for a millisecond is next; until then one that
 *           comes by just as it is unlocked may be faster
 * Order     the unlock before it happens-before the return
 * Source    Go, sync.Mutex.Lock
 */
void goro_mutex_lock(struct goro_mutex *m);

/**
 * Unlock.
 *
 * Misuse    panics when @m is not locked, "sync: unlock of unlocked mutex",
 *           and when another goroutine locked it
 * Context   goroutine only
 * Source    Go, sync.Mutex.Unlock
 */
void goro_mutex_unlock(struct goro_mutex *m);

/** Lock if that needs no waiting; true when it did. Goroutine only. */
bool goro_mutex_try_lock(struct goro_mutex *m);

/*
 * Many readers or one writer. A writer that waits bars new readers, so one
 * goroutine must not lock for reading twice; readers that waited for a writer
 * come before the next. Owned: a goroutine unlocks only what it has locked.
 * Source: Go, sync.RWMutex; differs: the owners.
 */
struct goro_rwmutex {
	uint32_t state_, lock_;
	uint64_t owner_;
	struct goro_waitq_ readers_, writers_;
};
#define GORO_RWMUTEX_INIT GORO_ZERO_

/**
 * Lock for writing, waiting until nobody else is inside.
 *
 * Context   goroutine only; may go on on another thread
 * Threads   writers come in the order in which they came
 * Order     all unlocks before it happen-before the return
 * Source    Go, sync.RWMutex.Lock
 */
void goro_rwmutex_lock(struct goro_rwmutex *rw);

/**
 * Unlock after writing.
 *
 * Misuse    panics when @rw is not locked for writing, "sync: Unlock of
 *           unlocked RWMutex", and when another goroutine locked it
 * Context   goroutine only
 * Source    Go, sync.RWMutex.Unlock
 */
void goro_rwmutex_unlock(struct goro_rwmutex *rw);

/**
 * Lock for reading, waiting until there is no writer inside and none waits.
 *
 * Context   goroutine only; may go on on another thread
 * Order     the writer's unlock before it happens-before the return
 * Source    Go, sync.RWMutex.RLock
 */
void goro_rwmutex_rlock(struct goro_rwmutex *rw);

/**
 * Unlock after reading.
 *
 * Misuse    panics when this goroutine has not locked @rw for reading; when
 *           nobody has, "sync: RUnlock of unlocked RWMutex"
 * Context   goroutine only
 * Source    Go, sync.RWMutex.RUnlock
 */
void goro_rwmutex_runlock(struct goro_rwmutex *rw);

/** Lock for writing if that needs no waiting; true when it did. Goroutine
 * only. */
bool goro_rwmutex_try_lock(struct goro_rwmutex *rw);

/** The same for reading. */
bool goro_rwmutex_try_rlock(struct goro_rwmutex *rw);

/*
 * A counter to wait for. Source: Go, sync.WaitGroup.
 */
struct goro_waitgroup {
	uint64_t state_;
	uint32_t lock_, pad_;
	struct goro_waitq_ waiters_;
};
#define GORO_WAITGROUP_INIT GORO_ZERO_

/**
 * Add to the counter; at zero all that wait go on. What raises it from zero
 * must happen before the wait that it is meant for, and after all earlier
 * waits have returned.
 *
 * Misuse    panics below zero, "sync: negative WaitGroup counter", and where
 *           it finds that rule broken
 * Context   any thread
 * Order     happens-before the return of the waits that it lets go on
 * Source    Go, sync.WaitGroup.Add
 */
void goro_waitgroup_add(struct goro_waitgroup *wg, int delta);

/** Add -1. */
void goro_waitgroup_done(struct goro_waitgroup *wg);

/**
 * Wait until the counter is zero.
 *
 * Misuse    panics when the group is used again before this has returned
 * Context   goroutine only; may go on on another thread
 * Source    Go, sync.WaitGroup.Wait
 */
void goro_waitgroup_wait(struct goro_waitgroup *wg);

/*
 * Something to be done once. Source: Go, sync.Once.
 */
struct goro_once {
	uint32_t state_, lock_;
	uint64_t owner_;
	struct goro_waitq_ waiters_;
};
#define GORO_ONCE_INIT GORO_ZERO_

/**
 * Call @fn, unless it has been called with this @o; then only wait until that
 * call has returned.
 *
 * @fn       it counts as called when it ends its goroutine, too; it must be
 *           left neither by longjmp() nor by an exception, and waits for
 *           itself for ever if it comes here again with the same @o
 *
 * Context   goroutine only; may go on on another thread. Any thread, once
 *           @fn has returned
 * Order     the return of @fn happens-before the return of every call
 * Source    Go, sync.Once.Do
 */
void goro_once_do(struct goro_once *o, void (*fn)(void *arg), void *arg);

/*
 * Waiting for a condition that a mutex protects. Source: Go, sync.Cond;
 * differs: the mutex comes with each wait.
 */
struct goro_cond {
	uint32_t lock_, pad_;
	struct goro_waitq_ waiters_;
};
#define GORO_COND_INIT GORO_ZERO_

/**
 * Unlock @m and wait to be woken, in one step; then lock it again. Only a
 * signal or a broadcast wakes, yet the condition may be gone again by the time
 * that @m is locked: wait in a loop.
 *
 * Misuse    panics when the caller has not locked @m, as an unlock does
 * Context   goroutine only; may go on on another thread
 * Order     what wakes it happens-before the return
 * Source    Go, sync.Cond.Wait
 */
void goro_cond_wait(struct goro_cond *c, struct goro_mutex *m);

/** Wake the one that has waited longest, if any. Any thread, with the mutex
 * locked or not. */
void goro_cond_signal(struct goro_cond *c);

/** Wake all that wait. Any thread, with the mutex locked or not. */
void goro_cond_broadcast(struct goro_cond *c);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
