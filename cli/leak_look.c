// SPDX-License-Identifier: MIT
/*
 * leak_look.c - suspects, from outside
 *
 * The tracer's whole way (docs/ARCHITECTURE.md), with its groups as ours.
 */
#include "leak_look.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "tracer/describe.h"
#include "tracer/group.h"
#include "tracer/waits.h"

enum {
	GROWS_FROM = 3, /* samples: two differ by chance */
	MAIN = 1,       /* the id of the main goroutine */
};

/* One sample. */
struct sample {
	struct leak_look *look;
	struct leak_results *r;
	char process[64];
	struct gt_target *t;
	struct gt_abi abi;
	struct gt_modules modules;
	struct gt_model model;
	struct gt_symbols symbols;
	struct gt_view view;
	struct gt_groups groups;
	struct gt_objects objects;
	struct gt_knots knots;
	uint64_t *known; /* ids of those that are findings already, sorted */
	size_t known_n;
};

/* --- Who is no suspect ---------------------------------------------------- */

static int
compare_ids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool
note_known(struct sample *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->r->n; i++)
		n += s->r->v[i].ids_n;
	free(s->known);
	s->known_n = 0;
	s->known = malloc((n + 1) * sizeof(*s->known));
	if (!s->known)
		return false;
	for (size_t i = 0; i < s->r->n; i++) {
		const struct leak_finding *f = &s->r->v[i];

		if (f->ids_n)
			memcpy(s->known + s->known_n, f->ids,
			       f->ids_n * sizeof(*f->ids));
		s->known_n += f->ids_n;
	}
	if (n)
		qsort(s->known, n, sizeof(*s->known), compare_ids);
	return true;
}

static bool
is_known(const struct sample *s, uint64_t id)
{
	return s->known_n && bsearch(&id, s->known, s->known_n,
				     sizeof(*s->known), compare_ids);
}

static bool
waits_for_nothing(const struct gt_goroutine *g)
{
	return g->reason == GORO_WAIT_CHAN_RECV_NIL ||
	       g->reason == GORO_WAIT_CHAN_SEND_NIL ||
	       g->reason == GORO_WAIT_SELECT_EMPTY;
}

/* Does it wait for others to do something? Main may wait for ever, that is how
 * a service keeps going. */
static bool
waits_for_others(const struct gt_goroutine *g)
{
	if (g->state != GORO_ABI_WAITING || g->id == MAIN)
		return false;
	return g->reason != GORO_WAIT_NONE && g->reason != GORO_WAIT_SLEEP &&
	       g->reason != GORO_WAIT_IO && g->reason < GORO_WAIT_REASONS;
}

static bool
ends_with(const char *s, const char *tail)
{
	size_t n = strlen(s), m = strlen(tail);

	return n >= m && !strcmp(s + n - m, tail);
}

/* Will time wake it: is there a timer's channel, or has its wait a deadline?
 * Only the name of the function says that from outside. */
static bool
has_deadline(struct sample *s, const struct gt_goroutine *g)
{
	for (uint32_t i = 0; i < g->waits_n; i++) {
		const struct gt_object *o = gt_objects_find(
			&s->objects, s->model.waits[g->waits + i].obj);

		if (o && o->kind == GT_KIND_CHAN && o->known &&
		    s->model.channels[o->channel].kind == GORO_ABI_CHAN_TIMER)
			return true;
	}
	for (uint32_t i = 0; i < g->frames_n; i++) {
		const struct gt_symbol *symbol = gt_symbols_get(
			&s->symbols, s->model.frames[g->frames + i]);

		for (uint32_t k = 0; symbol && k < symbol->n; k++)
			if (!strncmp(symbol->frames[k].function, "goro_", 5) &&
			    ends_with(symbol->frames[k].function, "_until"))
				return true;
	}
	return false;
}

/* --- Groups over time ----------------------------------------------------- */

static uint64_t
mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

/* Ids of PCs differ from sample to sample. */
static uint64_t
hash_of(const struct gt_model *m, const struct gt_goroutine *g)
{
	uint64_t h = mix(g->state << 8 | g->reason,
			 m->pcs.rows[g->creator].key);

	for (uint32_t i = 0; i < g->frames_n; i++)
		h = mix(h, m->pcs.rows[m->frames[g->frames + i]].key);
	return h;
}

/* What is known of the group, with this sample; NULL: no memory. */
static const struct leak_grown *
note_growth(struct leak_look *look, uint64_t hash, uint64_t n)
{
	struct leak_grown *g = look->grown, *end = g + look->grown_n;

	while (g < end && g->hash != hash)
		g++;
	if (g == end) {
		if (!gt_grow((void **)&look->grown, look->grown_n, 1,
			     &look->grown_room, sizeof(*g)))
			return NULL;
		g = &look->grown[look->grown_n++];
		/* It was not there before: that, too, is growth. */
		*g = (struct leak_grown){
			.hash = hash,
			.first = look->samples > 1 ? 0 : n,
			.grows = look->samples <= 2,
		};
	} else {
		g->grows &= g->sample == look->samples - 1 && n > g->n;
	}
	g->sample = look->samples;
	g->n = n;
	return g;
}

/* --- Findings ------------------------------------------------------------- */

static void
add_pc(struct sample *s, struct leak_stack *to, uint32_t pc)
{
	const struct gt_symbol *symbol = gt_symbols_get(&s->symbols, pc);

	for (uint32_t i = 0; symbol && i < symbol->n; i++)
		leak_stack_add(to, &symbol->frames[i], 0);
}

static void
describe_object(struct sample *s, struct leak_finding *f,
		const struct gt_goroutine *g)
{
	const struct gt_object *o =
		g->waits_n ? gt_objects_find(&s->objects,
					     s->model.waits[g->waits].obj) :
			     NULL;
	const struct gt_channel *ch;
	char variable[256];

	if (!o || o->kind == GT_KIND_FD)
		return;
	f->has_object = true;
	f->object = o->addr;
	f->owner = o->owner;
	f->owner_ended = o->owner &&
			 gt_model_find(&s->model, o->owner) == UINT32_MAX;
	if (o->kind != GT_KIND_CHAN &&
	    gt_variable_at(&s->symbols, o->addr, variable, sizeof(variable)))
		f->object_name = strdup(variable);
	if (o->kind != GT_KIND_CHAN || !o->known)
		return;
	ch = &s->model.channels[o->channel];
	f->channel = ch->id;
	f->elem_bytes = ch->elem_bytes;
	f->cap = ch->cap;
	f->len = ch->len;
	f->closed = ch->closed;
	f->object_creator_id = ch->creator_id;
	if (ch->creator)
		add_pc(s, &f->object_creator, ch->creator);
	if (ch->name)
		f->object_name = strdup(s->model.strings + ch->name);
}

/* A finding of goroutines that are alike, @g the first of them; without ids. */
static struct leak_finding *
begin(struct sample *s, enum leak_kind kind, const struct gt_goroutine *g)
{
	struct leak_finding *f = leak_new(s->r, kind, s->look->pid, s->process);

	if (!f)
		return NULL;
	f->state = strdup(gt_goroutine_status(&s->model, g));
	if (g->name)
		f->name = strdup(s->model.strings + g->name);
	for (uint32_t i = 0; i < g->frames_n; i++)
		add_pc(s, &f->stack, s->model.frames[g->frames + i]);
	if (g->entry && leak_lacks_entry(&f->stack))
		add_pc(s, &f->stack, g->entry);
	f->stack.cut = g->dropped || !g->complete;
	f->creator_id = g->creator_id;
	if (g->creator)
		add_pc(s, &f->creator, g->creator);
	describe_object(s, f, g);
	return f;
}

static void
put_duration(FILE *to, uint64_t ns)
{
	uint64_t s = ns / 1000000000;

	if (s < 60)
		fprintf(to, "%.3g s", (double)ns / 1e9);
	else if (s < 3600)
		fprintf(to, "%" PRIu64 " min", s / 60);
	else
		fprintf(to, "%" PRIu64 " h %" PRIu64 " min", s / 3600,
			s / 60 % 60);
}

/* "3 goroutines have waited for 5 min or longer" */
static void
tell(struct sample *s, struct leak_finding *f, uint64_t min_ns,
     const struct leak_grown *grown)
{
	bool one = f->n == 1;
	size_t bytes;
	FILE *to = open_memstream(&f->story, &bytes);

	if (!to)
		return;
	if (one)
		fprintf(to, "a goroutine ");
	else
		fprintf(to, "%" PRIu64 " goroutines ", f->n);
	if (grown) {
		fprintf(to,
			"%s alike: %" PRIu64 " at first, more in each of %u "
			"samples",
			one ? "is" : "are", grown->first, s->look->samples);
	} else if (!f->wait_ns) { /* a core may not tell the time */
		fprintf(to, "%s, nobody knows for how long",
			one ? "is blocked" : "are blocked");
	} else {
		fprintf(to, "%s waited for ", one ? "has" : "have");
		put_duration(to, min_ns);
		fprintf(to, "%s", min_ns < f->wait_ns ? " or longer" : "");
	}
	fclose(to);
}

/* --- What is looked for --------------------------------------------------- */

static bool
add_suspects(struct sample *s, const struct gt_group *group)
{
	const uint32_t *members = s->groups.members + group->first;
	const struct gt_goroutine *one = &s->model.goroutines[members[0]];
	uint64_t min_ns = s->look->min_wait_ns, least_ns = UINT64_MAX;
	const struct leak_grown *grown = note_growth(
		s->look, hash_of(&s->model, one), group->n);
	struct leak_finding *f = NULL;

	if (!grown)
		return false;
	if (s->look->samples < GROWS_FROM || !grown->grows)
		grown = NULL;
	for (uint32_t i = 0; i < group->n; i++) {
		const struct gt_goroutine *g = &s->model.goroutines[members[i]];

		if (is_known(s, g->id) || !waits_for_others(g) ||
		    (!grown && g->wait_ns < min_ns) || has_deadline(s, g))
			continue;
		if (!f) {
			f = begin(s, LEAK_SUSPECT, g);
			if (!f)
				return false;
			f->ids = malloc(group->n * sizeof(*f->ids));
			if (!f->ids)
				return false;
		}
		f->ids[f->ids_n++] = g->id;
		if (g->wait_ns > f->wait_ns)
			f->wait_ns = g->wait_ns;
		if (g->wait_ns < least_ns)
			least_ns = g->wait_ns;
	}
	if (f) {
		f->n = f->ids_n;
		tell(s, f, least_ns, grown);
	}
	return true;
}

/* One that is proven, by what it waits for. */
static bool
add_proven(struct sample *s, enum leak_kind kind, const struct gt_goroutine *g,
	   const char *story)
{
	struct leak_finding *f = begin(s, kind, g);

	if (!f)
		return false;
	f->story = strdup(story);
	f->ids = malloc(sizeof(*f->ids));
	if (!f->ids)
		return false;
	f->ids[0] = g->id;
	f->n = f->ids_n = 1;
	return true;
}

static bool
add_knot(struct sample *s, const struct gt_knot *knot)
{
	for (uint32_t i = 0; i < knot->row_n; i++) {
		struct leak_finding *f;

		if (!add_proven(s, LEAK_DEADLOCK,
				&s->model.goroutines[knot->row[i]],
				"a goroutine waits for a lock in a ring of "
				"those that wait for each other"))
			return false;
		f = &s->r->v[s->r->n - 1];
		f->cycle = malloc(knot->row_n * sizeof(*f->cycle));
		for (uint32_t k = 0; f->cycle && k < knot->row_n; k++) {
			uint32_t at = knot->row[(i + k) % knot->row_n];

			f->cycle[f->cycle_n++] = s->model.goroutines[at].id;
		}
	}
	return true;
}

static bool
find_proven(struct sample *s)
{
	for (size_t i = 0; i < s->knots.n; i++)
		if (!add_knot(s, &s->knots.v[i]))
			return false;
	for (size_t i = 0; i < s->view.n; i++) {
		const struct gt_goroutine *g =
			&s->model.goroutines[s->view.v[i]];

		if (waits_for_others(g) && waits_for_nothing(g) &&
		    !add_proven(s, LEAK_LEAKED, g,
				"a goroutine waits for nothing, and so for "
				"ever"))
			return false;
	}
	return true;
}

static struct gt_error *
find(struct sample *s)
{
	if (s->look->prove && !find_proven(s))
		return &gt_enomem;
	if (!note_known(s))
		return &gt_enomem;
	for (size_t i = 0; i < s->groups.n; i++)
		if (!add_suspects(s, &s->groups.v[i]))
			return &gt_enomem;
	return NULL;
}

/* --- Looking -------------------------------------------------------------- */

static struct gt_error *
analyse(struct sample *s)
{
	struct gt_error *err = gt_model_load_channels(&s->model, s->t);

	if (!err)
		err = gt_objects_load(s->t, &s->model, false, &s->objects);
	if (!err)
		err = gt_objects_look(s->t, &s->model, &s->objects);
	if (!err)
		err = gt_knots_find(&s->model, &s->objects, &s->knots);
	if (!err)
		err = gt_view_all(&s->view, &s->model, &s->symbols);
	if (!err)
		err = gt_groups_make(&s->view, GT_SORT_COUNT, &s->groups);
	return err;
}

static struct gt_error *
look_at(struct sample *s)
{
	GT_CLEANUP(gt_unwinder_destroyp) struct gt_unwinder *unwinder = NULL;
	struct gt_error *err = gt_unwinder_table(&s->modules, &s->model.pcs,
						 &unwinder);

	gt_symbols_init(&s->symbols, &s->modules, &s->model.pcs, &s->abi);
	if (!err)
		err = gt_model_load(&s->model, s->t, unwinder);
	if (!err)
		err = analyse(s);
	s->r->goroutines = s->view.n;
	if (!err)
		err = find(s);
	if (s->model.stats.problem && !err) {
		err = s->model.stats.problem; /* so not all was seen */
		s->model.stats.problem = NULL;
	}
	free(s->known);
	gt_knots_fini(&s->knots);
	gt_objects_fini(&s->objects);
	gt_groups_fini(&s->groups);
	gt_view_fini(&s->view);
	gt_symbols_fini(&s->symbols);
	return err;
}

struct gt_error *
leak_look(struct leak_look *look, struct leak_results *r)
{
	struct sample s = { .look = look, .r = r };
	struct gt_error *err =
		look->core ?
			gt_target_core_open(look->core, look->program, &s.t) :
			gt_target_live_open(look->pid, &s.t);

	look->samples++;
	if (look->core)
		snprintf(s.process, sizeof(s.process), "%s",
			 look->program ? look->program : look->core);
	else
		leak_process_name(look->pid, s.process, sizeof(s.process));
	if (!err)
		err = gt_abi_find(s.t, &s.abi);
	if (!err)
		err = gt_modules_init(&s.modules, s.t);
	if (!err) {
		err = gt_model_init(&s.model, &s.abi);
		if (!err) {
			err = look_at(&s);
			gt_model_fini(&s.model);
		}
		gt_modules_fini(&s.modules);
	}
	if (!err && s.t->notice[0])
		leak_problem(r, "%s", s.t->notice);
	gt_target_destroyp(&s.t);
	return err;
}
