// SPDX-License-Identifier: MIT
/*
 * long_list.c - a handle at the end of a list 100,000 long
 *
 * Each element is a block of its own that only the one before it points to.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

enum {
	ELEMENTS = 100000,
};

struct element {
	struct element *next;
	struct goro_chan *kept;
};

static struct element *list;

static void
make_list(void)
{
	for (int i = 0; i < ELEMENTS; i++) {
		struct element *e = make(sizeof(*e));

		if (i == 0)
			e->kept = park();
		e->next = list;
		list = e;
	}
}

int
story(void)
{
	struct element *e;

	make_list();
	if (lost) {
		list = list->next->next;
		for (e = list; !e->kept; e = e->next)
			;
		e->kept = NULL;
		return 1;
	}
	check();
	while ((e = list)) {
		list = e->next;
		if (e->kept)
			unpark(e->kept);
		free(e);
	}
	return 0;
}
