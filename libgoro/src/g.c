// SPDX-License-Identifier: MIT
/*
 * g.c - the life of a goroutine: started, named, counted, ended
 */
#include <stdlib.h>
#include <string.h>

#include "fatal.h"
#include "goro/goro.h"
#include "labels.h"
#include "leak/left.h"
#include "leak/test.h"
#include "probes.h"
#include "runtime.h"
#include "san.h"
#include "sched.h"
#include "sync.h"
#include "thread.h"
#include "trace.h"

enum {
	FREE_TAKE = 16,  /* stacks that a P asks for at a time */
	FREE_KEEP = 256, /* that it keeps for itself */
	FREE_KEEP_BYTES = 64 << 20, /* all of them together */
	IDS = 64,        /* ids that a P reserves at a time */
	NAME_MAX_BYTES = 128,
};

static uint64_t next_id = 1;  /* [relaxed] only uniqueness matters */
static int64_t unowned_count; /* [pair count] of goroutines, not on a P */

/* Of this thread's P, or of nobody's. */
static void
count_add(struct gr_p *p, int64_t n)
{
	/* [pair count] [relaxed] the sum is exact when nothing runs. */
	if (p)
		gr_store_rlx(&p->count, p->count + n);
	else
		gr_add_rlx(&unowned_count, n);
}

size_t
goro_count(void)
{
	uint32_t n = gr_load_acq(&gr_procs_ever); /* [pair procs] */
	int64_t sum = gr_load_rlx(&unowned_count);

	for (uint32_t i = 0; i < n; i++)
		sum += gr_load_rlx(&gr_procs[i]->count); /* [pair count] */
	return sum > 0 ? (size_t)sum : 0;
}

void
gr_count_reset(void)
{
	unowned_count = 0;
	next_id = 1;
}

static uint64_t
new_id(struct gr_p *p)
{
	if (!p)
		return gr_add_rlx(&next_id, 1);
	if (p->next_id == p->end_id) {
		p->next_id = gr_add_rlx(&next_id, IDS);
		p->end_id = p->next_id + IDS;
	}
	return p->next_id++;
}

/* A free stack of a class, from this P's own or the class's. */
static struct gr_g *
free_stack(struct gr_p *p, unsigned class)
{
	struct gr_freelist one = { 0 }, *list = p ? &p->free[class] : &one;
	struct gr_g *g;

	if (!list->first && !gr_stack_take(class, list, p ? FREE_TAKE : 1))
		return NULL;
	g = list->first;
	list->first = g->next;
	list->n--;
	return g;
}

/**
 * Make a goroutine that is not yet in any queue.
 *
 * @m           NULL off the runtime's threads
 * @copy_bytes  @arg is copied to the new stack, unless 0
 *
 * Returns      NULL when memory is short
 */
struct gr_g *
gr_g_create(struct gr_m *m, unsigned class, void (*fn)(void *), void *arg,
	    size_t copy_bytes, uint64_t creator_pc)
{
	struct gr_p *p = m ? m->p : NULL;
	struct gr_g *g = free_stack(p, class);
	char *top;

	if (!g)
		return NULL;
	top = (char *)g;
	gr_san_g_start(g);
	if (copy_bytes) {
		top -= (copy_bytes + 15) & ~(size_t)15;
		memcpy(top, arg, copy_bytes);
		arg = top;
	}
	g->fn = fn;
	g->arg = arg;
	g->flags = (g->flags & GR_G_UNGUARDED) | GORO_ABI_G_FRESH;
	g->id = new_id(p);
	g->creator_id = m && m->g ? m->g->id : 0;
	g->creator_pc = creator_pc;
	g->wait_reason = GORO_WAIT_NONE;
	g->name = NULL;
	/* [pair labels] release: who writes a profile may be looking. */
	gr_store_rel(&g->labels,
		     m && m->g ? gr_labels_ref(gr_labels_plain(m->g->labels)) :
				 NULL);
	g->preempt_off = 0;
	/* [relaxed] a test begins and ends while it is alone. */
	g->test = m && m->g ? m->g->test : gr_load_rlx(&gr_leak_test);
	g->eh = (struct gr_eh){ 0 };
	g->sp = gr_context_fresh(top);
	count_add(p, 1);
	return g;
}

/* Give back what its record owns. */
void
gr_g_fini(struct gr_g *g)
{
	struct gr_labels *labels = g->labels;

	free(g->name);
	g->name = NULL;
	if (__builtin_expect(g->held != NULL, 0))
		gr_leak_held_forget(g);
	if (!labels)
		return;
	/* [pair labels-hold] before the reference goes. */
	gr_store_rel(&g->labels, NULL);
	gr_labels_unref(labels);
}

/* The last of its life on its own stack. */
void
gr_g_ending(struct gr_m *m, struct gr_g *g)
{
	if (__builtin_expect(g->once || g->hold.obj || g->hold.next || g->held,
			     0)) {
		gr_leak_left_locked(g);
		gr_once_settle_all(m, g);
		gr_holds_forget(g);
	}
	GR_PROBE1(end, g->id);
	if (__builtin_expect(g->flags & GORO_ABI_G_LOCKED, 0))
		gr_locked_ending(m);
	count_add(m->p, -1);
	gr_g_fini(g);
}

/* How many free stacks of a class a P keeps, at most. */
static inline uint32_t
keep(unsigned class)
{
	uint32_t n = (uint32_t)FREE_KEEP_BYTES >> GR_STACK_MIN_LOG2 >> class;

	return GR_MIN(n, (uint32_t)FREE_KEEP);
}

/* It has left its stack: others may have it. */
void
gr_g_free(struct gr_p *p, struct gr_g *g)
{
	unsigned class = g->chunk->class;
	struct gr_freelist *list = &p->free[class];

	gr_san_g_end(g);
	gr_g_set_state(g, GORO_ABI_FREE);
	g->next = list->first;
	list->first = g;
	if (__builtin_expect(++list->n > keep(class), 0))
		gr_stack_give(class, list, list->n / 2 + 1);
}

/* Copies it twice: readers outside look for a string, and profiles for a set of
 * labels, which may outlive the goroutine. */
static void
set_name(struct gr_g *g, const char *name)
{
	struct gr_labels *had = g->labels, *plain = gr_labels_plain(had);
	char *old = g->name;

	/* [pair word] a reader outside may see either; both are strings. */
	g->name = name ? strndup(name, NAME_MAX_BYTES) : NULL;
	/* [pair labels] release: a reader that sees the set sees it whole. */
	gr_store_rel(&g->labels,
		     gr_labels_named(gr_labels_ref(plain), g->name));
	gr_labels_unref(had);
	free(old);
}

/* Start one; its spawner runs on, unless too many wait already. */
static inline uint64_t
start(const struct goro_attr *attr, void (*fn)(void *), void *arg,
      size_t copy_bytes, void *creator_pc)
{
	struct gr_m *m = gr_m_goroutine("goro_go");
	unsigned class = gr_default_class;
	struct gr_g *g;
	uint64_t id;

	if (__builtin_expect(!fn, 0))
		gr_fatal("go of nil func value");
	if (attr && attr->stack_bytes) {
		class = gr_stack_class(attr->stack_bytes);
		if (attr->stack_bytes > gr_class_bytes(class))
			return 0;
	}
	if (__builtin_expect(copy_bytes > gr_class_bytes(class) / 4, 0)) {
		/* It comes on top of a whole stack. */
		size_t bytes = copy_bytes + gr_class_bytes(class);

		class = gr_stack_class(bytes);
		if (bytes < copy_bytes || bytes > gr_class_bytes(class))
			return 0;
	}
	g = gr_g_create(m, class, fn, arg, copy_bytes, (uintptr_t)creator_pc);
	if (!g)
		return 0;
	if (attr && attr->name)
		set_name(g, attr->name);
	id = g->id;
	GR_PROBE3(go, id, g->creator_id, fn);
	gr_ready(m, g);
	/*
	 * A spawner that is far ahead of those it starts waits its turn: they
	 * then run on warm stacks that they leave to each other, instead of
	 * each on a fresh one (1.4 us of page fault).
	 */
	if (m->p && gr_runq_len(&m->p->runq) >= GR_RUNQ_SLOTS - 1)
		goro_yield();
	return id;
}

uint64_t
gr_go_copy(void (*fn)(void *arg), const void *arg, size_t arg_bytes,
	   uint64_t creator_pc)
{
	return start(NULL, fn, (void *)arg, arg_bytes, (void *)creator_pc);
}

uint64_t
goro_go(void (*fn)(void *arg), void *arg)
{
	return start(NULL, fn, arg, 0, __builtin_return_address(0));
}

uint64_t
goro_go_copy(void (*fn)(void *arg), const void *arg, size_t arg_bytes)
{
	return start(NULL, fn, (void *)arg, arg_bytes,
		     __builtin_return_address(0));
}

uint64_t
goro_go_attr(const struct goro_attr *attr, void (*fn)(void *arg), void *arg)
{
	return start(attr, fn, arg, 0, __builtin_return_address(0));
}

uint64_t
goro_self(void)
{
	struct gr_m *m = gr_m_self();

	return m && m->g ? m->g->id : 0;
}

void
goro_set_name(const char *name)
{
	struct gr_m *m = gr_m_goroutine("goro_set_name");

	set_name(m->g, name);
	if (gr_profile_wants(GR_EVENTS_TRACE))
		gr_trace_named(m);
}

static void
finish_sleep(struct gr_m *m, struct gr_g *g, void *arg)
{
	gr_g_set_state(g, GORO_ABI_WAITING);
	gr_timer_start(m, &g->timer, *(int64_t *)arg);
}

static struct gr_g *
wake_sleeper(struct gr_timer *t, struct gr_m *m, int64_t now_ns)
{
	(void)m, (void)now_ns;
	return (struct gr_g *)((char *)t - offsetof(struct gr_g, timer));
}

void
goro_sleep(int64_t duration_ns)
{
	struct gr_m *m = gr_m_goroutine("goro_sleep");
	struct gr_g *g = m->g;
	int64_t when_ns = gr_deadline(duration_ns);

	if (duration_ns <= 0)
		return;
	g->timer.fire = wake_sleeper;
	gr_g_will_wait(g, GORO_WAIT_SLEEP, when_ns, NULL, 0);
	gr_park(m, finish_sleep, &when_ns);
}
