/* SPDX-License-Identifier: MIT */
/*
 * g.h - the goroutine's record and its state word
 *
 * Idea       The record lies at the top of the goroutine's own stack slot, so
 *            a parked goroutine costs one page for both. The state word lies
 *            in a dense array of the chunk (stack.h), so a reader can tell
 *            which of a million goroutines changed by reading 8 MB.
 * Owners     Who may write a record and its word, by state:
 *              FREE      the free list that it is on
 *              RUNNING   its thread
 *              SYSCALL   its thread
 *              RUNNABLE  the run queue that it is in; then whoever took it
 *              WAITING   nobody, until a waker claims it: under the lock of
 *                        the queue that its waiter is in, and with several
 *                        possible wakers by winning `claim` too
 *              CLAIMED   the waker
 *            Ownership passes with a lock, a run queue's exchange or a
 *            thread's wake-up, so the word itself needs no atomic update: its
 *            stores are ordered for the readers outside (abi.h) only.
 */
#ifndef GR_G_H
#define GR_G_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"
#include "atomic.h"
#include "goro/abi.h"
#include "timer.h"

struct gr_chunk;
struct gr_m;
struct gr_waiter;
struct gr_labels;
struct gr_once_call;
struct gr_leak_held;

/* An rwmutex that a goroutine has locked for reading. */
struct gr_hold {
	void *obj; /* NULL: none, free for the next */
	uint64_t n; /* how many times */
	struct gr_hold *next; /* malloc'ed */
};

/* As the C++ ABI lays it out: see eh.h. */
struct gr_eh {
	void *caught;
	unsigned uncaught;
};

struct gr_g {
	/* What each switch touches: one cache line. */
	void *sp;       /* saved context, when not on a thread */
	uint64_t *word; /* state word, in the chunk's array */
	struct gr_g *next; /* in a run queue's batch or a free list */
	struct gr_m *m;    /* the thread it is on, or was last */
	uint64_t wait_since; /* cycles */
	uint64_t wait_obj;
	uint8_t wait_reason; /* enum goro_abi_reason */
	uint8_t flags;       /* GORO_ABI_G_* */
	uint16_t wait_n;     /* how many waiters it has in queues */
	uint32_t claim; /* 1: some waker has won it; see gr_g_claim() */
	uint64_t id;

	/* What it is: written once, at its start. */
	void (*fn)(void *arg);
	void *arg;
	uint64_t creator_id;
	uint64_t creator_pc;
	uint64_t stack_lo, stack_hi;
	struct gr_chunk *chunk;
	char *name; /* malloc'ed, or NULL */

	struct gr_waiter *waiters; /* on its stack: an array of wait_n */
	struct gr_waiter *woken;   /* the one that a waker has chosen */
	struct gr_timer timer;     /* of a sleep or a deadline */
	uint32_t parked; /* see waitq.c */
	struct gr_labels *labels;
	uint32_t preempt_off;
	uint32_t test; /* that has started it, or who did; see leak/test.c */
	struct gr_eh eh; /* while not on a thread */
	struct gr_hold hold;       /* the first; see rwmutex.c */
	struct gr_once_call *once; /* on its stack; see once.c */
	struct gr_leak_held *held; /* while leaks are watched: leak/left.c */
	uint64_t ready_since; /* cycles, 0: not timed; see profile_events.h */
	uint32_t ready_n;     /* for how many that stands */
	uint64_t charged;     /* likewise; the lock's of its queue */
	void *san_fiber; /* ThreadSanitizer's handle, AddressSanitizer's stack */
} __attribute__((aligned(64)));

/* Flags of the runtime's own, beside GORO_ABI_G_*. */
/* Preempted: its registers and stack hold no thread-local's address; or do. */
#define GR_G_MAY_MOVE 0x20
#define GR_G_PINNED 0x40
#define GR_G_UNGUARDED 0x80 /* no guard page: the canary is checked */

static inline unsigned
gr_g_state(const struct gr_g *g)
{
	/* [relaxed] the caller owns the word, or takes the answer as a hint. */
	return GORO_ABI_STATE(gr_load_rlx(g->word));
}

/* Only the owner, see above. */
static inline void
gr_g_set_state(struct gr_g *g, enum goro_abi_state state)
{
	uint64_t seq = gr_load_rlx(g->word) >> 8;

	/* [pair word] The stores made in the old state come before the word,
	 * and those made in the new one after it: readers depend on both. */
	gr_wmb();
	gr_store_rel(g->word, (seq + 1) << 8 | state);
	gr_wmb();
}

/*
 * Win the right to wake a goroutine that several may wake at once: the cases
 * of a select, a deadline, a closing fd. The goroutine sets `claim` to 0
 * before it can be found; exactly one waker gets true.
 */
static inline bool
gr_g_claim(struct gr_g *g)
{
	/* [pair claim] wakers among each other; the goroutine reads what the
	 * winner wrote after it was made runnable, not through this word. */
	return gr_cas_acq_rel(&g->claim, 0u, 1u);
}

#endif
