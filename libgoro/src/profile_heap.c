// SPDX-License-Identifier: MIT
/*
 * profile_heap.c - heap and allocs: memory by who asked for it
 *
 * Idea       Of all bytes that are allocated, one in half a million on average
 *            is drawn at random, and its block is a sample: its stack is added
 *            up, and its address kept until it is freed. Drawn so, a block of
 *            s bytes is a sample with the probability 1 - exp(-s / rate); each
 *            sample counts for as many blocks as it had to be to be drawn
 *            once. So sums are true on average, whatever the sizes.
 * Go         keeps a sum for each stack and size, and does the same when it
 *            writes; to weigh each sample at once takes fewer traces.
 * Blocks     A table that is never moved nor freed: a bucket by the address,
 *            any of its ways. Who frees a block is the only one who does, so
 *            it takes out what it finds; a bucket that is full loses a sample.
 * From       the start of the program, when libgoro-heapprof is preloaded
 *            (heap_sampler.h); without it, there is no such profile.
 * Context    malloc() of any thread, perhaps within the loader: no lock, no
 *            memory but what is mapped here.
 * Source     Go, runtime/mprof.go, runtime/malloc.go nextSample()
 */
#include "profile_heap.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "atomic.h"
#include "code.h"
#include "labels.h"
#include "options.h"
#include "profile.h"
#include "runtime.h"
#include "sched.h"

enum {
	DEFAULT_RATE = 512 << 10, /* bytes, as in Go */
	BUCKETS = 8192,
	WAYS = 16,   /* 64 KiB of blocks for 512 KiB each: 32 GiB in use */
	BUSY = 1,    /* as an address: a way that is being filled */
	ROOM = 6144, /* of stack, for what walking it takes */
	OWN = 4,     /* frames of the sampler itself, at most */
};

struct block {
	struct gr_trace *trace;
	size_t bytes;
};

struct blocks {
	uintptr_t at[BUCKETS][WAYS]; /* 0: free; [pair heap-block] */
	struct block block[BUCKETS][WAYS];
};

static struct {
	const struct goro_sampler *sampler; /* NULL: there is none */
	struct gr_traces *ts;
	struct blocks *blocks;
	double rate;
} heap;

/* --- Chance ---------------------------------------------------------------- */

/* There is no libm here. By the series of artanh, to ten digits; @x > 0. */
static double
logarithm(double x)
{
	const double ln2 = 0.69314718055994531;
	int exponent = 0;
	double s, s2;

	for (; x < 0.70710678; x *= 2)
		exponent--;
	for (; x > 1.41421357; x /= 2)
		exponent++;
	s = (x - 1) / (x + 1);
	s2 = s * s;
	return exponent * ln2 +
	       2 * s *
		       (1 +
			s2 * (1. / 3 +
			      s2 * (1. / 5 +
				    s2 * (1. / 7 + s2 * (1. / 9 + s2 / 11)))));
}

/* 1 - exp(-@x): by its series where that is short, and from there on by
 * 1 - exp(-2x) = y (2 - y). */
static double
chance(double x)
{
	int doublings = 0;
	double y;

	if (x > 40)
		return 1;
	for (; x > 1. / 16; x /= 2)
		doublings++;
	y = x * (1 - x / 2 * (1 - x / 3 * (1 - x / 4 * (1 - x / 5))));
	while (doublings--)
		y = y * (2 - y);
	return y;
}

/* How many blocks of @bytes one sample stands for. */
static double
weight(size_t bytes)
{
	return heap.rate <= 1 ? 1 : 1 / chance((double)bytes / heap.rate);
}

/* Bytes up to the next sample: from 1 on, on average the rate. */
static void
draw(struct goro_sampler_thread *t)
{
	uint64_t x = t->random;

	if (!x) /* an address and a time: no two threads alike */
		x = ((uintptr_t)t ^ gr_cycles()) * 0x9e3779b97f4a7c15ull | 1;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	t->random = x;
	t->left = 1;
	if (heap.rate > 1) /* of 52 bits, and never 0 */
		t->left += (uint64_t)(-logarithm(((double)(x >> 12) + 0.5) /
						 0x1p52) *
				      heap.rate);
}

static bool
due(struct goro_sampler_thread *t, size_t bytes)
{
	if (!t->random) {
		draw(t);
		if (bytes < t->left) {
			t->left -= bytes;
			return false;
		}
	}
	if (!bytes)
		return false;
	draw(t);
	return true;
}

/* --- Blocks ---------------------------------------------------------------- */

static uint32_t
bucket_of(const void *p)
{
	return (uint32_t)(((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15ull >> 51);
}

static bool
keep(void *p, struct gr_trace *trace, size_t bytes)
{
	uint32_t b = bucket_of(p);

	for (unsigned i = 0; i < WAYS; i++) {
		uintptr_t *at = &heap.blocks->at[b][i];

		/* [pair heap-block] acquire: who had it is done with it. */
		if (gr_load_rlx(at) ||
		    !gr_cas_acq_rel(at, (uintptr_t)0, (uintptr_t)BUSY))
			continue;
		heap.blocks->block[b][i] = (struct block){ trace, bytes };
		/* [pair heap-block] release: it is whole. */
		gr_store_rel(at, (uintptr_t)p);
		return true;
	}
	return false;
}

static void
freed(void *p)
{
	uint32_t b = bucket_of(p);

	for (unsigned i = 0; i < WAYS; i++) {
		uintptr_t *at = &heap.blocks->at[b][i];
		struct block block;
		double w;

		/* [pair heap-block] our caller has it from who allocated it. */
		if (gr_load_acq(at) != (uintptr_t)p)
			continue;
		block = heap.blocks->block[b][i];
		gr_store_rel(at, (uintptr_t)0);
		w = weight(block.bytes);
		/* [pair trace-more] release: after what it was added to. */
		gr_add_acq_rel(&block.trace->more_count,
			       (uint64_t)(w * (1 << GR_PROFILE_COUNT_SHIFT)));
		gr_add_acq_rel(&block.trace->more_value,
			       (uint64_t)(w * (double)block.bytes));
		return;
	}
}

/* Stacks begin with who called malloc(): leave out @n frames, and those of the
 * library. */
static uint32_t
own_frames(const struct gr_code *code, const uintptr_t *pc, uint32_t n)
{
	const struct gr_module *m =
		heap.sampler ?
			gr_modules_find(&code->modules, heap.sampler->text) :
			NULL;
	uint32_t i = 0;

	while (m && i < n && i < OWN &&
	       gr_modules_find(&code->modules, pc[i]) == m)
		i++;
	return i;
}

static void
allocated(struct goro_sampler_thread *t, void *p, size_t bytes)
{
	struct gr_unwind u = { .exact = true };
	uintptr_t pc[GR_TRACE_DEPTH + OWN];
	struct gr_trace_key key = { .pc = pc };
	struct gr_code *code = gr_code_now();
	const struct gr_g *g;
	struct gr_trace *trace = NULL;
	double w = weight(bytes);
	uint64_t count = (uint64_t)(w * (1 << GR_PROFILE_COUNT_SHIFT));
	uint64_t value = (uint64_t)(w * (double)bytes);
	int saved = errno;

	gr_regs_capture(&u.regs);
	g = gr_code_stack(&u, &t->stack);
	if (!g || u.lo >= g->stack_lo + ROOM) {
		uint32_t own;

		key.n = gr_code_walk(code, &u, 1, pc, GR_TRACE_DEPTH + OWN);
		own = own_frames(code, pc, key.n);
		key.pc += own;
		key.n = GR_MIN(key.n - own, (uint32_t)GR_TRACE_DEPTH);
		/* [pair labels] its own goroutine's set, kept meanwhile. */
		if (g)
			key.labels = gr_load_acq(&g->labels);
		trace = gr_traces_get(heap.ts, &key);
	}
	if (trace) {
		/* [pair trace-sums] [relaxed] sums */
		gr_add_rlx(&trace->count, count);
		gr_add_rlx(&trace->value, value);
		if (!keep(p, trace, bytes)) {
			gr_add_acq_rel(&trace->more_count, count);
			gr_add_acq_rel(&trace->more_value, value);
		}
	} else {
		gr_traces_lose(heap.ts, count, value);
	}
	errno = saved;
}

/* --- Start ----------------------------------------------------------------- */

const struct goro_sampler_hooks gr_profile_heap_hooks = {
	.due = due,
	.allocated = allocated,
	.freed = freed,
};

/* Make what the hooks use. */
bool
gr_profile_heap_prepare(int64_t rate)
{
	void *blocks;

	if (rate <= 0 || !gr_code_now())
		return false;
	blocks = mmap(NULL, sizeof(struct blocks), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (blocks == MAP_FAILED)
		return false;
	heap.blocks = blocks;
	heap.rate = (double)rate;
	heap.ts = gr_traces_create(GR_TRACES_BYTES, false);
	return heap.ts;
}

/* Before the program's own constructors, so that it misses little. */
static __attribute__((constructor(101))) void
attach(void)
{
	struct goro_sampler *s = NULL;

	if (malloc_info(GORO_SAMPLER_OPTIONS, (FILE *)&s) || !s ||
	    s->version != GORO_SAMPLER_VERSION ||
	    !gr_profile_heap_prepare(gr_option_heap_rate(DEFAULT_RATE)))
		return;
	heap.sampler = s;
	/* [pair sampler] release: all of that is there. */
	gr_store_rel(&s->hooks, &gr_profile_heap_hooks);
}

static void
copy(const struct gr_trace *t, void *arg)
{
	gr_traces_copy(arg, t, 1);
}

int
gr_profile_heap(struct gr_traces *to)
{
	if (!heap.ts)
		return -ENODATA;
	gr_traces_each(heap.ts, copy, to);
	/* [pair trace-sums] [relaxed] */
	gr_traces_lose(to, gr_load_rlx(&heap.ts->lost),
		       gr_load_rlx(&heap.ts->lost_value));
	return 0;
}

int64_t
gr_profile_heap_rate(void)
{
	return (int64_t)heap.rate;
}
