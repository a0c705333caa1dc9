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

struct goro_waitq_ {
	void *first, *last;
};

/*
 * Mutual exclusion. Owned: only the goroutine that locked it unlocks it.
 * Not recursive. Source: Go, sync.Mutex; differs: the owner.
 */
struct goro_mutex {
	uint32_t locked_, lock_, known_, worker_;
	uint64_t owner_;
	struct goro_waitq_ waiters_;
};
#define GORO_MUTEX_INIT { 0, 0, 0, 0, 0, { 0, 0 } }

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
 * A counter to wait for. Source: Go, sync.WaitGroup.
 */
struct goro_waitgroup {
	uint64_t state_;
	uint32_t lock_, pad_;
	struct goro_waitq_ waiters_;
};
#define GORO_WAITGROUP_INIT { 0, 0, 0, { 0, 0 } }

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

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
