// SPDX-License-Identifier: MIT
/*
 * trace_read.c - what a process has recorded: blocks, rings, events by time
 */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

struct trace_piece {
	const struct gr_trace_event *event;
	size_t n;
	uint64_t lost;
};

static struct gt_error *
damaged(const char *what)
{
	return gt_error(GT_DAMAGED, 0, "this is no trace: %s", what);
}

/* Room for one more in an array of @size each. */
static void *
more(void *at, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return at;
	*room = 2 * *room + 16;
	return realloc(at, *room * size);
}

/* Keep the address of a block's content, if all of it is there. */
static struct gt_error *
keep(const void *block, size_t bytes, size_t least, const void ***list,
     size_t *n, size_t *room)
{
	const void **at;

	if (bytes < least)
		return damaged("a block is too short");
	at = more(*list, *n, room, sizeof(*at));
	if (!at)
		return &gt_enomem;
	*list = at;
	at[(*n)++] = block;
	return NULL;
}

static struct gt_error *
read_events(struct trace *t, const struct gr_trace_events *e, size_t bytes)
{
	struct trace_ring *r;
	struct trace_piece *at;

	if (bytes < sizeof(*e) ||
	    (bytes - sizeof(*e)) % sizeof(struct gr_trace_event) ||
	    e->ring >= GR_TRACE_RINGS)
		return damaged("events of no worker");
	r = &t->ring[e->ring];
	at = more(r->piece, r->n, &r->room, sizeof(*at));
	if (!at)
		return &gt_enomem;
	if (!r->n)
		t->used[t->used_n++] = (uint32_t)e->ring;
	r->piece = at;
	at[r->n++] = (struct trace_piece){
		(const struct gr_trace_event *)(e + 1),
		(bytes - sizeof(*e)) / sizeof(struct gr_trace_event), e->lost
	};
	return NULL;
}

static struct gt_error *
read_clock(struct trace *t, const struct gr_trace_clock *c)
{
	if (!t->first.ns)
		t->first = *c;
	else if (c->cycles <= t->first.cycles || c->ns < t->first.ns)
		return damaged("its clock goes back");
	t->last = *c;
	return NULL;
}

static struct gt_error *
read_block(struct trace *t, unsigned kind, const void *at, size_t bytes)
{
	const struct gr_trace_reason *reason = at;
	const struct gr_trace_goroutine *g = at;
	const char *text = at;

	switch (kind) {
	case GR_TRACE_HEAD:
		if (bytes < sizeof(t->head))
			return damaged("a head that is too short");
		memcpy(&t->head, at, sizeof(t->head));
		t->head.program[sizeof(t->head.program) - 1] = '\0';
		return NULL;
	case GR_TRACE_CLOCK:
		if (bytes < sizeof(t->last))
			return damaged("a clock that is too short");
		return read_clock(t, at);
	case GR_TRACE_REASON:
		if (bytes < sizeof(*reason) ||
		    !memchr(reason->text, '\0', sizeof(reason->text)))
			return damaged("a reason that is none");
		if (reason->reason < GORO_WAIT_REASONS)
			t->reason[reason->reason] = reason->text;
		return NULL;
	case GR_TRACE_EVENTS:
		return read_events(t, at, bytes);
	case GR_TRACE_GOROUTINE:
		if (bytes >= sizeof(*g) &&
		    !memchr(g->name, '\0', sizeof(g->name)))
			return damaged("a name without end");
		return keep(at, bytes, sizeof(*g),
			    (const void ***)&t->goroutine, &t->goroutines_n,
			    &t->goroutines_room);
	case GR_TRACE_RUNNING:
		if (bytes >= sizeof(struct gr_trace_running) &&
		    *(const uint64_t *)at >= GR_TRACE_RINGS)
			return damaged("a worker that is none");
		return keep(at, bytes, sizeof(struct gr_trace_running),
			    (const void ***)&t->running, &t->running_n,
			    &t->running_room);
	case GR_TRACE_FUNCTION:
		if (bytes < 16 || text[bytes - 1])
			return damaged("a function without a name");
		return keep(at, bytes, sizeof(struct gr_trace_function),
			    (const void ***)&t->function, &t->functions_n,
			    &t->functions_room);
	case GR_TRACE_END:
		t->whole = true;
		t->full = bytes >= 8 && *(const uint64_t *)at;
	}
	return NULL;
}

static int
by_pc(const void *a, const void *b)
{
	const struct gr_trace_function *const *x = a, *const *y = b;

	return ((*x)->pc > (*y)->pc) - ((*x)->pc < (*y)->pc);
}

struct gt_error *
trace_read(char *bytes, size_t n, struct trace *ret)
{
	size_t at = GR_TRACE_MAGIC_BYTES;
	struct gt_error *err = NULL;

	*ret = (struct trace){ .bytes = bytes };
	if (n < at || memcmp(bytes, GR_TRACE_MAGIC, at))
		return damaged("it does not begin as one");
	while (!err && !ret->whole) {
		struct gr_trace_block b;

		if (n - at < sizeof(b))
			return damaged("it has no end");
		memcpy(&b, bytes + at, sizeof(b));
		at += sizeof(b);
		if (b.bytes > n - at || b.bytes % 8)
			return damaged("a block is too long");
		err = read_block(ret, b.kind, bytes + at, b.bytes);
		at += b.bytes;
	}
	if (err)
		return err;
	if (ret->last.ns <= ret->first.ns)
		return damaged("it has no clock");
	if (ret->functions_n)
		qsort(ret->function, ret->functions_n, sizeof(*ret->function),
		      by_pc);
	return NULL;
}

void
trace_fini(struct trace *t)
{
	for (uint32_t i = 0; i < GR_TRACE_RINGS; i++)
		free(t->ring[i].piece);
	free(t->goroutine);
	free(t->running);
	free(t->function);
	free(t->bytes);
	*t = (struct trace){ 0 };
}

const char *
trace_function(const struct trace *t, uint64_t pc)
{
	const struct gr_trace_function key = { pc }, *at = &key;
	const struct gr_trace_function **found =
		t->functions_n ? bsearch(&at, t->function, t->functions_n,
					 sizeof(*t->function), by_pc) :
				 NULL;

	return found ? (const char *)(*found + 1) : NULL;
}

/* --- By time ------------------------------------------------------------------ */

static unsigned
kind_of(const struct gr_trace_event *e)
{
	return (unsigned)(e->when & ((1 << GR_TRACE_KIND_BITS) - 1));
}

/* The next event; NULL: no more. Words that belong to one that is lost are
 * passed over. */
static const struct gr_trace_event *
peek(struct trace_ring *r)
{
	for (; r->at < r->n; r->at++, r->event = 0, r->told = false) {
		const struct trace_piece *p = &r->piece[r->at];

		for (; r->event < p->n; r->event++)
			if (kind_of(&p->event[r->event]) > GR_TRACE_TEXT)
				return &p->event[r->event];
	}
	return NULL;
}

/* The word behind an event, of this kind; it may be in the next piece. */
static bool
follow(struct trace_ring *r, unsigned kind, uint64_t *ret)
{
	const struct trace_piece *p = &r->piece[r->at];

	if (r->event == p->n) {
		if (r->at + 1 == r->n || p[1].lost || !p[1].n)
			return false;
		r->at++;
		r->event = 0;
		r->told = true; /* there is no gap */
		p++;
	}
	if (kind_of(&p->event[r->event]) != kind)
		return false;
	*ret = p->event[r->event++].what;
	return true;
}

static void
take(struct trace_ring *r, const struct gr_trace_event *e,
     struct trace_event *ret)
{
	uint64_t word;

	r->event++;
	*ret = (struct trace_event){ .cycles = e->when >> GR_TRACE_KIND_BITS,
				     .what = e->what,
				     .kind = kind_of(e),
				     .ring = ret->ring };
	follow(r, GR_TRACE_FN, &ret->fn);
	for (size_t n = 0; follow(r, GR_TRACE_TEXT, &word); n += 8)
		if (n < sizeof(ret->name))
			memcpy(ret->name + n, &word, 8);
	ret->name[sizeof(ret->name) - 1] = '\0';
}

void
trace_rewind(struct trace *t)
{
	for (uint32_t i = 0; i < GR_TRACE_RINGS; i++) {
		t->ring[i].at = t->ring[i].event = 0;
		t->ring[i].told = false;
	}
}

uint64_t
trace_first(const struct trace *t, uint32_t ring)
{
	struct trace_ring r = t->ring[ring];
	const struct gr_trace_event *e;

	r.at = r.event = 0;
	e = peek(&r);
	return e ? e->when >> GR_TRACE_KIND_BITS : UINT64_MAX;
}

uint64_t
trace_ring_events(const struct trace *t, uint32_t ring)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->ring[ring].n; i++)
		n += t->ring[ring].piece[i].n;
	return n;
}

bool
trace_next(struct trace *t, struct trace_event *ret)
{
	const struct gr_trace_event *first = NULL;
	struct trace_ring *r;

	for (uint32_t i = 0; i < t->used_n; i++) {
		const struct gr_trace_event *e = peek(&t->ring[t->used[i]]);

		if (e &&
		    (!first || e->when >> GR_TRACE_KIND_BITS < first->when >>
				       GR_TRACE_KIND_BITS)) {
			first = e;
			ret->ring = t->used[i];
		}
	}
	if (!first)
		return false;
	r = &t->ring[ret->ring];
	if (!r->told && r->piece[r->at].lost) {
		r->told = true;
		*ret = (struct trace_event){
			.cycles = first->when >> GR_TRACE_KIND_BITS,
			.what = r->piece[r->at].lost,
			.kind = TRACE_GAP,
			.ring = ret->ring,
		};
		return true;
	}
	take(r, first, ret);
	return true;
}
