// SPDX-License-Identifier: MIT
/*
 * diff.c - two dumps of a program
 */
#include "diff.h"

#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "sort.h"

struct differ {
	struct gt_diff *diff;
	size_t room;
	struct gt_model strings; /* for its table of strings only */
	uint32_t *group_at;      /* group + 1, by the place of its key there */
	size_t group_at_room;
	struct gt_out key;
	struct gt_sort_item *ids[2]; /* .index: group */
	size_t ids_n[2], ids_room[2];
};

static void
put_frame(struct gt_out *key, const struct gt_value *f)
{
	gt_out_format(key, "\n%.500s %.400s:%u", gt_value_string(f, "function"),
		      gt_value_string(f, "file"),
		      (unsigned)gt_value_number(f, "line"));
}

/* What makes two goroutines the same to us. */
static const char *
key_of(struct differ *x, const struct gt_value *g)
{
	const char *reason = gt_value_string(g, "reason");

	x->key.n = 0;
	gt_out_format(&x->key, "%.100s",
		      *reason ? reason : gt_value_string(g, "state"));
	for (const struct gt_value *f = gt_value_items(g, "stack"); f;
	     f = f->next)
		put_frame(&x->key, f);
	gt_out_string(&x->key, "\nby");
	put_frame(&x->key, gt_value_get(g, "created_by"));
	gt_out_bytes(&x->key, "", 1);
	return x->key.error ? NULL : x->key.buf;
}

/* The number of its group; UINT32_MAX when memory is short. */
static uint32_t
group_of(struct differ *x, const struct gt_value *g)
{
	const char *key = key_of(x, g);
	uint32_t at = key ? gt_model_string(&x->strings, key) : 0;
	size_t had = x->group_at_room;

	if (!at || !gt_grow((void **)&x->group_at, at, 1, &x->group_at_room,
			    sizeof(*x->group_at)))
		return UINT32_MAX;
	memset(x->group_at + had, 0,
	       (x->group_at_room - had) * sizeof(*x->group_at));
	if (!x->group_at[at]) {
		if (!gt_grow((void **)&x->diff->groups, x->diff->n, 1, &x->room,
			     sizeof(*x->diff->groups)))
			return UINT32_MAX;
		x->diff->groups[x->diff->n] =
			(struct gt_diff_group){ .one = g };
		x->group_at[at] = ++x->diff->n;
	}
	return x->group_at[at] - 1;
}

static bool
add(struct differ *x, unsigned side, uint32_t group, uint64_t id)
{
	if (!gt_grow((void **)&x->ids[side], x->ids_n[side], 1,
		     &x->ids_room[side], sizeof(*x->ids[side])))
		return false;
	x->ids[side][x->ids_n[side]++] = (struct gt_sort_item){ id, group };
	x->diff->groups[group].count[side]++;
	x->diff->count[side]++;
	return true;
}

static bool
take_side(struct differ *x, unsigned side)
{
	const struct gt_value *dump = x->diff->dumps[side];
	const struct gt_value *g;

	for (g = gt_value_items(dump, "goroutines"); g; g = g->next) {
		uint32_t group = group_of(x, g);

		if (group == UINT32_MAX ||
		    !add(x, side, group, gt_value_number(g, "id")))
			return false;
	}
	for (g = gt_value_items(dump, "groups"); g; g = g->next) {
		uint32_t group = group_of(x, g);
		const struct gt_value *id = gt_value_items(g, "ids");

		if (group == UINT32_MAX)
			return false;
		for (; id; id = id->next)
			if (!add(x, side, group, id->number))
				return false;
	}
	return true;
}

static bool
sort_ids(struct gt_sort_item *ids, size_t n)
{
	GT_CLEANUP(gt_freep)
	struct gt_sort_item *spare = malloc((n + 1) * sizeof(*spare));

	if (spare && n)
		gt_sort(ids, spare, n);
	return spare;
}

/* Which numbers are in both? */
static bool
match(struct differ *x)
{
	size_t a = 0, b = 0;

	for (unsigned side = 0; side < 2; side++)
		if (!sort_ids(x->ids[side], x->ids_n[side]))
			return false;
	while (a < x->ids_n[0] && b < x->ids_n[1]) {
		const struct gt_sort_item *p = &x->ids[0][a],
					  *q = &x->ids[1][b];

		if (p->key == q->key) {
			x->diff->stayed++;
			if (p->index == q->index)
				x->diff->groups[p->index].stayed++;
		}
		a += p->key <= q->key;
		b += q->key <= p->key;
	}
	return true;
}

static uint64_t
change(const struct gt_diff_group *g)
{
	return g->count[1] > g->count[0] ? g->count[1] - g->count[0] :
					   g->count[0] - g->count[1];
}

static int
by_change(const void *a, const void *b)
{
	const struct gt_diff_group *x = a, *y = b;
	uint64_t p = change(x), q = change(y);

	if (p != q)
		return p < q ? 1 : -1;
	if (x->count[1] != y->count[1])
		return x->count[1] < y->count[1] ? 1 : -1;
	return 0;
}

struct gt_error *
gt_diff_make(const struct gt_value *before, const struct gt_value *after,
	     struct gt_diff *ret)
{
	struct differ x = { .diff = ret };
	uint64_t pid = gt_value_number(before, "pid");

	*ret = (struct gt_diff){
		.dumps = { before, after },
		.same_process = pid && pid == gt_value_number(after, "pid"),
	};
	for (unsigned side = 0; side < 2; side++) {
		const struct gt_value *d = ret->dumps[side];

		if (gt_value_number(d, "version") != 1 ||
		    (!gt_value_get(d, "goroutines") && !gt_value_get(d, "group"
									"s")))
			return gt_error(GT_DAMAGED, 0,
					"the %s file is no dump of goro-dump "
					"--format json",
					side ? "second" : "first");
	}
	struct gt_error *err = gt_model_init(&x.strings, NULL);
	if (err)
		return err;
	bool ok = gt_out_init(&x.key, -1) && take_side(&x, 0) &&
		  take_side(&x, 1) && (!ret->same_process || match(&x));
	if (ok && ret->n)
		qsort(ret->groups, ret->n, sizeof(*ret->groups), by_change);
	gt_model_fini(&x.strings);
	free(x.group_at);
	free(x.key.buf);
	free(x.ids[0]);
	free(x.ids[1]);
	return ok ? NULL : &gt_enomem;
}

void
gt_diff_fini(struct gt_diff *diff)
{
	free(diff->groups);
	*diff = (struct gt_diff){ 0 };
}
