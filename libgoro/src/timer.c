// SPDX-License-Identifier: MIT
/*
 * timer.c - the heap behind every sleep, deadline and timer
 *
 * Invariants 1. slots[i] is not later than its children 4i+1 .. 4i+4.
 *            2. slots[i].timer->index == i and ->heap == h.
 *            3. first_ns == slots[0].when_ns, or GORO_FOREVER when empty.
 * Locks      heap->lock around everything; held while a callback runs.
 */
#include "timer.h"

#include <errno.h>
#include <stdlib.h>

#include "atomic.h"
#include "goro/goro.h"
#include "sched.h"

enum { ARITY = 4 };

static void
place(struct gr_timer_heap *h, uint32_t i, struct gr_timer_slot s)
{
	h->slots[i] = s;
	s.timer->index = i;
}

static void
sift_up(struct gr_timer_heap *h, uint32_t i, struct gr_timer_slot s)
{
	while (i > 0) {
		uint32_t parent = (i - 1) / ARITY;
		if (h->slots[parent].when_ns <= s.when_ns)
			break;
		place(h, i, h->slots[parent]);
		i = parent;
	}
	place(h, i, s);
}

static void
sift_down(struct gr_timer_heap *h, uint32_t i, struct gr_timer_slot s)
{
	for (;;) {
		uint32_t first = i * ARITY + 1, least;
		if (first >= h->n)
			break;
		least = first;
		for (uint32_t c = first + 1; c < first + ARITY && c < h->n; c++)
			if (h->slots[c].when_ns < h->slots[least].when_ns)
				least = c;
		if (h->slots[least].when_ns >= s.when_ns)
			break;
		place(h, i, h->slots[least]);
		i = least;
	}
	place(h, i, s);
}

static void
publish_first(struct gr_timer_heap *h)
{
	/* [pair timer-first] sequentially consistent: a worker that goes to
	 * sleep declares itself idle and then reads this; see sched.c. */
	gr_store_sc(&h->first_ns, h->n ? h->slots[0].when_ns : GORO_FOREVER);
}

static int
make_room(struct gr_timer_heap *h)
{
	uint32_t room = h->room ? h->room * 2 : 64;
	struct gr_timer_slot *slots;

	if (h->n < h->room)
		return 0;
	slots = realloc(h->slots, room * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	h->slots = slots;
	h->room = room;
	return 0;
}

/* Have room for a few from the start: a sleep has no way to say that memory is
 * short. 0 or -ENOMEM. */
int
gr_timer_heap_init(struct gr_timer_heap *h)
{
	*h = (struct gr_timer_heap){ .first_ns = GORO_FOREVER };
	return make_room(h);
}

/* Put a timer that is in no heap into @h; there is room. */
static void
insert_locked(struct gr_timer_heap *h, struct gr_timer *t)
{
	gr_store_rel(&t->heap, h); /* [pair timer-heap] */
	sift_up(h, h->n++, (struct gr_timer_slot){ t->when_ns, t });
}

/* Take slot @i out of the array; its timer's `heap` stays as it is. */
static void
remove_locked(struct gr_timer_heap *h, uint32_t i)
{
	struct gr_timer_slot last = h->slots[--h->n];

	if (i == h->n)
		return;
	if (i > 0 && last.when_ns < h->slots[(i - 1) / ARITY].when_ns)
		sift_up(h, i, last);
	else
		sift_down(h, i, last);
}

/* Put a timer that is in no heap into @h. 1 when it is the first to fire now,
 * 0 when another is, -ENOMEM. */
int
gr_timer_add(struct gr_timer_heap *h, struct gr_timer *t, int64_t when_ns)
{
	int r;

	gr_lock(&h->lock);
	r = make_room(h);
	if (!r) {
		t->when_ns = when_ns;
		insert_locked(h, t);
		r = t->index == 0;
		if (r)
			publish_first(h);
	}
	gr_unlock(&h->lock);
	return r;
}

/*
 * Take a timer out of its heap. True when it was still to fire; when false,
 * its callback has run to its end: the lock is what both meet at.
 */
bool
gr_timer_del(struct gr_timer *t)
{
	for (;;) {
		/* [pair timer-heap] a heap that is gone by the time we hold its
		 * lock means that the callback ran under that lock. */
		struct gr_timer_heap *h = gr_load_acq(&t->heap);
		if (!h)
			return false;
		gr_lock(&h->lock);
		/* [pair timer-heap] in another one its lock guards it. */
		if (gr_load_acq(&t->heap) == h) {
			bool first = t->index == 0;

			remove_locked(h, t->index);
			gr_store_rel(&t->heap, NULL); /* [pair timer-heap] */
			if (first)
				publish_first(h);
			gr_unlock(&h->lock);
			return true;
		}
		gr_unlock(&h->lock);
	}
}

static void
fire_locked(struct gr_timer_heap *h, struct gr_timer *t, struct gr_m *m,
	    int64_t now_ns)
{
	struct gr_g *g;

	remove_locked(h, t->index);
	/* The next, which is cold where there are many. */
	__builtin_prefetch(h->slots[0].timer, 1);
	g = t->fire(t, m, now_ns);
	if (t->when_ns > now_ns)
		insert_locked(h, t); /* where it was, so there is room */
	else
		/* [pair timer-heap] from here on it may be freed. */
		gr_store_rel(&t->heap, NULL);
	if (g)
		gr_ready(m, g);
}

/* Run @d when the callback's heap is unlocked, on the same thread. */
void
gr_timer_defer(struct gr_m *m, struct gr_deferred *d)
{
	d->next = m->deferred;
	m->deferred = d;
}

static void
run_deferred(struct gr_m *m)
{
	struct gr_deferred *d;

	while ((d = m->deferred)) {
		m->deferred = d->next;
		d->run(d, m);
	}
}

/* Fire what is due at @now_ns. Returns the next instant, or GORO_FOREVER. */
int64_t
gr_timer_run(struct gr_timer_heap *h, struct gr_m *m, int64_t now_ns)
{
	int64_t first_ns;

	gr_lock(&h->lock);
	while (h->n && h->slots[0].when_ns <= now_ns)
		fire_locked(h, h->slots[0].timer, m, now_ns);
	publish_first(h);
	first_ns = h->first_ns;
	gr_unlock(&h->lock);
	run_deferred(m);
	return first_ns;
}

/*
 * Fire this one, if it is due and no scheduler has come to it yet. True when
 * it was fired here. The caller's reference keeps @t alive.
 */
bool
gr_timer_run_one(struct gr_timer *t, struct gr_m *m)
{
	struct gr_timer_heap *h = gr_load_acq(&t->heap); /* [pair timer-heap] */
	int64_t now_ns;
	bool due;

	if (!h)
		return false;
	now_ns = gr_now_ns();
	if (gr_load_acq(&h->first_ns) > now_ns) /* [pair timer-first] */
		return false;
	gr_lock(&h->lock);
	/* [pair timer-heap] as in gr_timer_del() */
	due = gr_load_acq(&t->heap) == h && t->when_ns <= now_ns;
	if (due) {
		fire_locked(h, t, m, now_ns);
		publish_first(h);
	}
	gr_unlock(&h->lock);
	run_deferred(m);
	return due;
}

/* Give all timers of a P that is turned off to another, which never is. */
void
gr_timer_move(struct gr_timer_heap *from, struct gr_timer_heap *to)
{
	gr_lock(&from->lock);
	gr_lock(&to->lock);
	while (from->n && !make_room(to)) {
		struct gr_timer *t = from->slots[--from->n].timer;

		insert_locked(to, t);
	}
	publish_first(from);
	publish_first(to);
	gr_unlock(&to->lock);
	gr_unlock(&from->lock);
}

/* No thread of the runtime is left. Who still holds a timer finds it at rest. */
void
gr_timer_heap_fini(struct gr_timer_heap *h)
{
	/* [pair timer-heap] */
	for (uint32_t i = 0; i < h->n; i++)
		gr_store_rel(&h->slots[i].timer->heap, NULL);
	free(h->slots);
	*h = (struct gr_timer_heap){ .first_ns = GORO_FOREVER };
}
