// SPDX-License-Identifier: MIT
/*
 * rollcall.c - all goroutines, in the order in which they were started
 */
#include "rollcall.h"

#include <sys/mman.h>

#include "g.h"
#include "stack.h"

struct entry {
	uint64_t id;
	const struct gr_g *g;
};

struct list {
	struct entry *entry;
	size_t n, room;
	void (*fn)(const struct gr_g *g, void *arg);
	void *arg;
};

static bool
count(struct gr_g *g, uint64_t word, void *arg)
{
	struct list *l = arg;

	(void)g, (void)word;
	l->room++;
	return true;
}

static __attribute__((no_sanitize("thread"))) bool
collect(struct gr_g *g, uint64_t word, void *arg)
{
	struct list *l = arg;

	(void)word;
	if (l->n < l->room)
		l->entry[l->n++] = (struct entry){ g->id, g };
	return true;
}

static bool
call_at_once(struct gr_g *g, uint64_t word, void *arg)
{
	struct list *l = arg;

	(void)word;
	l->fn(g, l->arg);
	return true;
}

/* Let entry @i sink to its place in the heap of the first @n. */
static void
sink(struct entry *e, size_t i, size_t n)
{
	struct entry x = e[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= n)
			break;
		if (child + 1 < n && e[child].id < e[child + 1].id)
			child++;
		if (e[child].id <= x.id)
			break;
		e[i] = e[child];
		i = child;
	}
	e[i] = x;
}

/* Heapsort: libc's qsort() may ask for memory. */
static void
sort(struct entry *e, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sink(e, i, n);
	for (size_t i = n; i-- > 1;) {
		struct entry last = e[i];

		e[i] = e[0];
		e[0] = last;
		sink(e, 0, i);
	}
}

/* Call @fn for each goroutine; it may have ended since it was listed. */
void
gr_roll_call(void (*fn)(const struct gr_g *g, void *arg), void *arg)
{
	struct list l = { .fn = fn, .arg = arg };
	size_t bytes;

	gr_g_each(count, &l);
	if (!l.room)
		return;
	l.room += l.room / 8; /* those that are being started */
	bytes = l.room * sizeof(*l.entry);
	l.entry = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (l.entry == MAP_FAILED) {
		gr_g_each(call_at_once, &l);
		return;
	}
	gr_g_each(collect, &l);
	sort(l.entry, l.n);
	for (size_t i = 0; i < l.n; i++)
		fn(l.entry[i].g, arg);
	munmap(l.entry, bytes);
}
