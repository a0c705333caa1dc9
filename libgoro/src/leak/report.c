// SPDX-License-Identifier: MIT
/*
 * report.c - what was found, in words
 *
 *	2 goroutines have leaked
 *
 *	[leaked] 2 goroutines wait to receive from a channel that nothing else
 *	can reach: they can never go on
 *	goroutines 7, 9 [chan receive]:
 *	  goro_chan_recv
 *	  worker
 *	started by main in goroutine 1
 *	channel #3 "jobs": 8 bytes an item, unbuffered, made by main
 *	they hold 4,160 bytes
 *
 * The story, story.c, is one sentence; goro-leakcheck tells it with files and
 * lines.
 */
#include <inttypes.h>
#include <string.h>

#include "goro/abi.h"
#include "leak/leak.h"
#include "leak/report.h"

extern const char gr_state_names[GORO_ABI_STATES][16]; /* abi.c */
extern const char gr_reason_names[GORO_WAIT_REASONS][32];

const char *const gr_leak_kind_names[GR_LEAK_KINDS] = {
	[GORO_LEAK_PROVEN] = "leaked",
	[GORO_LEAK_LEFTOVER] = "leftover",
	[GORO_LEAK_SUSPECT] = "suspect",
	[GORO_LEAK_UNCLOSED_CHAN] = "unclosed-channel",
	[GORO_LEAK_DEADLOCK] = "deadlock",
	[GORO_LEAK_UNSTOPPED_TIMER] = "unstopped-timer",
	[GORO_LEAK_UNCANCELLED_CTX] = "uncancelled-context",
	[GORO_LEAK_LOCKED_BY_ENDED] = "locked-by-ended",
};

const char *
gr_leak_state_name(const struct gr_leak_group *g)
{
	if (g->reason && g->reason < GORO_WAIT_REASONS)
		return gr_reason_names[g->reason];
	return g->state < GORO_ABI_STATES ? gr_state_names[g->state] : "?";
}

/* --- As text, with the names that there are in the process ---------------- */

static const char *
name_of(struct gr_leak *l, uintptr_t pc)
{
	const char *text = gr_names_get(&l->names, pc)->text;

	return *text ? text : "??";
}

static void
put_ids(struct gr_leak *l, const struct gr_leak_group *g, FILE *to)
{
	enum { SHOWN = 10 };
	uint32_t at = g->ids;

	if (gr_leak_is_hint(g->kind))
		fprintf(to, "for goroutine");
	else
		fprintf(to, "goroutine%s", g->n == 1 ? "" : "s");
	for (int i = 0; i < SHOWN && at != UINT32_MAX; i++) {
		const struct gr_leak_id *id = gr_vec_at(&l->id,
							struct gr_leak_id, at);

		fprintf(to, "%s%" PRIu64, i ? ", " : " ", id->id);
		at = id->next;
	}
	if (g->n > SHOWN && !gr_leak_is_hint(g->kind))
		fprintf(to, " and %" PRIu64 " more", g->n - SHOWN);
	if (gr_leak_is_hint(g->kind))
		fprintf(to, "\n");
	else
		fprintf(to, " [%s]:\n", gr_leak_state_name(g));
}

static bool
is_inner(const char *name)
{
	return !strncmp(name, "gr_", 3);
}

static void
put_frames(struct gr_leak *l, const struct gr_leak_group *g, FILE *to)
{
	unsigned i = 0;

	/* What the runtime does to wait says nothing. */
	while (i < g->frames_n &&
	       strncmp(name_of(l, g->frame[i] - !g->exact), "goro_", 5))
		i++;
	if (i == g->frames_n)
		i = 0;
	for (; i < g->frames_n; i++) {
		const char *name = name_of(l, g->frame[i] - !(g->exact && !i));

		if (!is_inner(name))
			fprintf(to, "  %s\n", name);
	}
	if (g->cut)
		fprintf(to, "  ...\n");
}

static void
put_object(struct gr_leak *l, const struct gr_leak_obj *o, FILE *to)
{
	if (!o->addr && !o->id)
		return;
	if (!o->id) {
		fprintf(to, "at 0x%" PRIxPTR "\n", o->addr);
		return;
	}
	fprintf(to, "channel #%" PRIu64, o->id);
	if (*o->name)
		fprintf(to, " \"%s\"", o->name);
	fprintf(to, ": %" PRIu64 " of %" PRIu64 " items of %" PRIu64 " bytes%s",
		o->len, o->cap, o->elem_bytes, o->closed ? ", closed" : "");
	if (o->creator_pc)
		fprintf(to, ", made by %s in goroutine %" PRIu64,
			name_of(l, o->creator_pc - 1), o->creator_id);
	fprintf(to, "\n");
}

static void
put_step(struct gr_leak *l, const struct gr_leak_step *s, FILE *to)
{
	char name[GR_NAME_MAX];

	switch (s->kind) {
	case GR_LEAK_DATA:
		if (gr_names_variable(&l->names, s->addr, name, sizeof(name)))
			fprintf(to, "the variable %s", name);
		else
			fprintf(to, "data at 0x%" PRIxPTR, s->addr);
		break;
	case GR_LEAK_GOROUTINE_STACK:
	case GR_LEAK_STACK:
		fprintf(to, "the stack of goroutine %" PRIu64, s->id);
		break;
	case GR_LEAK_ARGUMENT:
		fprintf(to, "the argument of goroutine %" PRIu64, s->id);
		break;
	case GR_LEAK_THREAD_STACK:
		fprintf(to, "the stack of thread %" PRIu64, s->id);
		break;
	case GR_LEAK_THREAD_LOCAL:
		fprintf(to, "a thread-local of thread %" PRIu64, s->id);
		break;
	case GR_LEAK_REGISTER:
		fprintf(to, "a register of thread %" PRIu64, s->id);
		break;
	case GR_LEAK_TIMER:
		fprintf(to, "a timer that is not stopped");
		break;
	case GR_LEAK_NAMED:
		fprintf(to, "memory named by goro_leak_root()");
		break;
	case GR_LEAK_HEAP:
		fprintf(to, "the heap, all of which counts");
		break;
	case GR_LEAK_BLOCK:
		fprintf(to, "a block of %" PRIu64 " bytes", s->id);
		break;
	case GR_LEAK_CHANNEL:
		fprintf(to, "channel #%" PRIu64, s->id);
		break;
	case GR_LEAK_LOCK:
		fprintf(to, "the lock at 0x%" PRIxPTR, s->addr);
		break;
	default:
		fprintf(to, "memory at 0x%" PRIxPTR, s->addr);
	}
}

static void
put_way(struct gr_leak *l, const struct gr_leak_group *g, FILE *to)
{
	if (!g->way_n)
		return;
	fprintf(to, "it could be woken through:\n");
	for (unsigned i = 0; i < g->way_n; i++) {
		fprintf(to, "  %s", i ? "-> " : "");
		put_step(l, &g->way[i], to);
		fprintf(to, "\n");
		if (!i && g->way_more)
			fprintf(to, "  -> ... %zu more ...\n", g->way_more);
	}
}

static void
put_other(struct gr_leak *l, const char *what, const struct gr_leak_other *o,
	  FILE *to)
{
	if (!o->id)
		return;
	fprintf(to, "%s by goroutine %" PRIu64, what, o->id);
	if (o->pc)
		fprintf(to, " in %s", name_of(l, o->pc - 1));
	fprintf(to, "%s\n", o->ended ? ", which has ended" : "");
}

/* Who used to hold the other side. */
static void
put_others(struct gr_leak *l, const struct gr_leak_group *g, FILE *to)
{
	if (g->reason == GORO_WAIT_CHAN_RECV ||
	    g->kind == GORO_LEAK_UNCLOSED_CHAN)
		put_other(l, "last sent", &g->obj.last_sender, to);
	if (g->reason == GORO_WAIT_CHAN_SEND)
		put_other(l, "last received", &g->obj.last_receiver, to);
	put_other(l, "let go of", &g->obj.left, to);
}

static void
put_group(struct gr_leak *l, const struct gr_leak_group *g, FILE *to)
{
	char story[1024];

	gr_leak_story(g, story, sizeof(story));
	fprintf(to, "\n[%s] %s\n", gr_leak_kind_names[g->kind], story);
	if (gr_leak_is_hint(g->kind)) {
		if (g->ids != UINT32_MAX)
			put_ids(l, g, to);
		if (g->entry)
			fprintf(to, "it was %s, started by %s in goroutine "
				    "%" PRIu64 "\n",
				name_of(l, g->entry),
				name_of(l, g->creator_pc - 1), g->creator_id);
	} else if (g->kind != GORO_LEAK_UNCLOSED_CHAN) {
		put_ids(l, g, to);
		put_frames(l, g, to);
		if (g->creator_pc)
			fprintf(to, "started by %s in goroutine %" PRIu64 "\n",
				name_of(l, g->creator_pc - 1), g->creator_id);
	}
	put_object(l, &g->obj, to);
	put_others(l, g, to);
	put_way(l, g, to);
	if (g->held)
		fprintf(to, "%s %" PRIu64 " bytes\n",
			g->n == 1 ? "it holds" : "they hold", g->held);
}

void
gr_leak_report(struct gr_leak *l, FILE *to)
{
	uint64_t goroutines = 0;

	if (l->unsound)
		fprintf(to,
			"leak check: UNSOUND: goroutine %" PRIu64 " was called "
			"leaked and "
			"has run "
			"since; does "
			"the "
			"program hide an address? See goro_leak_root().\n",
			l->unsound);
	if (!l->group.n)
		return;
	for (uint32_t i = 0; i < l->group.n; i++)
		if (gr_leak_group(l, i)->kind != GORO_LEAK_UNCLOSED_CHAN &&
		    !gr_leak_is_hint(gr_leak_group(l, i)->kind))
			goroutines += gr_leak_group(l, i)->n;
	fprintf(to,
		"leak check: %" PRIu64 " of %" PRIu64 " goroutines, %d "
		"channel%s\n",
		goroutines, l->goroutines, l->count[GORO_LEAK_UNCLOSED_CHAN],
		l->count[GORO_LEAK_UNCLOSED_CHAN] == 1 ? "" : "s");
	for (uint32_t i = 0; i < l->group.n; i++)
		put_group(l, gr_leak_group(l, i), to);
	if (!l->exact_heap)
		fprintf(to, "\nAll of the heap counts as in use, as there is "
			    "no table of its blocks: what only lost blocks "
			    "point to was not found. Run it under "
			    "goro-leakcheck.\n");
	fflush(to);
}
