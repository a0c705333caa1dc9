// SPDX-License-Identifier: MIT
/*
 * shared_memory.c - a handle in memory that is shared with other processes
 *
 * The mapping is of a file in memory, and its address is known.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

#include <sys/mman.h>
#include <unistd.h>

enum {
	BYTES = 1 << 16,
};

static struct goro_chan **shared;

static void
map_shared(void)
{
	int fd = memfd_create("shared", 0);

	if (fd < 0 || ftruncate(fd, BYTES) != 0)
		fail("no file in memory");
	shared = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (shared == MAP_FAILED)
		fail("it cannot be mapped");
	shared[5000] = park();
}

int
story(void)
{
	map_shared();
	if (lost) {
		shared[5000] = NULL;
		return 1;
	}
	check();
	unpark(shared[5000]);
	munmap(shared, BYTES);
	return 0;
}
