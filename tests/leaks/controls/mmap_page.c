// SPDX-License-Identifier: MIT
/*
 * mmap_page.c - a handle on a page of the program's own
 *
 * The program mapped a page and keeps its address as a number that is not one,
 * as an allocator does that encodes its pointers. The page is writable memory;
 * it counts whether or not anybody is seen to point to it.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

#include <sys/mman.h>

enum {
	PAGE = 4096,
};

static uintptr_t encoded;

static struct goro_chan **
page(void)
{
	return (struct goro_chan **)~encoded;
}

static void
map_page(void)
{
	void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fail("no page");
	encoded = ~(uintptr_t)p;
	page()[100] = park();
}

int
story(void)
{
	map_page();
	if (lost) {
		munmap(page(), PAGE);
		return 1;
	}
	check();
	unpark(page()[100]);
	munmap(page(), PAGE);
	return 0;
}
