// SPDX-License-Identifier: MIT
/*
 * waits.c - goroutines that wait for each other
 *
 * Idea       A graph with two kinds of nodes: goroutines that wait for a lock,
 *            and locks. A goroutine leads to the lock, a lock to all that hold
 *            it. All of them must let go before the waiter goes on (readers
 *            before a writer, too), so a circle is a deadlock; and circles are
 *            what strongly connected components are made of. With locks as
 *            nodes there are as many edges as waits and holds, however many
 *            wait for what many hold.
 * Tarjan     With a stack of its own: a row of a million goroutines, each
 *            waiting for the next, must not overflow ours.
 */
#include "waits.h"

#include <stdlib.h>

/* Node numbers: goroutines first, then objects. */
struct node {
	uint32_t index, low; /* Tarjan's; index 0: not seen */
	uint32_t edge;       /* the next of its edges to follow */
	uint32_t parent;
	bool on_stack;
};
#define NONE UINT32_MAX

struct graph {
	const struct gt_model *model;
	const struct gt_objects *objects;
	struct gt_knots *ret;
	struct node *nodes;
	uint32_t *stack;
	uint32_t stack_n, next_index;
	uint32_t goroutines_n; /* where the objects' numbers begin */
	size_t knots_room, rows_n, rows_room;
};

const struct gt_object *
gt_lock_waited_for(const struct gt_model *model,
		   const struct gt_objects *objects, uint32_t g)
{
	const struct gt_goroutine *it = &model->goroutines[g];
	enum gt_kind kind = gt_kind_of(it->reason);

	if (it->state != GORO_ABI_WAITING || !it->waits_n ||
	    (kind != GT_KIND_MUTEX && kind != GT_KIND_RWMUTEX &&
	     kind != GT_KIND_ONCE))
		return NULL;
	return gt_objects_find(objects, model->waits[it->waits].obj);
}

/* The node that edge number @edge leads to, or NONE: there are no more. One
 * that runs, or has run meanwhile, leads nowhere: it may let go. */
static uint32_t
follow(const struct graph *x, uint32_t node, uint32_t edge)
{
	if (node >= x->goroutines_n) {
		const struct gt_parties *p =
			&x->objects->v[node - x->goroutines_n]
				 .parties[GT_ROLE_HOLDS];

		return edge < p->n ? p->v[edge].g : NONE;
	}
	if (edge || !x->objects->still[node])
		return NONE;
	const struct gt_object *o = gt_lock_waited_for(x->model, x->objects,
						       node);
	return o ? x->goroutines_n + (uint32_t)(o - x->objects->v) : NONE;
}

/* From one of a component: go on to whoever holds what it waits for, inside
 * the component, until one comes again; the row is what lies between. */
static bool
add_row(struct graph *x, uint32_t first, uint32_t root_index, uint32_t n)
{
	size_t start = x->rows_n;
	uint32_t g = first;

	/* `edge` has served its purpose: now it says who is in the row. */
	do {
		if (!gt_grow((void **)&x->ret->rows, x->rows_n, 1,
			     &x->rows_room, sizeof(*x->ret->rows)))
			return false;
		x->ret->rows[x->rows_n++] = g;
		x->nodes[g].edge = NONE;
		uint32_t lock = follow(x, g, 0), next = NONE;
		for (uint32_t i = 0; (next = follow(x, lock, i)) != NONE; i++)
			if (x->nodes[next].low == root_index &&
			    x->nodes[next].on_stack)
				break;
		g = next;
	} while (x->nodes[g].edge != NONE);
	/* What led into the circle is not of it. */
	while (x->ret->rows[start] != g)
		start++;
	if (!gt_grow((void **)&x->ret->v, x->ret->n, 1, &x->knots_room,
		     sizeof(*x->ret->v)))
		return false;
	x->ret->v[x->ret->n++] = (struct gt_knot){
		/* `rows` may move: a number for now. */
		.row = (uint32_t *)start,
		.row_n = x->rows_n - start,
		.n = n,
	};
	return true;
}

/* A component is complete: it is the stack from @root up. */
static bool
take_component(struct graph *x, uint32_t root)
{
	uint32_t from = x->stack_n, n = 0, first = NONE;
	uint32_t root_index = x->nodes[root].index;
	bool ok = true;

	do {
		uint32_t node = x->stack[--from];

		if (node < x->goroutines_n) {
			n++;
			if (node < first)
				first = node;
		}
		x->nodes[node].low = root_index;
	} while (x->stack[from] != root);
	if (x->stack_n - from > 1)
		ok = add_row(x, first, root_index, n);
	while (x->stack_n > from)
		x->nodes[x->stack[--x->stack_n]].on_stack = false;
	return ok;
}

static void
visit(struct graph *x, uint32_t node, uint32_t parent)
{
	x->nodes[node] = (struct node){
		.index = ++x->next_index,
		.low = x->next_index,
		.parent = parent,
		.on_stack = true,
	};
	x->stack[x->stack_n++] = node;
}

static bool
search_from(struct graph *x, uint32_t start)
{
	visit(x, start, NONE);
	for (uint32_t node = start; node != NONE;) {
		struct node *it = &x->nodes[node];
		uint32_t next = follow(x, node, it->edge);

		if (next != NONE) {
			struct node *to = &x->nodes[next];

			it->edge++;
			if (!to->index) {
				visit(x, next, node);
				node = next;
			} else if (to->on_stack && to->index < it->low) {
				it->low = to->index;
			}
			continue;
		}
		uint32_t parent = it->parent;
		if (parent != NONE && it->low < x->nodes[parent].low)
			x->nodes[parent].low = it->low;
		if (it->low == it->index && !take_component(x, node))
			return false;
		node = parent;
	}
	return true;
}

struct gt_error *
gt_knots_find(const struct gt_model *model, const struct gt_objects *objects,
	      struct gt_knots *ret)
{
	size_t n = model->goroutines_n + objects->n;
	GT_CLEANUP(gt_freep) struct node *nodes = calloc(n + 1, sizeof(*nodes));
	GT_CLEANUP(gt_freep) uint32_t *stack = malloc((n + 1) * sizeof(*stack));
	struct graph x = {
		.model = model,
		.objects = objects,
		.ret = ret,
		.nodes = nodes,
		.stack = stack,
		.goroutines_n = model->goroutines_n,
	};
	bool ok = nodes && stack;

	*ret = (struct gt_knots){ 0 };
	for (uint32_t g = 0; g < x.goroutines_n && ok; g++)
		if (!nodes[g].index && follow(&x, g, 0) != NONE)
			ok = search_from(&x, g);
	for (size_t i = 0; i < ret->n; i++)
		ret->v[i].row = ret->rows + (size_t)ret->v[i].row;
	return ok ? NULL : &gt_enomem;
}

void
gt_knots_fini(struct gt_knots *knots)
{
	free(knots->v);
	free(knots->rows);
	*knots = (struct gt_knots){ 0 };
}
