// SPDX-License-Identifier: MIT
/*
 * trace_replay.c - who was what when: events become slices and flows
 *
 * Idea       The events are gone through twice. The first time for what must
 *            be known before it comes: names, that of a goroutine's track for
 *            one, and which wake-ups came to anything, so that every flow has
 *            both its ends. The second time slices are written as they open
 *            and close.
 * Before     A flight recorder has events of before the time that is asked
 *            for. They count for who is what when that begins.
 * Who is     A goroutine that no event has been about yet is what it was when
 * there      the process looked at it; that look is an event, too.
 * Lost       Where events are lost, a worker and whoever it ran are nothing
 *            until something is known of them again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

enum { QUIET_MAX = 1000 }; /* goroutines shown that do nothing */

enum state { UNKNOWN, WAITING, READY, RUNNING, BLOCKED, GONE };

struct who {
	uint64_t id, fn;
	char *name;     /* NULL: none */
	uint64_t first; /* cycles: the first that is known of it; 0: nothing */
	uint64_t woken; /* number of the event, or 0; then the flow's */
	enum state state;
	unsigned reason;
	uint32_t ring; /* where it runs, or is blocked */
	bool open, shown;
};

struct worker {
	uint64_t id;      /* of whom it runs; 0: nobody known */
	enum state state; /* RUNNING, BLOCKED; READY: it looks for work */
	bool open, shown;
};

struct replay {
	struct trace *t;
	struct trace_out *o; /* NULL: the first time */
	struct trace_summary sum;
	struct who *who;
	size_t who_n, who_room;
	uint32_t *slot; /* hash of ids: index in `who` and 1 */
	size_t slots;   /* a power of two */
	struct worker worker[GR_TRACE_RINGS];
	uint8_t *matched; /* a bit an event: a wake-up that came to something */
	uint64_t number, numbers; /* of this event; of all */
	uint64_t cycles;          /* of this one */
	bool begun;               /* the time that is asked for has come */
	bool failed;              /* memory was short */
};

/* --- Who ---------------------------------------------------------------------- */

static uint32_t *
find_slot(struct replay *r, uint64_t id)
{
	uint64_t h = id * 0x9e3779b97f4a7c15ull >> 20;

	for (;; h++) {
		uint32_t *slot = &r->slot[h & (r->slots - 1)];

		if (!*slot || r->who[*slot - 1].id == id)
			return slot;
	}
}

static bool
grow(struct replay *r)
{
	size_t room = r->who_room ? 2 * r->who_room : 1024;
	struct who *who = realloc(r->who, room * sizeof(*who));
	uint32_t *slot = calloc(2 * room, sizeof(*slot));

	if (who)
		r->who = who;
	if (!who || !slot) {
		free(slot);
		return false;
	}
	free(r->slot);
	r->slot = slot;
	r->slots = 2 * room;
	r->who_room = room;
	for (size_t i = 0; i < r->who_n; i++)
		*find_slot(r, r->who[i].id) = (uint32_t)i + 1;
	return true;
}

/* Valid until one is asked for that nobody has heard of. NULL: there is none
 * of id 0, or no memory. */
static struct who *
who_is(struct replay *r, uint64_t id)
{
	uint32_t *slot = find_slot(r, id);

	if (!id)
		return NULL;
	if (*slot)
		return &r->who[*slot - 1];
	if (r->who_n == r->who_room) {
		if (!grow(r)) {
			r->failed = true;
			return NULL;
		}
		slot = find_slot(r, id);
	}
	r->who[r->who_n] = (struct who){ .id = id };
	*slot = (uint32_t)++r->who_n;
	return &r->who[r->who_n - 1];
}

static void
learn(struct replay *r, uint64_t id, uint64_t fn, const char *name)
{
	struct who *w = r->o ? NULL : who_is(r, id);

	if (!w)
		return;
	if (fn)
		w->fn = fn;
	if (name && *name && (!w->name || strcmp(w->name, name))) {
		free(w->name);
		w->name = strdup(name);
		r->failed |= !w->name;
	}
}

static const char *
function_of(const struct replay *r, const struct who *w)
{
	const char *name = w ? trace_function(r->t, w->fn) : NULL;

	return name ? name : "goroutine";
}

/* --- Writing -------------------------------------------------------------------- */

static int64_t
ns_at(const struct replay *r, uint64_t cycles)
{
	const struct gr_trace_clock *a = &r->t->first, *b = &r->t->last;
	long double rate = (long double)(b->ns - a->ns) /
			   (long double)(b->cycles - a->cycles);

	return (int64_t)a->ns +
	       (int64_t)(rate * (long double)(int64_t)(cycles - a->cycles));
}

static void
show_goroutine(struct replay *r, struct who *w)
{
	char name[1024];

	if (w->shown)
		return;
	w->shown = true;
	snprintf(name, sizeof(name), "goroutine %llu %s%s%s%s",
		 (unsigned long long)w->id, w->fn ? function_of(r, w) : "",
		 w->name ? " [" : "", w->name ? w->name : "",
		 w->name ? "]" : "");
	r->o->track(r->o, &(struct trace_track){ TRACE_GOROUTINES, w->id },
		    name);
}

static void
show_worker(struct replay *r, uint32_t ring)
{
	char name[32] = "outside";

	if (r->worker[ring].shown)
		return;
	r->worker[ring].shown = true;
	if (ring != GR_TRACE_OUTSIDE)
		snprintf(name, sizeof(name), "worker %u", ring);
	r->o->track(r->o, &(struct trace_track){ TRACE_WORKERS, ring }, name);
}

static bool
silent(const struct replay *r)
{
	return !r->o || !r->begun;
}

static void
mark(struct replay *r, struct trace_mark m)
{
	m.ns = ns_at(r, r->cycles);
	r->o->mark(r->o, &m);
}

static const char *
state_name(const struct replay *r, const struct who *w)
{
	switch (w->state) {
	case WAITING:
		return w->reason < GORO_WAIT_REASONS &&
				       r->t->reason[w->reason] ?
			       r->t->reason[w->reason] :
			       "waiting";
	case READY:
		return "runnable";
	case RUNNING:
		return "running";
	case BLOCKED:
		return "blocking call";
	default:
		return NULL;
	}
}

static void
open_goroutine(struct replay *r, struct who *w)
{
	const char *name = state_name(r, w);
	bool on = w->state == RUNNING || w->state == BLOCKED;

	if (silent(r) || !name)
		return;
	show_goroutine(r, w);
	mark(r, (struct trace_mark){
			.type = TRACE_BEGIN,
			.track = { TRACE_GOROUTINES, w->id },
			.name = name,
			.arg_name = on ? "worker" : NULL,
			.arg = w->ring,
			.flow_to = w->state == RUNNING ? w->woken : 0,
		});
	w->open = true;
}

static void
close_goroutine(struct replay *r, struct who *w)
{
	if (!w->open)
		return;
	w->open = false;
	mark(r, (struct trace_mark){ .type = TRACE_ENDS,
				     .track = { TRACE_GOROUTINES, w->id } });
}

static void
open_worker(struct replay *r, uint32_t ring)
{
	struct worker *k = &r->worker[ring];
	bool busy = k->state == RUNNING || k->state == BLOCKED;

	if (silent(r) || k->state == UNKNOWN)
		return;
	show_worker(r, ring);
	mark(r, (struct trace_mark){
			.type = TRACE_BEGIN,
			.track = { TRACE_WORKERS, ring },
			.name = k->state == READY ?
					"scheduler" :
				k->state == BLOCKED ?
					"blocking call" :
					function_of(r, who_is(r, k->id)),
			.arg_name = busy ? "goroutine" : NULL,
			.arg = k->id,
		});
	k->open = true;
}

static void
close_worker(struct replay *r, uint32_t ring)
{
	struct worker *k = &r->worker[ring];

	if (!k->open)
		return;
	k->open = false;
	mark(r, (struct trace_mark){ .type = TRACE_ENDS,
				     .track = { TRACE_WORKERS, ring } });
}

static void
moment(struct replay *r, struct trace_track track, const char *name,
       const char *arg_name, uint64_t arg, uint64_t flow)
{
	if (silent(r))
		return;
	if (track.group == TRACE_WORKERS)
		show_worker(r, (uint32_t)track.id);
	else
		show_goroutine(r, who_is(r, track.id));
	mark(r, (struct trace_mark){ .type = TRACE_MOMENT,
				     .track = track,
				     .name = name,
				     .arg_name = arg_name,
				     .arg = arg,
				     .flow_from = flow });
}

/* --- What happens ------------------------------------------------------------------ */

static void
turn_worker(struct replay *r, uint32_t ring, enum state state, uint64_t id)
{
	struct worker *k = &r->worker[ring];

	close_worker(r, ring);
	k->state = state;
	k->id = id;
	open_worker(r, ring);
}

static void
turn(struct replay *r, struct who *w, enum state state, unsigned reason)
{
	if (!w)
		return;
	if (!w->first)
		w->first = r->cycles;
	close_goroutine(r, w);
	w->state = state;
	w->reason = reason;
	open_goroutine(r, w);
}

/* Whoever it ran is no more there, and nobody has said so. */
static void
forget(struct replay *r, uint32_t ring)
{
	struct who *w = who_is(r, r->worker[ring].id);

	if (w && w->state == RUNNING && w->ring == ring)
		turn(r, w, UNKNOWN, 0);
}

static void
run(struct replay *r, uint32_t ring, uint64_t id)
{
	struct who *w;

	if (r->worker[ring].id != id)
		forget(r, ring);
	w = who_is(r, id);
	if (!w)
		return;
	if (w->state == RUNNING && w->ring != ring &&
	    r->worker[w->ring].id == id)
		turn_worker(r, w->ring, UNKNOWN, 0);
	if (!r->o && w->woken)
		r->matched[w->woken / 8] |= (uint8_t)(1 << w->woken % 8);
	w->ring = ring;
	turn(r, w, RUNNING, 0);
	w->woken = 0;
	turn_worker(r, ring, RUNNING, id);
}

static void
left(struct replay *r, const struct trace_event *e)
{
	static const enum state states[] = { [GR_TRACE_PARK] = WAITING,
					     [GR_TRACE_YIELD] = READY,
					     [GR_TRACE_PREEMPT] = READY,
					     [GR_TRACE_EXIT] = GONE };
	struct worker *k = &r->worker[e->ring];
	uint64_t next = e->what >> 8;

	learn(r, k->id, e->fn, NULL);
	if (k->id && e->kind == GR_TRACE_PREEMPT)
		moment(r, (struct trace_track){ TRACE_GOROUTINES, k->id },
		       "preempted", NULL, 0, 0);
	turn(r, who_is(r, k->id), states[e->kind], e->what & 255);
	k->id = 0; /* that was told */
	if (next)
		run(r, e->ring, next);
	else
		turn_worker(r, e->ring, READY, 0);
}

static void
ready(struct replay *r, const struct trace_event *e)
{
	const struct worker *k = &r->worker[e->ring];
	struct trace_track by = { TRACE_WORKERS, e->ring };
	struct who *w = who_is(r, e->what);
	bool fresh = e->kind == GR_TRACE_CREATE, flows;

	if (!w)
		return;
	learn(r, e->what, e->fn, e->name);
	if (k->id && k->state == RUNNING)
		by = (struct trace_track){ TRACE_GOROUTINES, k->id };
	flows = r->o && (r->matched[r->number / 8] >> r->number % 8 & 1);
	moment(r, by, fresh ? "starts" : "wakes", "goroutine", e->what,
	       flows ? r->number : 0);
	if (w->state == RUNNING)
		return; /* it is told late */
	turn(r, w, READY, 0);
	/* What began before anybody asked has no beginning. */
	w->woken = (r->o ? flows : r->begun) ? r->number : 0;
}

static void
gap(struct replay *r, const struct trace_event *e)
{
	forget(r, e->ring);
	turn_worker(r, e->ring, UNKNOWN, 0);
	moment(r, (struct trace_track){ TRACE_WORKERS, e->ring }, "events lost",
	       "events", e->what, 0);
	r->sum.lost += e->what;
}

static void
happen(struct replay *r, const struct trace_event *e)
{
	struct trace_track here = { TRACE_WORKERS, e->ring };
	struct worker *k = &r->worker[e->ring];

	switch (e->kind) {
	case GR_TRACE_PARK:
	case GR_TRACE_YIELD:
	case GR_TRACE_PREEMPT:
	case GR_TRACE_EXIT:
		left(r, e);
		break;
	case GR_TRACE_RUN:
	case GR_TRACE_UNBLOCK:
		run(r, e->ring, e->what);
		break;
	case GR_TRACE_READY:
	case GR_TRACE_CREATE:
		ready(r, e);
		break;
	case GR_TRACE_NAMED:
		learn(r, e->what, 0, e->name);
		break;
	case GR_TRACE_BLOCK:
		turn(r, who_is(r, k->id), BLOCKED, 0);
		turn_worker(r, e->ring, BLOCKED, k->id);
		break;
	case GR_TRACE_GIVEN:
	case GR_TRACE_IDLE:
		forget(r, e->ring);
		turn_worker(r, e->ring, UNKNOWN, 0);
		break;
	case GR_TRACE_WAKE:
		turn_worker(r, e->ring, READY, 0);
		break;
	case GR_TRACE_STEAL:
		moment(r, here, "steals", "worker", e->what, 0);
		break;
	case GR_TRACE_NET:
		moment(r, here, "network", "goroutines", e->what, 0);
		break;
	case TRACE_GAP:
		gap(r, e);
		break;
	}
}

/* --- Those that are there ------------------------------------------------------------ */

/* When a look begins to count. */
static uint64_t
look_from(const struct gr_trace_goroutine *g)
{
	bool waits = g->state == GORO_ABI_WAITING ||
		     g->state == GORO_ABI_SYSCALL;

	return waits && g->since < g->seen ? g->since : g->seen;
}

static int
by_time(const void *a, const void *b)
{
	const struct gr_trace_goroutine *const *x = a, *const *y = b;
	uint64_t at = look_from(*x), bt = look_from(*y);

	return (at > bt) - (at < bt);
}

static void
look(struct replay *r, const struct gr_trace_goroutine *g)
{
	struct who *w = who_is(r, g->id);

	if (!w || w->state != UNKNOWN || (w->first && w->first <= g->seen))
		return;
	if (!w->first && ++r->sum.quiet > QUIET_MAX)
		return;
	if (g->state == GORO_ABI_WAITING)
		turn(r, w, WAITING, (unsigned)g->reason);
	else if (g->state == GORO_ABI_SYSCALL)
		turn(r, w, BLOCKED, 0);
	else if (g->state == GORO_ABI_RUNNABLE)
		turn(r, w, READY, 0);
}

/* Those who ran when it began, and of whom nothing was heard until somebody
 * looked. */
static void
look_at_workers(struct replay *r)
{
	for (size_t i = 0; i < r->t->running_n; i++) {
		const struct gr_trace_running *at = r->t->running[i];

		if (trace_first(r->t, (uint32_t)at->ring) > at->seen)
			run(r, (uint32_t)at->ring, at->id);
	}
}

/* The time has come that is asked for. */
static void
begin(struct replay *r, uint64_t cycles)
{
	if (r->begun)
		return;
	r->begun = true;
	r->cycles = cycles;
	for (size_t i = 0; i < r->who_n; i++)
		open_goroutine(r, &r->who[i]);
	for (uint32_t i = 0; i < GR_TRACE_RINGS; i++)
		open_worker(r, i);
}

/* --- All of it ------------------------------------------------------------------------ */

static void
at(struct replay *r, uint64_t cycles)
{
	if (cycles >= r->t->head.from)
		begin(r, r->t->head.from);
	if (cycles > r->cycles)
		r->cycles = cycles;
}

static void
once(struct replay *r)
{
	struct trace *t = r->t;
	struct trace_event e;
	size_t looked = 0;

	memset(r->worker, 0, sizeof(r->worker));
	for (size_t i = 0; i < r->who_n; i++) {
		r->who[i].state = UNKNOWN;
		r->who[i].woken = 0;
	}
	r->sum = (struct trace_summary){ 0 };
	r->begun = false;
	r->number = r->cycles = 0;
	look_at_workers(r);
	trace_rewind(t);
	while (!r->failed && trace_next(t, &e)) {
		/* Looks tell what was; the first time nobody knows that yet. */
		for (; r->o && looked < t->goroutines_n &&
		       look_from(t->goroutine[looked]) <= e.cycles;
		     looked++) {
			at(r, look_from(t->goroutine[looked]));
			look(r, t->goroutine[looked]);
		}
		at(r, e.cycles);
		if (e.kind != TRACE_GAP)
			r->number++;
		r->sum.events += e.kind != TRACE_GAP && r->begun;
		happen(r, &e);
	}
	for (; r->o && looked < t->goroutines_n; looked++) {
		at(r, look_from(t->goroutine[looked]));
		look(r, t->goroutine[looked]);
	}
}

static void
end_all(struct replay *r)
{
	at(r, r->t->last.cycles);
	begin(r, r->cycles);
	for (size_t i = 0; i < r->who_n; i++)
		close_goroutine(r, &r->who[i]);
	for (uint32_t i = 0; i < GR_TRACE_RINGS; i++)
		close_worker(r, i);
}

static uint64_t
count(const struct trace *t)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < t->used_n; i++)
		n += trace_ring_events(t, t->used[i]);
	return n;
}

static void
meet(struct replay *r)
{
	struct trace *t = r->t;

	for (size_t i = 0; i < t->goroutines_n; i++)
		learn(r, t->goroutine[i]->id, t->goroutine[i]->fn,
		      t->goroutine[i]->name);
	if (t->goroutines_n)
		qsort(t->goroutine, t->goroutines_n, sizeof(*t->goroutine),
		      by_time);
}

/*
 * Write all of it down.
 *
 * @o  as it was made
 */
struct gt_error *
trace_replay(struct trace *t, struct trace_out *o, struct trace_summary *ret)
{
	struct replay r = { .t = t, .numbers = count(t) + 8 };

	r.matched = calloc(r.numbers / 8 + 1, 1);
	r.failed = !r.matched || !grow(&r);
	if (!r.failed) {
		meet(&r);
		once(&r);
		o->head(o, t);
		r.o = o;
		once(&r);
		end_all(&r);
		o->tail(o);
	}
	for (size_t i = 0; i < r.who_n; i++)
		free(r.who[i].name);
	free(r.who);
	free(r.slot);
	free(r.matched);
	if (r.sum.quiet < QUIET_MAX)
		r.sum.quiet = QUIET_MAX;
	r.sum.quiet -= QUIET_MAX;
	*ret = r.sum;
	return r.failed || o->failed ? &gt_enomem : NULL;
}
