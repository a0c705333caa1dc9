// SPDX-License-Identifier: MIT
/*
 * vec.c - arrays that grow without malloc()
 */
#include "leak/vec.h"

#include <sys/mman.h>

enum { FIRST_BYTES = 64 << 10 };

bool
gr_vec_reserve(struct gr_vec *v, size_t more)
{
	size_t mapped = v->mapped ? v->mapped : FIRST_BYTES;
	void *p;

	while (mapped / v->bytes < v->n + more)
		mapped *= 2;
	if (mapped == v->mapped)
		return true;
	if (v->p)
		p = mremap(v->p, v->mapped, mapped, MREMAP_MAYMOVE);
	else
		p = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return false;
	v->p = p;
	v->mapped = mapped;
	v->room = mapped / v->bytes;
	return true;
}

void
gr_vec_fini(struct gr_vec *v)
{
	if (v->p)
		munmap(v->p, v->mapped);
	*v = (struct gr_vec){ .bytes = v->bytes };
}
