// SPDX-License-Identifier: MIT
/*
 * render_waits.c - what blocks whom, as text
 *
 *	mutex first
 *	    locked by   goroutine 4 "left" [sync.Mutex.Lock, 3.2s] left a.c:68
 *	    waits       goroutine 5 "right" [sync.Mutex.Lock, 3.2s] right a.c:77
 *
 * A million goroutines may wait for one object: ten of them are shown.
 */
#include "render_waits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "sort.h"

enum { PARTIES_SHOWN = 10 };

struct render {
	const struct gt_report *report;
	const struct gt_view *view;
	const struct gt_model *model;
	const struct gt_objects *objects;
	struct gt_out *out;
	bool colour;
};

/* Does one of those that are shown wait for it? */
static bool
is_wanted(const struct gt_object *o, const bool *shown)
{
	const struct gt_parties *p = &o->parties[GT_ROLE_WAITS];

	for (uint32_t i = 0; i < p->n; i++)
		if (shown[p->v[i].g])
			return true;
	return false;
}

uint32_t *
gt_waits_order(const struct gt_report *report, size_t limit, size_t *ret_n)
{
	const struct gt_objects *objects = report->objects;
	size_t n = 0, room = objects->n;
	GT_CLEANUP(gt_freep)
	struct gt_sort_item *items = malloc((2 * room + 1) * sizeof(*items));
	GT_CLEANUP(gt_freep)
	bool *shown = calloc(report->view->model->goroutines_n + 1, 1);
	uint32_t *order = malloc((room + 1) * sizeof(*order));

	if (!items || !shown || !order) {
		free(order);
		return NULL;
	}
	for (size_t i = 0; i < report->view->n; i++)
		shown[report->view->v[i]] = true;
	for (size_t i = 0; i < room; i++) {
		const struct gt_object *o = &objects->v[i];
		bool channel = o->kind == GT_KIND_CHAN && o->known;

		if (report->channels ? !channel : !is_wanted(o, shown))
			continue;
		items[n++] = (struct gt_sort_item){
			.key = ~o->max_wait_ns,
			.index = i,
		};
	}
	gt_sort(items, items + n, n);
	for (size_t i = 0; i < n; i++) {
		const struct gt_object *o = &objects->v[items[i].index];

		items[i].key =
			report->channels ?
				report->view->model->channels[o->channel].id :
				~(uint64_t)o->parties[GT_ROLE_WAITS].n;
	}
	gt_sort(items, items + n, n);
	*ret_n = limit && limit < n ? limit : n;
	for (size_t i = 0; i < *ret_n; i++)
		order[i] = items[i].index;
	return order;
}

static void
bold(struct render *r, bool on)
{
	if (r->colour)
		gt_out_string(r->out, on ? "\033[1m" : "\033[m");
}

/* goroutine 4 "left" [sync.Mutex.Lock, 3.2s] left a.c:68 */
static void
put_goroutine(struct render *r, uint32_t index)
{
	const struct gt_goroutine *g = &r->model->goroutines[index];
	const struct gt_frame *frame = gt_where(r->view, g);
	char words[GT_WORDS_MAX];

	gt_describe_goroutine(r->model, g, words);
	gt_out_string(r->out, words);
	gt_clean(words, sizeof(words), gt_goroutine_status(r->model, g), "");
	gt_out_format(r->out, " [%s", words);
	if (g->wait_ns) {
		gt_out_string(r->out, ", ");
		gt_out_duration(r->out, g->wait_ns);
	}
	gt_out_string(r->out, "]");
	if (frame) {
		gt_describe_frame(frame, words);
		gt_out_format(r->out, " %s", words);
	}
	gt_out_string(r->out, "\n");
}

static void
put_key(struct render *r, const char *key)
{
	gt_out_format(r->out, "    %-11s ", key);
}

static const char *
wait_key(const struct render *r, const struct gt_object *o,
	 const struct gt_party *p)
{
	const struct gt_goroutine *g = &r->model->goroutines[p->g];

	if (o->kind == GT_KIND_CHAN)
		return p->dir == GT_DIR_SEND ? "sends" : "receives";
	if (o->kind == GT_KIND_RWMUTEX)
		return g->reason == GORO_WAIT_WLOCK ? "locks" : "read-locks";
	return o->kind == GT_KIND_MUTEX ? "locks" : "waits";
}

static void
put_more(struct render *r, uint32_t n)
{
	if (n > PARTIES_SHOWN)
		gt_out_format(r->out, "                and %" PRIu32 " more\n",
			      n - PARTIES_SHOWN);
}

static void
put_waiters(struct render *r, const struct gt_object *o)
{
	const struct gt_parties *p = &o->parties[GT_ROLE_WAITS];
	const char *last = "";

	for (uint32_t i = 0; i < p->n && i < PARTIES_SHOWN; i++) {
		const char *key = wait_key(r, o, &p->v[i]);

		put_key(r, strcmp(key, last) ? key : "");
		put_goroutine(r, p->v[i].g);
		last = key;
	}
	put_more(r, p->n);
}

static void
put_holders(struct render *r, const struct gt_object *o)
{
	const struct gt_parties *p = &o->parties[GT_ROLE_HOLDS];
	const char *key = o->kind == GT_KIND_ONCE                  ? "run by" :
			  o->kind == GT_KIND_RWMUTEX && !o->writer ? "read-"
								     "locked" :
								     "locked "
								     "by";

	for (uint32_t i = 0; i < p->n && i < PARTIES_SHOWN; i++) {
		put_key(r, i ? "" : key);
		put_goroutine(r, p->v[i].g);
	}
	put_more(r, p->n);
	if (o->owner && gt_model_find(r->model, o->owner) == UINT32_MAX) {
		put_key(r, key);
		gt_out_format(r->out,
			      "goroutine %" PRIu64 ", which has ended\n",
			      o->owner);
	}
}

/* Who else could let them go on. Locks have holders, and nobody else can. */
static void
put_others(struct render *r, const struct gt_object *o)
{
	const struct gt_parties *p = &o->parties[GT_ROLE_KNOWS];

	if ((o->kind != GT_KIND_CHAN && o->kind != GT_KIND_WAITGROUP &&
	     o->kind != GT_KIND_COND) ||
	    !o->parties[GT_ROLE_WAITS].n)
		return;
	if (o->kind == GT_KIND_CHAN && o->known &&
	    r->model->channels[o->channel].kind == GORO_ABI_CHAN_TIMER) {
		put_key(r, "could wake");
		gt_out_string(r->out, "its timer\n");
		return;
	}
	for (uint32_t i = 0; i < p->n && i < PARTIES_SHOWN; i++) {
		put_key(r, i ? "" : "could wake");
		put_goroutine(r, p->v[i].g);
	}
	put_more(r, o->knows_n);
	if (!p->n) {
		put_key(r, "could wake");
		gt_out_string(r->out, r->report->objects->looked ?
					      "nobody known: its address is on "
					      "no other stack\n" :
					      "not known: the stacks could not "
					      "be searched\n");
	}
}

static void
put_channel(struct render *r, const struct gt_channel *ch)
{
	static const char *const kinds[] = {
		[GORO_ABI_CHAN_TIMER] = ", of a timer",
		[GORO_ABI_CHAN_CONTEXT] = ", of a context",
	};
	const struct gt_frame *frame = gt_where_made(r->view, ch->creator);
	char words[GT_WORDS_MAX];

	gt_out_format(r->out,
		      ": %s, %" PRIu64 " of %" PRIu64 " elements of %" PRIu64
		      " bytes%s",
		      ch->closed ? "closed" : "open", ch->len, ch->cap,
		      ch->elem_bytes,
		      ch->kind == GORO_ABI_CHAN_TIMER ||
				      ch->kind == GORO_ABI_CHAN_CONTEXT ?
			      kinds[ch->kind] :
			      "");
	if (frame) {
		gt_describe_frame(frame, words);
		gt_out_format(r->out, "; made by %s", words);
	}
	if (ch->creator_id)
		gt_out_format(r->out, " in goroutine %" PRIu64, ch->creator_id);
}

static void
put_object(struct render *r, const struct gt_object *o)
{
	char words[GT_WORDS_MAX];

	gt_describe_object(r->model, r->view->symbols, o, words);
	bold(r, true);
	gt_out_string(r->out, words);
	bold(r, false);
	if (o->kind == GT_KIND_CHAN && o->known)
		put_channel(r, &r->model->channels[o->channel]);
	if (o->kind == GT_KIND_WAITGROUP && o->known)
		gt_out_format(r->out, ": counter %" PRId64, o->count);
	if (o->kind == GT_KIND_RWMUTEX && o->known && !o->writer &&
	    o->count > o->parties[GT_ROLE_HOLDS].n)
		gt_out_format(r->out, ": %" PRId64 " readers", o->count);
	gt_out_string(r->out, "\n");
	put_holders(r, o);
	put_waiters(r, o);
	put_others(r, o);
}

/* Each line: who, and the lock that the next one holds. */
static void
put_knot(struct render *r, const struct gt_knot *knot)
{
	char words[GT_WORDS_MAX];

	bold(r, true);
	if (knot->n == 1)
		gt_out_string(r->out, "deadlock: a goroutine waits for "
				      "itself\n");
	else
		gt_out_format(r->out,
			      "deadlock: %" PRIu32 " goroutines wait for each "
			      "other\n",
			      knot->n);
	bold(r, false);
	for (uint32_t i = 0; i < knot->row_n; i++) {
		const struct gt_object *o = gt_lock_waited_for(
			r->model, r->objects, knot->row[i]);

		gt_out_string(r->out, "    ");
		put_goroutine(r, knot->row[i]);
		gt_describe_object(r->model, r->view->symbols, o, words);
		gt_out_format(r->out, "        waits for %s, held by ", words);
		gt_describe_goroutine(
			r->model,
			&r->model->goroutines[knot->row[(i + 1) % knot->row_n]],
			words);
		gt_out_format(r->out, "%s\n", words);
	}
	if (knot->n > knot->row_n)
		gt_out_format(r->out, "    and %" PRIu32 " more\n",
			      knot->n - knot->row_n);
	gt_out_string(r->out, "\n");
}

struct gt_error *
gt_render_waits(const struct gt_report *report, size_t limit, bool colour,
		struct gt_out *out)
{
	struct render r = {
		.report = report,
		.view = report->view,
		.model = report->view->model,
		.objects = report->objects,
		.out = out,
		.colour = colour,
	};
	size_t n;
	GT_CLEANUP(gt_freep)
	uint32_t *order = gt_waits_order(report, limit, &n);

	if (!order)
		return &gt_enomem;
	for (size_t i = 0; !report->channels && i < report->knots->n; i++)
		put_knot(&r, &report->knots->v[i]);
	for (size_t i = 0; i < n; i++) {
		if (i)
			gt_out_string(out, "\n");
		put_object(&r, &report->objects->v[order[i]]);
	}
	return NULL;
}
