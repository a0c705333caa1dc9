// SPDX-License-Identifier: MIT
/*
 * group.c - goroutines that do the same
 *
 * A stack is a run of PC ids, so a group is found by hashing a few words; a
 * million goroutines take 50 ms. Which group each goroutine is in is noted,
 * and then the members are dealt out, as in a counting sort.
 */
#include "group.h"

#include <stdlib.h>
#include <string.h>

#include "sort.h"

struct grouper {
	const struct gt_view *view;
	struct gt_groups *groups;
	size_t room;
	uint32_t *one; /* a member of each group; as long as groups->v */
	size_t one_room;
	uint32_t *slots; /* group + 1 by hash, 0 empty */
	uint32_t mask;
};

static uint64_t
mix(uint64_t h, uint64_t value)
{
	h = (h ^ value) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

static uint32_t
hash(const struct gt_model *model, const struct gt_goroutine *g)
{
	uint64_t h = mix(g->state << 8 | g->reason, g->creator);

	for (uint32_t i = 0; i < g->frames_n; i++)
		h = mix(h, model->frames[g->frames + i]);
	return (uint32_t)(h >> 32);
}

static bool
same(const struct gt_model *model, const struct gt_goroutine *a,
     const struct gt_goroutine *b)
{
	return a->state == b->state && a->reason == b->reason &&
	       a->creator == b->creator && a->frames_n == b->frames_n &&
	       a->dropped == b->dropped &&
	       !memcmp(model->frames + a->frames, model->frames + b->frames,
		       a->frames_n * sizeof(*model->frames));
}

static bool
grow_slots(struct grouper *x)
{
	const struct gt_model *model = x->view->model;
	uint32_t mask = x->slots ? x->mask * 2 + 1 : 1023;
	uint32_t *slots = calloc((size_t)mask + 1, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < x->groups->n; i++) {
		uint32_t h = hash(model, &model->goroutines[x->one[i]]);

		while (slots[h & mask])
			h++;
		slots[h & mask] = i + 1;
	}
	free(x->slots);
	x->slots = slots;
	x->mask = mask;
	return true;
}

/* The number of the group that a goroutine is in, perhaps a new one; or
 * UINT32_MAX: memory is short. */
static uint32_t
group_of(struct grouper *x, uint32_t index)
{
	const struct gt_model *model = x->view->model;
	const struct gt_goroutine *g = &model->goroutines[index];
	struct gt_groups *groups = x->groups;
	uint32_t h = hash(model, g);

	if (groups->n >= x->mask / 2 && !grow_slots(x))
		return UINT32_MAX;
	for (; x->slots[h & x->mask]; h++) {
		uint32_t i = x->slots[h & x->mask] - 1;

		if (same(model, g, &model->goroutines[x->one[i]]))
			return i;
	}
	if (!gt_grow((void **)&groups->v, groups->n, 1, &x->room,
		     sizeof(*groups->v)) ||
	    !gt_grow((void **)&x->one, groups->n, 1, &x->one_room,
		     sizeof(*x->one)))
		return UINT32_MAX;
	x->one[groups->n] = index;
	groups->v[groups->n] = (struct gt_group){ .min_wait_ns = UINT64_MAX };
	x->slots[h & x->mask] = ++groups->n;
	return groups->n - 1;
}

static bool
deal_out(struct grouper *x, uint32_t *numbers)
{
	const struct gt_view *view = x->view;
	struct gt_groups *groups = x->groups;
	uint32_t at = 0;

	for (size_t i = 0; i < view->n; i++) {
		const struct gt_goroutine *g =
			&view->model->goroutines[view->v[i]];

		numbers[i] = group_of(x, view->v[i]);
		if (numbers[i] == UINT32_MAX)
			return false;
		struct gt_group *group = &groups->v[numbers[i]];
		group->n++;
		if (g->wait_ns < group->min_wait_ns)
			group->min_wait_ns = g->wait_ns;
		if (g->wait_ns > group->max_wait_ns)
			group->max_wait_ns = g->wait_ns;
	}
	for (size_t i = 0; i < groups->n; i++) {
		groups->v[i].first = at;
		at += groups->v[i].n;
		groups->v[i].n = 0;
	}
	for (size_t i = 0; i < view->n; i++) {
		struct gt_group *group = &groups->v[numbers[i]];

		groups->members[group->first + group->n++] = view->v[i];
	}
	return true;
}

/* Groups are made in the order of their first members, by id. */
static bool
sort_groups(struct gt_groups *groups, enum gt_sort by)
{
	size_t n = groups->n;
	GT_CLEANUP(gt_freep)
	struct gt_sort_item *items = malloc((2 * n + 1) * sizeof(*items));
	struct gt_group *sorted = malloc((n + 1) * sizeof(*sorted));

	if (!items || !sorted) {
		free(sorted);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		items[i] = (struct gt_sort_item){
			.key = by == GT_SORT_ID   ? 0 :
			       by == GT_SORT_WAIT ? ~groups->v[i].max_wait_ns :
						    ~(uint64_t)groups->v[i].n,
			.index = i,
		};
	gt_sort(items, items + n, n);
	for (size_t i = 0; i < n; i++)
		sorted[i] = groups->v[items[i].index];
	free(groups->v);
	groups->v = sorted;
	return true;
}

struct gt_error *
gt_groups_make(const struct gt_view *view, enum gt_sort by,
	       struct gt_groups *ret)
{
	struct grouper x = { .view = view, .groups = ret };
	GT_CLEANUP(gt_freep)
	uint32_t *numbers = malloc((view->n + 1) * sizeof(*numbers));

	*ret = (struct gt_groups){
		.members = malloc((view->n + 1) * sizeof(*ret->members)),
	};
	bool ok = numbers && ret->members && grow_slots(&x) &&
		  deal_out(&x, numbers) && sort_groups(ret, by);
	free(x.one);
	free(x.slots);
	return ok ? NULL : &gt_enomem;
}

void
gt_groups_fini(struct gt_groups *groups)
{
	free(groups->v);
	free(groups->members);
	*groups = (struct gt_groups){ 0 };
}
