// SPDX-License-Identifier: MIT
/*
 * profile_look.c - goroutine and wall profiles of a process that is not asked
 *
 * Each look fills the model anew, but for its PCs and strings, which stay: so a
 * stack has the same numbers at each look, and is summed up by them.
 */
#include "profile_look.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model.h"
#include "unwind.h"

/* A stack that was seen, with what else tells it from others. */
struct seen {
	uint32_t frame, n; /* in `frames`: PC ids */
	uint32_t labels, name, creator;
	uint64_t hash;
	int64_t count, ns;
};

struct looking {
	const struct gt_profile_looks *o;
	struct gt_target *target;
	struct gt_modules modules;
	struct gt_abi abi;
	struct gt_model model;
	struct gt_symbols symbols;
	struct gt_unwinder *unwinder;
	GT_PROFILE_ARRAY(struct seen) seen;
	GT_PROFILE_ARRAY(uint32_t) frames;
	GT_PROFILE_ARRAY(uint32_t) slots; /* by hash: 1 + index; 0 is free */
	uint32_t *location;               /* 1 + index, by PC id */
	struct gt_profile *p;
};

static int64_t
now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* --- Looking --------------------------------------------------------------- */

static uint64_t
mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static struct seen
key_of(const struct looking *l, const struct gt_goroutine *g)
{
	struct seen key = {
		.n = g->frames_n,
		.labels = g->labels,
		.name = g->name,
		.creator = l->o->creator ? g->creator : 0,
	};

	key.hash = mix(mix(mix(key.n, key.labels), key.name), key.creator);
	for (uint32_t i = 0; i < key.n; i++)
		key.hash = mix(key.hash, l->model.frames[g->frames + i]);
	return key;
}

static bool
is_same(const struct looking *l, const struct seen *s, const struct seen *key,
	const uint32_t *frames)
{
	return s->hash == key->hash && s->n == key->n &&
	       s->labels == key->labels && s->name == key->name &&
	       s->creator == key->creator &&
	       (!s->n || !memcmp(l->frames.at + s->frame, frames,
				 s->n * sizeof(*frames)));
}

/* Twice the slots, with all that there is. */
static bool
grow_slots(struct looking *l)
{
	size_t n = l->slots.n ? 2 * l->slots.n : 1024;
	uint32_t *at = calloc(n, sizeof(*at));

	if (!at)
		return false;
	for (uint32_t i = 0; i < l->seen.n; i++) {
		uint64_t h = l->seen.at[i].hash;

		while (at[h & (n - 1)])
			h++;
		at[h & (n - 1)] = i + 1;
	}
	free(l->slots.at);
	l->slots.at = at;
	l->slots.n = n;
	return true;
}

/* Where the sums of @g are; NULL when memory is short. */
static struct seen *
seen_of(struct looking *l, const struct gt_goroutine *g)
{
	const uint32_t *frames = l->model.frames + g->frames;
	struct seen key = key_of(l, g);
	uint64_t h = key.hash;

	if (l->seen.n >= l->slots.n / 2 && !grow_slots(l))
		return NULL;
	for (; l->slots.at[h & (l->slots.n - 1)]; h++) {
		struct seen *s =
			&l->seen.at[l->slots.at[h & (l->slots.n - 1)] - 1];

		if (is_same(l, s, &key, frames))
			return s;
	}
	key.frame = (uint32_t)l->frames.n;
	for (uint32_t i = 0; i < key.n; i++)
		if (!GT_PROFILE_PUSH(l->frames, frames[i]))
			return NULL;
	if (!GT_PROFILE_PUSH(l->seen, key))
		return NULL;
	l->slots.at[h & (l->slots.n - 1)] = (uint32_t)l->seen.n;
	return &l->seen.at[l->seen.n - 1];
}

/* One look, which counts for @ns. */
static struct gt_error *
look(struct looking *l, int64_t ns)
{
	struct gt_model *model = &l->model;

	gt_model_clear(model);
	struct gt_error *err = gt_model_fill(model, l->target, l->unwinder);
	for (size_t i = 0; !err && i < model->goroutines_n; i++) {
		const struct gt_goroutine *g = &model->goroutines[i];
		struct seen *s;

		if (g->flags & GORO_ABI_G_SYSTEM)
			continue;
		s = seen_of(l, g);
		if (!s)
			return &gt_enomem;
		s->count++;
		s->ns += ns;
	}
	return err;
}

/* For as long as it was asked for, or until the watch has enough. */
static struct gt_error *
look_on(struct looking *l)
{
	const struct gt_ask_watch *watch = l->o->watch;
	int64_t period_ns = 1000000000 / l->o->hz;
	int64_t last_ns = now_ns(CLOCK_MONOTONIC) - period_ns;
	int64_t until_ns = last_ns + l->o->ms * 1000000;
	struct gt_error *err = NULL;

	while (!err && (!watch || watch->go_on(watch->arg))) {
		int64_t t = now_ns(CLOCK_MONOTONIC), next_ns = t + period_ns;
		struct timespec at = { next_ns / 1000000000,
				       next_ns % 1000000000 };

		err = look(l, t - last_ns);
		last_ns = t;
		if (t >= until_ns)
			break;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
	}
	return err;
}

/* --- Writing down ---------------------------------------------------------- */

static bool
put_mappings(struct looking *l)
{
	struct gt_profile *p = l->p;

	for (size_t i = 0; i < l->modules.n; i++) {
		const struct gt_module *m = &l->modules.v[i];
		char build_id[GT_BUILD_ID_TEXT];

		gt_module_build_id(&l->modules, m, build_id);
		struct gt_profile_mapping mapping = {
			.id = i + 1,
			.start = m->start,
			.limit = m->end,
			.file = gt_profile_add_string(p, m->map->path),
			.build_id = gt_profile_add_string(p, build_id),
			.has_functions = true,
		};
		if (!GT_PROFILE_PUSH(p->mappings, mapping))
			return false;
	}
	return true;
}

/* The location of a PC, unless it is the runtime's own. */
static bool
put_location(struct looking *l, uint32_t pc)
{
	struct gt_profile *p = l->p;
	uint64_t at = gt_row_lookup(&l->model.pcs.rows[pc]);
	const struct gt_module *m = gt_modules_find(&l->modules, at);
	const struct gt_symbol *symbol = gt_symbols_get(&l->symbols, pc);
	uint32_t first = (uint32_t)p->lines.n;

	for (uint32_t i = 0; symbol && i < symbol->n; i++) {
		const struct gt_frame *f = &symbol->frames[i];
		uint32_t function;

		if (f->internal)
			continue;
		function = gt_profile_add_function(p, f);
		if (function == UINT32_MAX ||
		    !GT_PROFILE_PUSH(p->lines, { function, f->line }))
			return false;
	}
	if (!symbol || p->lines.n == first)
		return symbol; /* the runtime's own: not shown */
	if (!GT_PROFILE_PUSH(p->locations,
			     { .id = p->locations.n + 1,
			       .address = at,
			       .mapping = m ? (int32_t)(m - l->modules.v) : -1,
			       .line = first,
			       .lines_n = (uint32_t)p->lines.n - first }))
		return false;
	if (m) {
		struct gt_profile_mapping *mapping =
			&p->mappings.at[m - l->modules.v];

		mapping->has_files = mapping->has_lines = true;
		mapping->has_inlines = true;
	}
	l->location[pc] = (uint32_t)p->locations.n;
	return true;
}

static bool
put_label(struct gt_profile *p, const char *key, const char *value)
{
	return GT_PROFILE_PUSH(p->labels,
			       { .key = gt_profile_add_string(p, key),
				 .str = gt_profile_add_string(p, value) });
}

static bool
put_labels(struct looking *l, const struct seen *s)
{
	const char *key, *value;

	for (uint32_t at = 0;
	     gt_label_next(&l->model, s->labels, &at, &key, &value);)
		if (*value && !put_label(l->p, key, value))
			return false;
	if (s->name &&
	    !put_label(l->p, "goroutine name", l->model.strings + s->name))
		return false;
	if (s->creator) {
		const struct gt_symbol *by = gt_symbols_get(&l->symbols,
							    s->creator);

		return by && put_label(l->p, "creator",
				       by->frames[by->n - 1].function);
	}
	return true;
}

static bool
put_sample(struct looking *l, const struct seen *s)
{
	struct gt_profile *p = l->p;
	struct gt_profile_sample sample = {
		.frame = (uint32_t)p->frames.n,
		.label = (uint32_t)p->labels.n,
		.value = { s->count, s->ns },
	};

	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t pc = l->frames.at[s->frame + i];

		if (!l->location[pc] && !put_location(l, pc))
			return false;
		if (l->location[pc] &&
		    !GT_PROFILE_PUSH(p->frames, l->location[pc] - 1))
			return false;
	}
	sample.frames_n = (uint32_t)p->frames.n - sample.frame;
	if (!put_labels(l, s))
		return false;
	sample.labels_n = (uint32_t)p->labels.n - sample.label;
	return GT_PROFILE_PUSH(p->samples, sample);
}

static struct gt_profile_type
type_of(struct gt_profile *p, const char *type, const char *unit)
{
	return (struct gt_profile_type){ gt_profile_add_string(p, type),
					 gt_profile_add_string(p, unit) };
}

static struct gt_error *
write_down(struct looking *l, int64_t start_ns)
{
	struct gt_profile *p = l->p;

	l->location = calloc(l->model.pcs.n + 1, sizeof(*l->location));
	if (!l->location || !GT_PROFILE_PUSH(p->strings, ""))
		return &gt_enomem;
	p->time_ns = now_ns(CLOCK_REALTIME);
	p->types_n = l->o->wall ? 2 : 1;
	p->type[0] = type_of(p, l->o->wall ? "samples" : "goroutine", "count");
	p->type[1] = type_of(p, "time", "nanoseconds");
	p->period_type = p->type[0];
	p->period = 1;
	if (l->o->wall) {
		p->period_type = type_of(p, "wallclock", "nanoseconds");
		p->period = 1000000000 / l->o->hz;
		p->duration_ns = now_ns(CLOCK_MONOTONIC) - start_ns;
	}
	bool ok = put_mappings(l);
	for (size_t i = 0; ok && i < l->seen.n; i++)
		ok = put_sample(l, &l->seen.at[i]);
	return ok ? NULL : &gt_enomem;
}

static void
looking_fini(struct looking *l)
{
	if (l->unwinder)
		gt_unwinder_destroyp(&l->unwinder);
	gt_symbols_fini(&l->symbols);
	gt_model_fini(&l->model);
	free(l->seen.at);
	free(l->frames.at);
	free(l->slots.at);
	free(l->location);
}

static struct gt_error *
look_at(struct looking *l)
{
	int64_t start_ns = now_ns(CLOCK_MONOTONIC);
	struct gt_error *err = gt_model_init(&l->model, &l->abi);

	if (err)
		return err;
	gt_symbols_init(&l->symbols, &l->modules, &l->model.pcs, &l->abi);
	err = gt_unwinder_table(&l->modules, &l->model.pcs, &l->unwinder);
	if (!err)
		err = l->o->wall ? look_on(l) : look(l, 0);
	if (!err)
		err = write_down(l, start_ns);
	looking_fini(l);
	return err;
}

/*
 * Take a profile of process @pid without its doing.
 *
 * @ret  to be freed by gt_profile_fini(), in any case
 */
struct gt_error *
gt_profile_look(pid_t pid, const struct gt_profile_looks *looks,
		struct gt_profile *ret)
{
	GT_CLEANUP(gt_target_destroyp) struct gt_target *t = NULL;
	struct looking l = { .o = looks, .p = ret };

	*ret = (struct gt_profile){ 0 };
	struct gt_error *err = gt_target_live_open(pid, &t);
	if (!err)
		err = gt_abi_find(t, &l.abi);
	if (!err)
		err = gt_modules_init(&l.modules, t);
	if (err)
		return err;
	l.target = t;
	err = look_at(&l);
	gt_modules_fini(&l.modules);
	return err;
}
