/* SPDX-License-Identifier: MIT */
/*
 * goro/sync.h - mutex, rwmutex, waitgroup, once, cond
 *
 * All are ready when zeroed, must not be copied or moved once used, and need
 * no destruction. Their fields are the runtime's own.
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
	uint32_t state_, lock_;
	uint64_t owner_;
	struct goro_waitq_ waiters_;
};
#define GORO_MUTEX_INIT { 0, 0, 0, { 0, 0 } }

/** Lock, waiting for it. Goroutine only. Order: the unlock before it. */
void goro_mutex_lock(struct goro_mutex *m);
/**
 * Unlock.
 *
 * Misuse    panics when @m is not locked, "sync: unlock of unlocked mutex",
 *           and when another goroutine locked it
 */
void goro_mutex_unlock(struct goro_mutex *m);
/** Lock if that needs no waiting; true when it did. */
bool goro_mutex_try_lock(struct goro_mutex *m);

/*
 * A counter to wait for. Source: Go, sync.WaitGroup.
 */
struct goro_waitgroup {
	int64_t count_;
	uint32_t lock_, pad_;
	struct goro_waitq_ waiters_;
};
#define GORO_WAITGROUP_INIT { 0, 0, 0, { 0, 0 } }

/**
 * Add to the counter; at zero the waiters go on.
 *
 * Misuse    panics below zero: "sync: negative WaitGroup counter"
 * Context   any thread
 */
void goro_waitgroup_add(struct goro_waitgroup *wg, int delta);
/** Add -1. */
void goro_waitgroup_done(struct goro_waitgroup *wg);
/** Wait until the counter is zero. Goroutine only. */
void goro_waitgroup_wait(struct goro_waitgroup *wg);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
