// SPDX-License-Identifier: MIT
/*
 * running.c - copies of goroutines that threads are running
 *
 * Idea       Stop a thread, see by its stack pointer whose stack it is on, copy
 *            that from the stack pointer up, let it go. Nothing else happens
 *            while it stands still: no unwinding, no allocation of note.
 * Why by SP  The runtime's own pointer from thread to goroutine changes a
 *            few instructions before or after the stack does. A stack pointer
 *            inside a slot is proof.
 * Handlers   A thread in a signal handler on an alternate stack is on none of
 *            ours; the registers that the kernel saved there are.
 * Passes     Mostly one thread at a time. Goroutines that change threads all
 *            the time can escape that for ever, so the last passes stop all
 *            threads of the runtime at once, and copy those of the wanted
 *            that are at rest then. A goroutine that is between two stacks
 *            even then is tried again, a few times, and then given up: its
 *            stack is not known, and nothing is made up.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "copier.h"

enum {
	SINGLE_PASSES = 3,
	JOINT_PASSES = 6,
	NAP_NS = 500 * 1000, /* after the first of them, then twice that ... */
	JOINT_MAX = 256,     /* threads that are stopped at once, and goroutines
			  * that are looked at then */
	MAX_NS = 1000 * 1000 * 1000,   /* for all of it */
	SIGNAL_STACK_BYTES = 64 << 10, /* that are looked through */
};

struct hold {
	struct gt_target *t;
	const struct gt_abi *abi;
	struct gt_slot *slots; /* sorted by `lo` */
	size_t n, left;
	struct gt_held *held;
	struct gt_snapshot_stats *stats;
	uint64_t deadline_ns;
	struct gt_error *err;
};

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

static int
by_lo(const void *a, const void *b)
{
	const struct gt_slot *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

/* The slot whose stack holds @addr, or NULL. */
static struct gt_slot *
find_slot(const struct hold *h, uint64_t addr)
{
	size_t lo = 0, hi = h->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (addr < h->slots[mid].lo)
			hi = mid;
		else
			lo = mid + 1;
	}
	if (!lo || addr >= h->slots[lo - 1].record)
		return NULL;
	return &h->slots[lo - 1];
}

/* The slot whose record is at @addr: which a thread claims to run. */
static bool
is_wanted(const struct hold *h, uint64_t addr)
{
	const struct gt_slot *slot = addr ? find_slot(h, addr - 1) : NULL;

	return slot && !slot->taken && slot->record == addr;
}

static struct gt_held *
new_held(struct hold *h, const struct gt_slot *slot, size_t bytes)
{
	struct gt_held *held = malloc(sizeof(*held) + bytes);

	if (!held) {
		h->err = &gt_enomem;
		return NULL;
	}
	held->slot = *slot;
	held->slot.want = bytes;
	held->regs.valid = 0;
	return held;
}

static void
keep(struct hold *h, struct gt_slot *slot, struct gt_held *held)
{
	held->next = h->held;
	h->held = held;
	slot->taken = true;
	h->left--;
}

/*
 * A thread is on no goroutine's stack, but claims to run one: is it in a signal
 * handler, on an alternate stack? As after a stack overflow, in a core. What it
 * was interrupted in lies somewhere up that stack.
 */
static bool
find_interrupted(struct hold *h, uint64_t sp, struct gt_regs *ret)
{
	uint64_t words[SIGNAL_STACK_BYTES / sizeof(uint64_t)];
	struct gt_span span = { .addr = sp & ~7ull, .buf = words };

	/* As much as there is of it. */
	for (span.bytes = sizeof(words); span.bytes >= 1024; span.bytes /= 2) {
		struct gt_error *err = h->t->ops->read(h->t, &span, 1);

		gt_error_free(err);
		if (err)
			return false;
		if (span.ok)
			break;
	}
	size_t n = span.ok ? span.bytes / sizeof(words[0]) : 0;
	for (size_t i = 0; i + GT_ARCH_SIGFRAME_WORDS <= n; i++)
		if (gt_arch_sigframe(words + i,
				     span.addr + i * sizeof(words[0]), ret))
			return true;
	return false;
}

/* The thread with these registers stands still: copy what it is on. @g is the
 * record of the goroutine that it claims to run. */
static void
copy_stack(struct hold *h, const struct gt_regs *regs, uint64_t g)
{
	uint64_t sp = regs->r[GT_ARCH_SP];
	struct gt_slot *slot = find_slot(h, sp);
	struct gt_regs before = { 0 };

	if (!slot && is_wanted(h, g) && find_interrupted(h, sp, &before)) {
		regs = &before;
		sp = regs->r[GT_ARCH_SP];
		slot = find_slot(h, sp);
	}
	if (!slot || slot->taken || h->err)
		return;
	uint64_t from = sp - slot->lo < GT_ARCH_RED_ZONE ?
				slot->lo :
				sp - GT_ARCH_RED_ZONE;
	size_t bytes = slot->record + h->abi->t.g.bytes - from;
	size_t below = sp - from;
	if (bytes > GT_COPY_MAX_BYTES)
		return;
	struct gt_held *held = new_held(h, slot, bytes);
	if (!held)
		return;
	struct gt_span spans[] = {
		{ slot->word, &held->word, sizeof(held->word), false },
		{ sp, held->data + below, bytes - below, false },
		/* At the bottom of the stack it is in the guard page. */
		{ from, held->data, below, false },
	};
	h->err = h->t->ops->read(h->t, spans, 3);
	if (!spans[2].ok)
		memset(held->data, 0, below);
	/* Not even: a thread that has only begun to switch to it, or has only
	 * finished leaving it, is not what runs it. */
	held->regs = *regs;
	if (h->err || !spans[0].ok || !spans[1].ok ||
	    !GORO_ABI_UNSTABLE(held->word))
		free(held);
	else
		keep(h, slot, held);
}

/*
 * Threads stand still, and this goroutine is on none of them: copy it as the
 * first passes do, words before and after, so that it is exact even if a
 * thread escaped. With @all of them held, one that is being woken counts as
 * well: its waker stands still too, and it will be runnable next.
 */
static void
copy_parked(struct hold *h, struct gt_slot *slot, bool all)
{
	const struct goro_abi_table *t = &h->abi->t;
	unsigned char record[GT_ABI_STRUCT_MAX];
	struct gt_span look = { slot->record, record, t->g.bytes, false };

	h->err = h->t->ops->read(h->t, &look, 1);
	if (!look.ok)
		return;
	uint64_t sp = gt_abi_load(record, t->g.sp), before = 0, after = 0;
	if (sp < slot->lo || sp > slot->record)
		return;
	size_t bytes = slot->record + t->g.bytes - sp;
	if (bytes > GT_COPY_MAX_BYTES)
		return;
	struct gt_held *held = new_held(h, slot, bytes);
	if (!held)
		return;
	struct gt_span spans[] = {
		{ slot->word, &before, sizeof(before), false },
		{ sp, held->data, bytes, false },
		{ slot->word, &after, sizeof(after), false },
	};
	h->err = h->t->ops->read(h->t, spans, 3);
	if (all && GORO_ABI_STATE(before) == GORO_ABI_CLAIMED &&
	    before == after)
		before = after = before - GORO_ABI_CLAIMED + GORO_ABI_RUNNABLE;
	held->word = before;
	if (h->err || !spans[0].ok || !spans[1].ok || !spans[2].ok ||
	    before != after || GORO_ABI_UNSTABLE(before))
		free(held);
	else
		keep(h, slot, held);
}

static void
note_time(struct hold *h, uint64_t began_ns)
{
	uint64_t took = now_ns() - began_ns;

	if (took > h->stats->held_max_ns)
		h->stats->held_max_ns = took;
}

static bool
hold(struct hold *h, int tid, struct gt_regs *regs)
{
	int rc = h->t->ops->hold(h->t, tid, regs);

	if (rc && rc != -ESRCH)
		h->stats->hold_error = -rc;
	return rc == 0;
}

static void
hold_single(struct hold *h, const struct gt_threads *threads)
{
	for (size_t i = 0; i < threads->n && h->left && !h->err; i++) {
		const struct gt_thread *th = &threads->v[i];
		struct gt_regs regs;
		uint64_t began = now_ns();

		if (began > h->deadline_ns)
			return;
		if (!is_wanted(h, th->g) || !hold(h, th->tid, &regs))
			continue;
		copy_stack(h, &regs, th->g);
		h->t->ops->release(h->t, th->tid);
		note_time(h, began);
	}
}

static void
hold_joint(struct hold *h, const struct gt_threads *threads)
{
	struct gt_regs regs[JOINT_MAX];
	bool held[JOINT_MAX] = { false };
	size_t n = threads->n < JOINT_MAX ? threads->n : JOINT_MAX;
	uint64_t began = now_ns();
	bool all = n == threads->n;

	for (size_t i = 0; i < n && now_ns() < h->deadline_ns; i++)
		held[i] = hold(h, threads->v[i].tid, &regs[i]);
	for (size_t i = 0; i < n; i++)
		all = all && held[i];
	for (size_t i = 0; i < n; i++)
		if (held[i])
			copy_stack(h, &regs[i], threads->v[i].g);
	for (size_t i = 0; i < h->n && i < JOINT_MAX; i++)
		if (!h->slots[i].taken && !h->err)
			copy_parked(h, &h->slots[i], all);
	for (size_t i = 0; i < n; i++)
		if (held[i])
			h->t->ops->release(h->t, threads->v[i].tid);
	note_time(h, began);
}

static void
hold_all_passes(void *arg)
{
	struct hold *h = arg;
	long nap = NAP_NS / 2;

	for (unsigned pass = 0; pass < SINGLE_PASSES + JOINT_PASSES; pass++) {
		struct gt_threads threads = { 0 };

		if (!h->left || h->err || now_ns() > h->deadline_ns)
			return;
		/* Again would be the same. */
		if (h->t->frozen && pass == 1)
			pass = SINGLE_PASSES;
		else if (h->t->frozen && pass > 1)
			return;
		/* Let them get on: a thread that the kernel has taken off its
		 * processor would be found where it was. */
		if (pass > SINGLE_PASSES)
			nanosleep(&(struct timespec){ 0, nap *= 2 }, NULL);
		/* A damaged list still has a beginning. */
		gt_error_free(gt_registry_threads(h->t, h->abi, &threads));
		if (pass < SINGLE_PASSES)
			hold_single(h, &threads);
		else
			hold_joint(h, &threads);
		free(threads.v);
	}
}

struct gt_error *
gt_hold_running(struct gt_target *t, const struct gt_abi *abi,
		struct gt_slot *slots, size_t n, struct gt_held **ret,
		struct gt_snapshot_stats *stats)
{
	struct hold h = {
		.t = t,
		.abi = abi,
		.slots = slots,
		.n = n,
		.left = n,
		.stats = stats,
		.deadline_ns = now_ns() + MAX_NS,
	};

	qsort(slots, n, sizeof(*slots), by_lo);
	struct gt_error *err = gt_target_trace(hold_all_passes, &h);
	*ret = h.held;
	if (!err)
		return h.err;
	gt_error_free(h.err);
	return err;
}
