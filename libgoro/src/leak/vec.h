/* SPDX-License-Identifier: MIT */
/*
 * vec.h - arrays that grow without malloc()
 *
 * Idea       The check for leaks runs while other threads stand still, perhaps
 *            inside malloc() with its lock in hand. So its memory comes from
 *            the kernel: one mapping an array, enlarged by mremap(), which
 *            moves page tables and copies nothing. The mappings are known, so
 *            that they are not taken for the program's.
 * Threads    One at a time.
 */
#ifndef GR_LEAK_VEC_H
#define GR_LEAK_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gr_vec {
	char *p;
	size_t n, room; /* elements */
	size_t bytes;   /* of one */
	size_t mapped;
};

#define GR_VEC(type) ((struct gr_vec){ .bytes = sizeof(type) })
#define gr_vec_at(v, type, i) (&((type *)(v)->p)[i])

/* Room for @more; false when memory is short. Elements may move. */
bool gr_vec_reserve(struct gr_vec *v, size_t more);
void gr_vec_fini(struct gr_vec *v);

/* One more, zeroed when it is new; NULL when memory is short. */
static inline void *
gr_vec_push(struct gr_vec *v)
{
	if (__builtin_expect(v->n == v->room, 0) && !gr_vec_reserve(v, 1))
		return NULL;
	return v->p + v->n++ * v->bytes;
}

#endif
