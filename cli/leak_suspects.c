// SPDX-License-Identifier: MIT
/*
 * leak_suspects.c - who looks as if he had leaked
 *
 * Idea       Groups are the tracer's: the same stack, by addresses. Each is
 *            followed over the samples, and those of it that are suspects are
 *            told apart by where their channels were made. In the end those
 *            that are at the same place are put together (leak_merge()).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "leak_sample.h"

enum { GROWS_FROM = 3 }; /* samples: two differ by chance */

/* What is kept from group to group. */
struct search {
	struct leak_sample *s;
	uint64_t *known; /* ids of those that are findings already, sorted */
	size_t known_n;
	uint32_t *makers; /* of the findings of a group, see maker_of() */
	size_t makers_room;
};

/* --- Who is no suspect ---------------------------------------------------- */

static int
compare_ids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool
note_known(struct search *x)
{
	size_t n = 0;

	for (size_t i = 0; i < x->s->r->n; i++)
		n += x->s->r->v[i].ids_n;
	x->known = malloc((n + 1) * sizeof(*x->known));
	if (!x->known)
		return false;
	for (size_t i = 0; i < x->s->r->n; i++) {
		const struct leak_finding *f = &x->s->r->v[i];

		if (f->ids_n)
			memcpy(x->known + x->known_n, f->ids,
			       f->ids_n * sizeof(*f->ids));
		x->known_n += f->ids_n;
	}
	if (n)
		qsort(x->known, n, sizeof(*x->known), compare_ids);
	return true;
}

static bool
is_known(const struct search *x, uint64_t id)
{
	return x->known_n && bsearch(&id, x->known, x->known_n,
				     sizeof(*x->known), compare_ids);
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
has_deadline(struct leak_sample *s, const struct gt_goroutine *g)
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

/* --- Telling -------------------------------------------------------------- */

static void
put_duration(FILE *to, uint64_t ns)
{
	uint64_t s = ns / 1000000000;

	if (!s)
		fprintf(to, "%" PRIu64 " ms", ns / 1000000);
	else if (s < 60)
		fprintf(to, "%" PRIu64 " s", s);
	else if (s < 3600)
		fprintf(to, "%" PRIu64 " min", s / 60);
	else
		fprintf(to, "%" PRIu64 " h %" PRIu64 " min", s / 3600,
			s / 60 % 60);
}

/* "3 goroutines have waited for 5 min or longer" */
static void
tell(const struct leak_sample *s, struct leak_finding *f)
{
	bool one = f->n == 1;
	size_t bytes;
	FILE *to;

	free(f->story);
	f->story = NULL;
	to = open_memstream(&f->story, &bytes);
	if (!to)
		return;
	if (one)
		fprintf(to, "a goroutine ");
	else
		fprintf(to, "%" PRIu64 " goroutines ", f->n);
	if (f->grows) {
		fprintf(to,
			"%s of a group that grew in each of %u samples, from "
			"%" PRIu64 " to %" PRIu64,
			one ? "is" : "are", s->look->samples, f->first_n,
			f->last_n);
	} else if (!f->wait_ns) { /* a core may not tell the time */
		fprintf(to, "%s blocked, nobody knows for how long",
			one ? "is" : "are");
	} else {
		fprintf(to, "%s waited for ", one ? "has" : "have");
		put_duration(to, f->wait_min_ns);
		fprintf(to, "%s", one ? "" : " or longer");
	}
	fclose(to);
}

/* --- Finding -------------------------------------------------------------- */

/* Where the channel was made that @g waits for: a PC id, or 0. */
static uint32_t
maker_of(const struct leak_sample *s, const struct gt_goroutine *g)
{
	const struct gt_object *o =
		g->waits_n ? gt_objects_find(&s->objects,
					     s->model.waits[g->waits].obj) :
			     NULL;

	return o && o->kind == GT_KIND_CHAN && o->known ?
		       s->model.channels[o->channel].creator :
		       0;
}

/* The finding that @g belongs to, of those of its group from @first on; NULL:
 * no memory. */
static struct leak_finding *
finding_for(struct search *x, size_t first, const struct gt_goroutine *g,
	    const struct leak_grown *grown)
{
	struct leak_sample *s = x->s;
	uint32_t maker = maker_of(s, g);
	struct leak_finding *f;

	for (size_t i = first; i < s->r->n; i++)
		if (x->makers[i - first] == maker)
			return &s->r->v[i];
	if (!gt_grow((void **)&x->makers, s->r->n - first, 1, &x->makers_room,
		     sizeof(*x->makers)))
		return NULL;
	x->makers[s->r->n - first] = maker;
	f = leak_sample_begin(s, LEAK_SUSPECT, g);
	if (!f)
		return NULL;
	f->wait_min_ns = UINT64_MAX;
	f->grows = grown;
	f->first_n = grown ? grown->first : 0;
	f->last_n = grown ? grown->n : 0;
	/* Not yet a story, but what has to be the same for one. */
	f->stories = strdup(grown ? "more" : "long");
	return f->stories ? f : NULL;
}

static bool
add_id(struct leak_finding *f, uint64_t id)
{
	/* Room for 1, 2, 4 ... */
	if (!(f->ids_n & (f->ids_n - 1))) {
		size_t room = f->ids_n ? 2 * f->ids_n : 1;
		uint64_t *more = reallocarray(f->ids, room, sizeof(*more));

		if (!more)
			return false;
		f->ids = more;
	}
	f->ids[f->ids_n++] = id;
	f->n = f->ids_n;
	return true;
}

static bool
add_suspects(struct search *x, const struct gt_group *group)
{
	struct leak_sample *s = x->s;
	const uint32_t *members = s->groups.members + group->first;
	const struct gt_goroutine *one = &s->model.goroutines[members[0]];
	const struct leak_grown *grown = note_growth(
		s->look, hash_of(&s->model, one), group->n);
	size_t first = s->r->n;

	if (!grown)
		return false;
	if (s->look->samples < GROWS_FROM || !grown->grows)
		grown = NULL;
	for (uint32_t i = 0; i < group->n; i++) {
		const struct gt_goroutine *g = &s->model.goroutines[members[i]];
		struct leak_finding *f;

		if (is_known(x, g->id) || !leak_waits_for_others(g) ||
		    (!grown && g->wait_ns < s->look->min_wait_ns) ||
		    has_deadline(s, g))
			continue;
		f = finding_for(x, first, g, grown);
		if (!f || !add_id(f, g->id))
			return false;
		if (g->wait_ns > f->wait_ns)
			f->wait_ns = g->wait_ns;
		if (g->wait_ns < f->wait_min_ns)
			f->wait_min_ns = g->wait_ns;
	}
	return true;
}

/* All are there: put those together that are at the same place. */
static void
tell_suspects(struct leak_sample *s)
{
	leak_merge(s->r);
	for (size_t i = 0; i < s->r->n; i++) {
		struct leak_finding *f = &s->r->v[i];

		if (f->kind != LEAK_SUSPECT)
			continue;
		free(f->stories);
		f->stories = NULL;
		tell(s, f);
	}
}

bool
leak_suspects(struct leak_sample *s)
{
	struct search x = { .s = s };
	bool good = note_known(&x);

	for (size_t i = 0; good && i < s->groups.n; i++)
		good = add_suspects(&x, &s->groups.v[i]);
	if (good)
		tell_suspects(s);
	free(x.known);
	free(x.makers);
	return good;
}
