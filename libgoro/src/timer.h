/* SPDX-License-Identifier: MIT */
/*
 * timer.h - timers of the runtime: a 4-ary heap on each P
 *
 * Idea       A heap per P, so that adding and stopping seldom meet another
 *            thread; 4-ary, since a node's children share a cache line. The
 *            heap holds the instants, not only pointers: sifting a million
 *            timers touches no timer but the one that moves.
 * Callbacks  run under the heap's lock, on a scheduler's stack or, by
 *            gr_timer_run_one(), on that of who asks. They return the
 *            goroutine that is to run, and run() makes it ready when the
 *            timer has left the heap: its owner may be gone a moment later.
 *            So gr_timer_del() returning means that the callback does not
 *            run and will not. What needs more than the locks behind the
 *            heap's in lock.h, another heap's for one, a callback defers.
 * Ends       A run that ends takes all timers out of their heaps, unfired:
 *            their owners may still stop and free them.
 * Locks      heap->lock, see lock.h for the order.
 */
#ifndef GR_TIMER_H
#define GR_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "lock.h"

struct gr_g;
struct gr_m;
struct gr_timer_heap;

struct gr_timer {
	int64_t when_ns; /* CLOCK_MONOTONIC */
	/* Returns the goroutine to make ready, or NULL. When it puts when_ns
	 * beyond @now_ns the timer stays in the heap, to fire again. */
	struct gr_g *(*fire)(struct gr_timer *t, struct gr_m *m,
			     int64_t now_ns);
	/* The heap that it is in, or NULL. Written under that heap's lock. */
	struct gr_timer_heap *heap;
	uint32_t index;
};

/* What a callback puts off until its heap is unlocked again. */
struct gr_deferred {
	struct gr_deferred *next;
	void (*run)(struct gr_deferred *d, struct gr_m *m);
};

struct gr_timer_slot {
	int64_t when_ns;
	struct gr_timer *timer;
};

struct gr_timer_heap {
	struct gr_lock lock;
	uint32_t n, room;
	struct gr_timer_slot *slots;
	/* The earliest instant, or GORO_FOREVER; for those who only look.
	 * [pair timer-first] */
	int64_t first_ns;
};

int gr_timer_add(struct gr_timer_heap *h, struct gr_timer *t, int64_t when_ns);
bool gr_timer_del(struct gr_timer *t);
int64_t gr_timer_run(struct gr_timer_heap *h, struct gr_m *m, int64_t now_ns);
bool gr_timer_run_one(struct gr_timer *t, struct gr_m *m);
void gr_timer_defer(struct gr_m *m, struct gr_deferred *d);
void gr_timer_move(struct gr_timer_heap *from, struct gr_timer_heap *to);
int gr_timer_heap_init(struct gr_timer_heap *h);
void gr_timer_heap_fini(struct gr_timer_heap *h);

#endif
