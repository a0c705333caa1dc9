// SPDX-License-Identifier: MIT
/*
 * trace_write.c - copying traces out of the process; see trace_format.h
 *
 * Idea       Rings are copied as they are. What else a reader must know is
 *            said around them: who was there at the start, what functions
 *            are called, how cycles become time.
 * Order      Recording is on before goroutines are looked at. So each change
 *            of a goroutine is before the look, and in the look; or after it,
 *            and in a ring; or both, which the time of the look tells.
 * Memory     A map of its own, 0.5 MiB. No malloc, no lock: a writer serves
 *            in the report of a program that dies, too.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "goro/goro.h"
#include "names.h"
#include "out.h"
#include "runtime.h"
#include "snapshot.h"
#include "trace.h"

enum {
	BATCH = 1024, /* events copied at a time */
	FNS = 2048,   /* slots for distinct functions; a power of two */
	LIMIT_BYTES = 64 << 20, /* of events: 4 million, a viewer's limit */
	PACE_NS = 5000000,      /* between looks at the rings meanwhile */
	BEAT_NS = 500000000,    /* who reads is to see that we live */
};
#define PAST_NS 2000000000ll /* for a million goroutines of who dies */

struct gr_trace_writer {
	struct gr_out out;
	bool on, full;
	uint64_t bytes;      /* of events */
	uint64_t pace, next; /* cycles */
	int64_t beat_ns;
	int64_t until_ns; /* for goroutines there is time; 0: always */
	uint64_t at[GR_TRACE_RINGS];
	uint64_t lost[GR_TRACE_RINGS]; /* and not yet said */
	struct gr_trace_event batch[BATCH];
	uint64_t fn[FNS];
	unsigned fns_n;
	struct gr_modules modules;
	struct gr_names names;
};

extern struct goro_abi_clock gr_clock;
extern const char gr_reason_names[GORO_WAIT_REASONS][32]; /* abi.c */

/* What another thread may be writing is read on purpose. */
#define NO_SANITIZE \
	__attribute__((no_sanitize("address"), no_sanitize("thread"), noinline))

struct gr_trace_writer *
gr_trace_writer_create(int fd)
{
	struct gr_trace_writer *w = mmap(NULL, sizeof(*w),
					 PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (w == MAP_FAILED)
		return NULL;
	w->out.fd = fd;
	return w;
}

void
gr_trace_writer_destroy(struct gr_trace_writer *w)
{
	if (!w)
		return;
	if (w->on)
		gr_trace_off();
	munmap(w, sizeof(*w));
}

/* --- Blocks ----------------------------------------------------------------- */

static void
put_block(struct gr_trace_writer *w, enum gr_trace_block_kind kind,
	  const void *bytes, size_t n, size_t more)
{
	struct gr_trace_block b = { kind, (uint32_t)(n + more) };

	gr_out_bytes(&w->out, (char *)&b, sizeof(b));
	gr_out_bytes(&w->out, bytes, n);
}

#define PUT(w, kind, ...) \
	put_block(w, kind, &(__VA_ARGS__), sizeof(__VA_ARGS__), 0)

static void
put_clock(struct gr_trace_writer *w)
{
	struct gr_trace_clock c = { gr_cycles(), (uint64_t)gr_now_ns() };

	PUT(w, GR_TRACE_CLOCK, c);
	w->beat_ns = (int64_t)c.ns + BEAT_NS;
}

static void
put_head(struct gr_trace_writer *w, uint64_t from)
{
	struct gr_trace_clock start = { gr_clock.start_cycles,
					gr_clock.start_ns };

	struct gr_trace_head head = { (uint64_t)getpid(), from, "" };

	strncpy(head.program, program_invocation_short_name,
		sizeof(head.program) - 1);
	gr_out_bytes(&w->out, GR_TRACE_MAGIC, GR_TRACE_MAGIC_BYTES);
	PUT(w, GR_TRACE_HEAD, head);
	PUT(w, GR_TRACE_CLOCK, start);
	for (unsigned i = GORO_WAIT_NONE + 1; i < GORO_WAIT_REASONS; i++) {
		struct gr_trace_reason r = { .reason = i };

		memcpy(r.text, gr_reason_names[i], sizeof(r.text));
		PUT(w, GR_TRACE_REASON, r);
	}
}

/* Keep in mind a function that is to be named at the end. */
static void
met(struct gr_trace_writer *w, uint64_t fn)
{
	uint32_t h = (uint32_t)(fn * 0x9e3779b97f4a7c15ull >> 32);

	for (;; h++) {
		uint64_t *slot = &w->fn[h % FNS];

		if (*slot == fn || (!*slot && w->fns_n == FNS / 2))
			return;
		if (!*slot) {
			*slot = fn;
			w->fns_n++;
			return;
		}
	}
}

/* Up to where it is now; then there may be more already. */
static void
put_ring(struct gr_trace_writer *w, uint32_t ring)
{
	uint64_t end = gr_trace_position(ring);

	while (w->at[ring] < end) {
		uint32_t n = gr_trace_take(ring, &w->at[ring], end, w->batch,
					   BATCH, &w->lost[ring]);
		struct gr_trace_events e = { ring, w->lost[ring] };

		if (!n)
			continue;
		for (uint32_t i = 0; i < n; i++)
			if (w->batch[i].when == GR_TRACE_FN)
				met(w, w->batch[i].what);
		put_block(w, GR_TRACE_EVENTS, &e, sizeof(e),
			  n * sizeof(*w->batch));
		gr_out_bytes(&w->out, (char *)w->batch, n * sizeof(*w->batch));
		w->lost[ring] = 0;
		w->bytes += n * sizeof(*w->batch);
	}
}

static void
put_rings(struct gr_trace_writer *w)
{
	for (uint32_t i = 0; i < GR_TRACE_RINGS; i++)
		put_ring(w, i);
	w->next = gr_cycles() + w->pace;
}

static void
put_name(struct gr_trace_writer *w, uintptr_t pc)
{
	static const char none[8];
	struct gr_name *name = gr_names_get(&w->names, pc);
	struct gr_trace_function f = { pc };
	size_t n = strlen(name->text) + 1;

	if (!*name->text)
		return;
	put_block(w, GR_TRACE_FUNCTION, &f, sizeof(f), (n + 7) & ~(size_t)7);
	gr_out_bytes(&w->out, name->text, n);
	gr_out_bytes(&w->out, none, -n & 7);
}

static void
put_functions(struct gr_trace_writer *w)
{
	gr_modules_read(&w->modules);
	gr_names_init(&w->names, &w->modules);
	for (uint32_t i = 0; i < FNS; i++)
		if (w->fn[i])
			put_name(w, w->fn[i]);
	gr_names_fini(&w->names);
}

/* --- Who is there ------------------------------------------------------------- */

static bool
put_goroutine(struct gr_g *g, uint64_t word, void *arg)
{
	struct gr_trace_writer *w = arg;
	struct gr_trace_goroutine r = { .seen = gr_cycles() };
	struct gr_snapshot s;

	gr_snapshot_record(g, word, &s);
	gr_rmb();
	/* [pair word] as in gr_snapshot(). Of one that runs, what does not
	 * change is true. */
	if (gr_load_rlx(g->word) != word && !GORO_ABI_UNSTABLE(word))
		word = GORO_ABI_RUNNING;
	r.id = s.id;
	r.fn = s.entry;
	r.since = s.wait_since;
	r.state = GORO_ABI_STATE(word);
	r.reason = s.reason;
	memcpy(r.name, s.name, sizeof(s.name));
	PUT(w, GR_TRACE_GOROUTINE, r);
	met(w, r.fn);
	/* A million of them take their time. */
	if (w->on && gr_cycles() >= w->next)
		put_rings(w);
	return !w->out.failed && (!w->until_ns || gr_now_ns() < w->until_ns);
}

static NO_SANITIZE uint64_t
id_of(const struct gr_g *g)
{
	return g->id;
}

static void
put_running(struct gr_trace_writer *w)
{
	uint32_t n = gr_load_acq(&gr_procs_ever); /* [pair procs] */

	for (uint32_t i = 0; i < n; i++) {
		struct gr_m *m = gr_load_acq(
			&gr_procs[i]->m); /* [pair p-thread] */
		/* [relaxed] whoever comes and goes meanwhile is in the ring. */
		struct gr_g *g = m ? gr_load_rlx(&m->g) : NULL;
		struct gr_trace_running r = { i, g ? id_of(g) : 0,
					      gr_cycles() };

		if (g && gr_load_rlx(&m->g) == g)
			PUT(w, GR_TRACE_RUNNING, r);
	}
}

static void
put_everybody(struct gr_trace_writer *w)
{
	put_running(w);
	gr_g_each(put_goroutine, w);
}

static bool
finish(struct gr_trace_writer *w)
{
	put_functions(w);
	put_clock(w);
	PUT(w, GR_TRACE_END, (struct gr_trace_end){ w->full });
	gr_out_flush(&w->out);
	return !w->out.failed;
}

/* --- A trace ------------------------------------------------------------------ */

int
gr_trace_write_begin(struct gr_trace_writer *w)
{
	int err = gr_trace_on();

	if (err)
		return err;
	w->on = true;
	w->pace = gr_cycles_in(PACE_NS);
	for (uint32_t i = 0; i < GR_TRACE_RINGS; i++)
		w->at[i] = gr_trace_position(i);
	put_head(w, gr_cycles());
	put_clock(w);
	w->next = gr_cycles() + w->pace;
	put_everybody(w);
	return 0;
}

bool
gr_trace_write_more(struct gr_trace_writer *w)
{
	gr_trace_more();
	put_rings(w);
	if (gr_now_ns() >= w->beat_ns)
		put_clock(w);
	gr_out_flush(&w->out);
	w->full = w->bytes >= LIMIT_BYTES;
	return !w->full && !w->out.failed;
}

bool
gr_trace_write_end(struct gr_trace_writer *w)
{
	put_rings(w);
	return finish(w);
}

bool
gr_trace_write_past(struct gr_trace_writer *w, uint64_t from)
{
	w->until_ns = gr_now_ns() + PAST_NS;
	for (uint32_t i = 0; i < GR_TRACE_RINGS; i++)
		w->at[i] = gr_trace_oldest(i);
	put_head(w, from);
	put_rings(w);
	put_everybody(w);
	return finish(w);
}
