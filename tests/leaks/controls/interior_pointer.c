// SPDX-License-Identifier: MIT
/*
 * interior_pointer.c - a handle in a block that is known by an address inside of it
 *
 * An object hands out the address of one of its members, as intrusive lists do;
 * whoever has that finds the object by arithmetic.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct object {
	struct goro_chan *kept;
	char more[500];
	struct member {
		int value;
	} member;
};

static struct member *known;

static void
make_object(void)
{
	struct object *o = make(sizeof(*o));

	o->kept = park();
	known = &o->member;
}

static struct object *
object_of(struct member *m)
{
	return (void *)((char *)m - offsetof(struct object, member));
}

int
story(void)
{
	make_object();
	if (lost) {
		known = NULL;
		return 1;
	}
	check();
	unpark(object_of(known)->kept);
	free(object_of(known));
	return 0;
}
