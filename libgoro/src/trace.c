// SPDX-License-Identifier: MIT
/*
 * trace.c - the rings that events go into
 *
 * Invariants 1. Only who has the P writes to its ring, or holds outside.lock.
 *            2. `n` events were written; that of number i is in slot i mod
 *               RING_EVENTS until number i + RING_EVENTS is begun.
 *            3. A ring that was made stays: somebody may be about to write.
 * Locks      outside.lock, taken last of all.
 */
#include "trace.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime.h"

enum { RING_EVENTS = 1 << 16 }; /* of a ring; a power of two */

struct ring {
	uint64_t n; /* events begun and ended; [pair trace-ring] */
	struct gr_trace_event event[RING_EVENTS] __attribute__((aligned(64)));
};

static struct ring *rings[GR_TRACE_RINGS]; /* [pair trace-rings] */

static struct {
	struct gr_lock lock;
} outside;

static struct {
	pthread_mutex_t lock;
	unsigned users;
	uint64_t since[GR_TRACE_RINGS]; /* what is older is wiped off */
} control = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* --- Recording: on any thread that has a P ---------------------------------- */

static inline void
put(struct ring *r, uint64_t when, uint64_t what)
{
	uint64_t n = gr_load_rlx(&r->n); /* [relaxed] our own */
	struct gr_trace_event *e = &r->event[n % RING_EVENTS];

	/* [pair trace-ring] who meets these words has to see that `n` is so
	 * far: it was stored before. */
	gr_wmb();
	gr_store_rlx(&e->when, when);
	gr_store_rlx(&e->what, what);
	/* [pair trace-ring] release: the event is whole. */
	gr_store_rel(&r->n, n + 1);
}

static inline uint64_t
when(uint64_t cycles, enum gr_trace_kind kind)
{
	return cycles << GR_TRACE_KIND_BITS | kind;
}

/* NULL: it is newer than the trace. */
static inline struct ring *
ring_of(const struct gr_p *p)
{
	return gr_load_acq(&rings[p->id]); /* [pair trace-rings] */
}

void
gr_trace_put(const struct gr_p *p, enum gr_trace_kind kind, uint64_t what)
{
	struct ring *r = ring_of(p);

	if (r)
		put(r, when(gr_cycles(), kind), what);
}

void
gr_trace_left(const struct gr_m *m, enum gr_trace_kind kind, unsigned reason,
	      uint64_t cycles)
{
	struct ring *r = ring_of(m->p);

	if (!r)
		return;
	put(r, when(cycles, kind), (m->g ? m->g->id : 0) << 8 | reason);
	if (kind == GR_TRACE_EXIT)
		put(r, GR_TRACE_FN, (uintptr_t)m->left->fn);
}

static void
put_name(struct ring *r, const char *name)
{
	size_t n = strlen(name) + 1;

	for (size_t at = 0; at < n; at += 8) {
		uint64_t word = 0;

		memcpy(&word, name + at, n - at < 8 ? n - at : 8);
		put(r, GR_TRACE_TEXT, word);
	}
}

static void
put_ready(struct ring *r, const struct gr_g *g, uint64_t cycles)
{
	/* Nobody else has it before it is in a queue. */
	if (!(g->flags & GORO_ABI_G_FRESH)) {
		put(r, when(cycles, GR_TRACE_READY), g->id);
		return;
	}
	put(r, when(cycles, GR_TRACE_CREATE), g->id);
	put(r, GR_TRACE_FN, (uintptr_t)g->fn);
	if (g->name)
		put_name(r, g->name);
}

void
gr_trace_ready(const struct gr_m *m, const struct gr_g *g, uint64_t cycles)
{
	struct ring *r;

	if (m && m->p) {
		r = ring_of(m->p);
		if (r)
			put_ready(r, g, cycles);
		return;
	}
	gr_lock(&outside.lock);
	r = gr_load_acq(&rings[GR_TRACE_OUTSIDE]); /* [pair trace-rings] */
	/* Anew, or it could be older than what another has written. */
	if (r)
		put_ready(r, g, gr_cycles());
	gr_unlock(&outside.lock);
}

void
gr_trace_named(const struct gr_m *m)
{
	struct ring *r = ring_of(m->p);

	if (!r)
		return;
	put(r, when(gr_cycles(), GR_TRACE_NAMED), m->g->id);
	put_name(r, m->g->name ? m->g->name : "");
}

/* --- On and off ------------------------------------------------------------- */

static int
make(uint32_t i)
{
	struct ring *r;

	if (gr_load_acq(&rings[i])) /* [pair trace-rings] */
		return 0;
	r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r == MAP_FAILED)
		return -ENOMEM;
	/* [pair trace-rings] two may be at it; the other's is as good. */
	if (!gr_cas_acq_rel(&rings[i], NULL, r))
		munmap(r, sizeof(*r));
	return 0;
}

int
gr_trace_more(void)
{
	uint32_t n = gr_load_acq(&gr_procs_ever); /* [pair procs] */
	int err = make(GR_TRACE_OUTSIDE);

	for (uint32_t i = 0; i < n && !err; i++)
		err = make(i);
	return err;
}

int
gr_trace_on(void)
{
	int err;

	pthread_mutex_lock(&control.lock);
	err = gr_trace_more();
	if (!err && !control.users++) {
		for (uint32_t i = 0; i < GR_TRACE_RINGS; i++)
			control.since[i] = gr_trace_position(i);
		gr_profile_events_turn(GR_EVENTS_TRACE, true);
	}
	pthread_mutex_unlock(&control.lock);
	return err;
}

void
gr_trace_off(void)
{
	pthread_mutex_lock(&control.lock);
	if (!--control.users) {
		gr_profile_events_turn(GR_EVENTS_TRACE, false);
		/* Who is just at it only gets a new page. */
		for (uint32_t i = 0; i < GR_TRACE_RINGS; i++) {
			struct ring *r = gr_load_acq(&rings[i]);

			if (r) /* [pair trace-rings] */
				madvise((char *)r + GR_PAGE,
					sizeof(*r) - GR_PAGE, MADV_DONTNEED);
		}
	}
	pthread_mutex_unlock(&control.lock);
}

/* --- Reading ---------------------------------------------------------------- */

uint64_t
gr_trace_position(uint32_t ring)
{
	struct ring *r = gr_load_acq(&rings[ring]); /* [pair trace-rings] */

	return r ? gr_load_acq(&r->n) : 0; /* [pair trace-ring] */
}

static uint64_t
oldest(uint64_t n)
{
	/* Number `n` may be just under way. */
	return n < RING_EVENTS ? 0 : n - RING_EVENTS + 1;
}

uint64_t
gr_trace_oldest(uint32_t ring)
{
	return GR_MAX(oldest(gr_trace_position(ring)), control.since[ring]);
}

uint32_t
gr_trace_take(uint32_t ring, uint64_t *at, uint64_t end,
	      struct gr_trace_event *ret, uint32_t max, uint64_t *lost)
{
	struct ring *r = gr_load_acq(&rings[ring]); /* [pair trace-rings] */
	uint64_t first, gone, n;

	if (!r)
		return 0;
	/* What is gone for sure is not even looked at. */
	first = oldest(gr_load_acq(&r->n)); /* [pair trace-ring] */
	if (*at < first) {
		*lost += first - *at;
		*at = first;
	}
	if (*at >= end)
		return 0;
	n = GR_MIN(end - *at, (uint64_t)max);
	for (uint64_t i = 0; i < n; i++) {
		struct gr_trace_event *e = &r->event[(*at + i) % RING_EVENTS];

		/* [pair trace-ring] [relaxed] torn ones are dropped below. */
		ret[i].when = gr_load_rlx(&e->when);
		ret[i].what = gr_load_rlx(&e->what);
	}
	/* [pair trace-ring] the words were read before this. If one of them
	 * was new, `n` is at least what it was when that was written. */
	gr_rmb();
	first = oldest(gr_load_rlx(&r->n));
	gone = first > *at ? GR_MIN(first - *at, n) : 0;
	memmove(ret, ret + gone, (n - gone) * sizeof(*ret));
	*lost += gone;
	*at += n;
	return (uint32_t)(n - gone);
}
