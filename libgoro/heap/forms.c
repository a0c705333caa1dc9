// SPDX-License-Identifier: MIT
/*
 * forms.c - malloc()'s other forms, made of the main ones
 *
 * For libraries that stand before malloc(): heap.c and heapprof.c.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT void *
reallocarray(void *p, size_t n, size_t bytes)
{
	size_t all;

	if (__builtin_mul_overflow(n, bytes, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, all);
}

EXPORT void *
aligned_alloc(size_t alignment, size_t bytes)
{
	return memalign(alignment, bytes);
}

EXPORT int
posix_memalign(void **ret, size_t alignment, size_t bytes)
{
	void *p;

	if (alignment % sizeof(void *) || alignment & (alignment - 1) ||
	    !alignment)
		return EINVAL;
	p = memalign(alignment, bytes);
	if (!p)
		return ENOMEM;
	*ret = p;
	return 0;
}

EXPORT void *
valloc(size_t bytes)
{
	return memalign((size_t)sysconf(_SC_PAGESIZE), bytes);
}

EXPORT void *
pvalloc(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return memalign(page, (bytes + page - 1) & ~(page - 1));
}
