// SPDX-License-Identifier: MIT
/*
 * runq.c - taking, stealing, and the global queue
 */
#include "runq.h"

#include "g.h"
#include "lock.h"

void
gr_glist_append(struct gr_glist *list, struct gr_g *g)
{
	g->next = NULL;
	if (list->last)
		list->last->next = g;
	else
		list->first = g;
	list->last = g;
	list->n++;
}

/* Owner: is the ring full even without the slots that thieves emptied? */
bool
gr_runq_full(struct gr_runq *q)
{
	uint32_t head = q->head;

	/* [relaxed] a slot that is NULL stays so: only the owner fills. */
	while (head != q->tail && !gr_load_rlx(&q->slots[head % GR_RUNQ_SLOTS]))
		head++;
	gr_store_rlx(&q->head, head); /* [relaxed] a hint to thieves */
	return q->tail - head == GR_RUNQ_SLOTS;
}

/*
 * Take half of another P's ring, the oldest, one to run and the rest into
 * @to, which is ours and empty. Blumofe and Leiserson, "Scheduling
 * Multithreaded Computations by Work Stealing"; half at a time as in Go.
 */
struct gr_g *
gr_runq_steal(struct gr_runq *from, struct gr_runq *to)
{
	/* [relaxed] hints: a slot is checked by exchanging it. */
	uint32_t head = gr_load_rlx(&from->head);
	uint32_t n = gr_load_rlx(&from->tail) - head, want = n - n / 2;
	struct gr_g *first = NULL;

	if (n > GR_RUNQ_SLOTS)
		return NULL; /* the two were read at different times */
	for (uint32_t i = head; want && i != head + n; i++) {
		struct gr_g **slot = &from->slots[i % GR_RUNQ_SLOTS], *g;

		if (!gr_load_rlx(slot))
			continue;
		g = gr_xchg_acq(slot, NULL); /* [pair runq] */
		if (!g)
			continue;
		want--;
		if (!first)
			first = g;
		else
			gr_runq_put(to, g, false); /* at most half of a ring */
	}
	/* [relaxed] the flag is a permission; the exchange decides. */
	if (!first && gr_load_rlx(&from->next_for_all))
		first = gr_xchg_acq(&from->next, NULL); /* [pair runq] */
	return first;
}

/* Owner: move up to @n of the ring, the oldest, to a batch. */
void
gr_runq_drain(struct gr_runq *q, uint32_t n, struct gr_glist *to)
{
	struct gr_g *g;

	while (n-- && (g = gr_runq_get_ring(q)))
		gr_glist_append(to, g);
}

/*
 * The global queue: what came from no P, what did not fit into a ring, and
 * who was preempted. Rarely used, so a lock and a list.
 */
enum { TAKE_MAX = 32 }; /* as many as stay in the cache until they run */

static struct {
	struct gr_lock lock;
	uint32_t n; /* [pair globq] */
	struct gr_glist list;
} global;

void
gr_globq_put(struct gr_glist *batch)
{
	gr_lock(&global.lock);
	if (global.list.last)
		global.list.last->next = batch->first;
	else
		global.list.first = batch->first;
	global.list.last = batch->last;
	/* [pair globq] sequentially consistent: a worker declares itself idle
	 * and then reads it, we write it and then look for idle workers. */
	gr_store_sc(&global.n, global.n + batch->n);
	gr_unlock(&global.lock);
}

uint32_t
gr_globq_len(void)
{
	return gr_load_sc(&global.n); /* [pair globq] */
}

/*
 * What running it will touch: its record and, below that, its stack. Those of a
 * long queue are cold, and a page table walk away. It comes as they were
 * started, mostly, so the one after the next is as far on as the next one is.
 */
static inline void
prefetch(const struct gr_g *g, const struct gr_g *next)
{
	uintptr_t after = 2 * (uintptr_t)next - (uintptr_t)g;

	__builtin_prefetch((const void *)after);
	for (int i = -4; i < (int)sizeof(*g) / 64; i++)
		__builtin_prefetch((const char *)g + i * 64);
}

/* Take one to run, and up to @share - 1 more into our ring. */
struct gr_g *
gr_globq_get(struct gr_runq *to, uint32_t share)
{
	struct gr_g *first = NULL;
	uint32_t taken = 0;

	if (!gr_globq_len())
		return NULL;
	share = share > TAKE_MAX ? TAKE_MAX : share;
	gr_lock(&global.lock);
	for (; taken < share && global.list.first; taken++) {
		struct gr_g *g = global.list.first, *next = g->next;

		prefetch(g, next);
		/* Once it is in the ring it may be stolen, run and freed. */
		if (first && !gr_runq_put(to, g, false))
			break;
		if (!first)
			first = g;
		global.list.first = next;
	}
	gr_store_sc(&global.n, global.n - taken); /* [pair globq] */
	if (!global.list.first)
		global.list.last = NULL;
	gr_unlock(&global.lock);
	return first;
}

/* Forget all: their stacks are being released. */
void
gr_globq_drop(void)
{
	global.list = (struct gr_glist){ 0 };
	global.n = 0;
}
