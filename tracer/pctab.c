// SPDX-License-Identifier: MIT
/*
 * pctab.c - every distinct PC of a dump, once
 */
#include "pctab.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 1024, FIRST_SLOTS = 4096 };

struct gt_error *
gt_pctab_init(struct gt_pctab *tab)
{
	tab->rows = calloc(FIRST_ROOM, sizeof(*tab->rows));
	tab->slots = calloc(FIRST_SLOTS, sizeof(*tab->slots));
	tab->n = 1;
	tab->room = FIRST_ROOM;
	tab->mask = FIRST_SLOTS - 1;
	if (tab->rows && tab->slots)
		return NULL;
	gt_pctab_fini(tab);
	return &gt_enomem;
}

void
gt_pctab_fini(struct gt_pctab *tab)
{
	free(tab->rows);
	free(tab->slots);
	*tab = (struct gt_pctab){ 0 };
}

static void
place(struct gt_pctab *tab, uint32_t id)
{
	uint32_t h = gt_pctab_hash(tab->rows[id].key);

	while (tab->slots[h & tab->mask])
		h++;
	tab->slots[h & tab->mask] = id;
}

/* Twice the slots, so that no more than half of them are ever in use. */
static bool
grow_slots(struct gt_pctab *tab)
{
	uint32_t n = (tab->mask + 1) * 2;
	uint32_t *slots = n ? calloc(n, sizeof(*slots)) : NULL;

	if (!slots)
		return false;
	free(tab->slots);
	tab->slots = slots;
	tab->mask = n - 1;
	for (uint32_t id = 1; id < tab->n; id++)
		place(tab, id);
	return true;
}

uint32_t
gt_pctab_add(struct gt_pctab *tab, uint64_t key)
{
	if (tab->n == tab->room) {
		struct gt_row *rows = reallocarray(
			tab->rows, (size_t)tab->room * 2, sizeof(*rows));

		if (!rows)
			return 0;
		tab->rows = rows;
		tab->room *= 2;
	}
	if (tab->n > tab->mask / 2 && !grow_slots(tab))
		return 0;
	uint32_t id = tab->n++;
	tab->rows[id] = (struct gt_row){ .key = key };
	place(tab, id);
	return id;
}
