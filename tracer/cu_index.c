// SPDX-License-Identifier: MIT
/*
 * cu_index.c - which compilation unit holds an address
 */
#include "cu_index.h"

#include <stdlib.h>

struct range {
	Dwarf_Addr begin, end;
	Dwarf_Off die;
};

struct gt_cu_index {
	Dwarf *dwarf;
	struct range *v; /* sorted by `begin` */
	size_t n, room;
};

static bool
add_range(struct gt_cu_index *index, Dwarf_Addr begin, Dwarf_Addr end,
	  Dwarf_Off die)
{
	/* A unit that the linker dropped has its ranges at 0. */
	if (begin >= end || begin == 0)
		return true;
	if (index->n == index->room) {
		size_t room = index->room ? index->room * 2 : 256;
		struct range *v = reallocarray(index->v, room, sizeof(*v));

		if (!v)
			return false;
		index->v = v;
		index->room = room;
	}
	index->v[index->n++] = (struct range){ begin, end, die };
	return true;
}

static bool
add_unit(struct gt_cu_index *index, Dwarf_Die *unit)
{
	Dwarf_Addr base, begin, end;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(unit, at, &base, &begin, &end)) > 0)
		if (!add_range(index, begin, end, dwarf_dieoffset(unit)))
			return false;
	return true;
}

static int
by_begin(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return (x->begin > y->begin) - (x->begin < y->begin);
}

struct gt_cu_index *
gt_cu_index_create(Dwarf *dwarf)
{
	struct gt_cu_index *index = calloc(1, sizeof(*index));
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit;

	if (!index)
		return NULL;
	index->dwarf = dwarf;
	while (dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &unit, NULL) == 0) {
		if (!add_unit(index, &unit)) {
			gt_cu_index_destroy(index);
			return NULL;
		}
	}
	if (index->n)
		qsort(index->v, index->n, sizeof(*index->v), by_begin);
	return index;
}

void
gt_cu_index_destroy(struct gt_cu_index *index)
{
	if (index)
		free(index->v);
	free(index);
}

bool
gt_cu_index_find(const struct gt_cu_index *index, Dwarf_Addr addr,
		 Dwarf_Die *ret)
{
	size_t lo = 0, hi = index->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (addr < index->v[mid].begin)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo && addr < index->v[lo - 1].end &&
	       dwarf_offdie(index->dwarf, index->v[lo - 1].die, ret);
}
