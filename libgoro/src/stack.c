// SPDX-License-Identifier: MIT
/*
 * stack.c - chunks, slots, free stacks
 */
#include "stack.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "goro/goro.h"
#include "runtime.h"
#include "san.h"

enum {
	OPEN_AT_ONCE = 16,
	AHEAD_MAX = 512, /* stacks that idle workers open for others */
	TRIM_AT_ONCE = 256,
	TRIM_EVERY_NS = 10000000, /* while there are any to trim */
	UNUSED_NS = 1000000000,   /* for so long: then they are */
};

/* What is kept per size; the list of chunks is one for all sizes. */
static struct class {
	struct gr_lock lock;
	struct gr_chunk *chunk; /* being carved */
	struct gr_freelist free; /* ->n: [relaxed] to those without the lock */
	struct gr_freelist trimmed; /* taken when there are no others */
	uint32_t low;    /* the least free.n since the trimmer set it */
	uint32_t opened; /* slots ever opened; [relaxed] a hint */
} classes[GR_STACK_CLASSES];

struct gr_chunk *gr_chunks;

unsigned
gr_stack_class(size_t bytes)
{
	unsigned class = 0;

	while (class < GR_STACK_CLASSES - 1 &&
	       gr_class_bytes(class) < bytes)
		class++;
	return class;
}

/* Reserve address space, less of it where there is a limit (RLIMIT_AS). */
static char *
reserve(size_t slot_bytes, size_t *ret_bytes)
{
	size_t bytes = (size_t)1 << 30;

	/* Few programs need a thousand large stacks. */
	if (slot_bytes > GR_STACK_DEFAULT_BYTES)
		bytes = slot_bytes * 8;
	for (; bytes >= slot_bytes && bytes >= 4 * GR_PAGE; bytes /= 4) {
		char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			       -1, 0);
		if (p != MAP_FAILED) {
			/* A huge page would commit eight stacks at once. */
			madvise(p, bytes, MADV_NOHUGEPAGE);
			*ret_bytes = bytes;
			return p;
		}
	}
	return NULL;
}

static size_t
chunk_header_bytes(uint64_t slots)
{
	size_t bytes = sizeof(struct gr_chunk) + slots * sizeof(uint64_t);

	return (bytes + GR_PAGE - 1) & ~(size_t)(GR_PAGE - 1);
}

static struct gr_chunk *
chunk_create(unsigned class)
{
	size_t slot_bytes = gr_class_bytes(class), bytes;
	char *base = reserve(slot_bytes, &bytes);
	struct gr_chunk *c;

	if (!base)
		return NULL;
	c = mmap(NULL, chunk_header_bytes(bytes / slot_bytes),
		 PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c == MAP_FAILED) {
		munmap(base, bytes);
		return NULL;
	}
	c->base = base;
	c->slot_bytes = slot_bytes;
	c->slots = bytes / slot_bytes;
	c->words = (uint64_t *)(c + 1);
	c->class = class;
	/* [pair chunks] release: whoever finds it finds it whole. Classes
	 * push at once, so it is a compare-and-swap. */
	do
		c->next = gr_load_acq(&gr_chunks);
	while (!gr_cas_acq_rel(&gr_chunks, c->next, c));
	return c;
}

/* Set @n slots aside that were never used; the class's lock is held. */
static struct gr_chunk *
carve_locked(struct class *k, unsigned class, uint32_t n, uint64_t *ret_first,
	     uint32_t *ret_n)
{
	struct gr_chunk *c = k->chunk;

	if (!c || c->carved == c->slots) {
		c = chunk_create(class);
		if (!c)
			return NULL;
		k->chunk = c;
	}
	*ret_first = c->carved;
	*ret_n = c->slots - c->carved < n ? c->slots - c->carved : n;
	gr_store_rlx(&k->opened, k->opened + *ret_n); /* [relaxed] a hint */
	/* [pair carved] release: a walker of slots reads it with acquire. It
	 * may look at the new ones at once: their words say FREE. */
	gr_store_rel(&c->carved, c->carved + *ret_n);
	return c;
}

/* Make slots usable. Each record is its stack's first touch, a page fault, so
 * this happens outside the lock. */
static void
open_slots(struct gr_chunk *c, uint64_t first, uint32_t n,
	   struct gr_freelist *to)
{
	for (uint64_t slot = first + n; slot-- > first;) {
		struct gr_g *g = gr_chunk_g(c, slot);

		g->word = gr_chunk_word(c, slot);
		g->chunk = c;
		g->flags = gr_guard_slot(c, slot) ? 0 : GR_G_UNGUARDED;
		g->stack_lo = (uintptr_t)c->base + slot * c->slot_bytes +
			      GR_PAGE;
		g->stack_hi = (uintptr_t)g;
		gr_san_stack_open(g);
		g->next = to->first;
		to->first = g;
	}
	to->n += n;
}

/* Move up to @n from one list to another, one of which others look at the
 * number of. Returns how many. */
static uint32_t
move(struct gr_freelist *from, struct gr_freelist *to, uint32_t n)
{
	uint32_t moved = 0;

	for (; moved < n && from->first; moved++) {
		struct gr_g *g = from->first;

		from->first = g->next;
		g->next = to->first;
		to->first = g;
	}
	/* [relaxed] hints. */
	gr_store_rlx(&from->n, from->n - moved);
	gr_store_rlx(&to->n, to->n + moved);
	return moved;
}

/*
 * Move at least one and about @n free stacks of a class to @to. Returns how
 * many; 0 when memory is short.
 */
uint32_t
gr_stack_take(unsigned class, struct gr_freelist *to, uint32_t n)
{
	struct class *k = &classes[class];
	struct gr_chunk *c = NULL;
	uint64_t first;
	uint32_t got;

	gr_lock(&k->lock);
	got = move(&k->free, to, n);
	k->low = GR_MIN(k->low, k->free.n);
	if (!got)
		got = move(&k->trimmed, to, n);
	if (!got)
		c = carve_locked(k, class, n, &first, &got);
	gr_unlock(&k->lock);
	if (c)
		open_slots(c, first, got, to);
	return got;
}

/*
 * For a worker without work: open a few stacks ahead of a program that starts
 * many goroutines, whose worker would take all the page faults alone. True when
 * it did, and there may be more to do.
 */
bool
gr_stack_help(void)
{
	struct class *k = &classes[gr_default_class];
	struct gr_freelist list = { 0 };
	struct gr_chunk *c;
	uint64_t first;
	uint32_t n;

	/* [relaxed] hints: how far ahead depends on how many there were. */
	if (gr_load_rlx(&k->free.n) + gr_load_rlx(&k->trimmed.n) >=
	    GR_MIN(gr_load_rlx(&k->opened) / 8, (uint32_t)AHEAD_MAX))
		return false;
	gr_lock(&k->lock);
	c = carve_locked(k, gr_default_class, OPEN_AT_ONCE, &first, &n);
	gr_unlock(&k->lock);
	if (!c)
		return false;
	open_slots(c, first, n, &list);
	gr_stack_give(gr_default_class, &list, n);
	return true;
}

/* Give @n stacks of @from back for any P to use. */
void
gr_stack_give(unsigned class, struct gr_freelist *from, uint32_t n)
{
	struct class *k = &classes[class];

	gr_lock(&k->lock);
	move(from, &k->free, n);
	gr_unlock(&k->lock);
}

/* Give the kernel back what lies below a free stack's first page, which the
 * record lies on. No trouble if it fails. */
static void
trim(const struct gr_g *g)
{
	uintptr_t end = (uintptr_t)g & ~(uintptr_t)(GR_PAGE - 1);

	madvise((void *)g->stack_lo, end - g->stack_lo, MADV_DONTNEED);
}

/*
 * Trim some of those that nobody has needed since the trimmer last looked.
 * While it has them they are in no list, so nobody else's; and it is the
 * monitor, that has ended before a run's stacks are unmapped. Returns when to
 * go on.
 */
static int64_t
trim_class(struct class *k, int64_t now_ns)
{
	struct gr_freelist list = { 0 };
	uint32_t n, left;

	if (!gr_load_rlx(&k->free.n)) /* [relaxed] a hint: or the next time */
		return GORO_FOREVER;
	gr_lock(&k->lock);
	n = move(&k->free, &list, GR_MIN(k->low, (uint32_t)TRIM_AT_ONCE));
	k->low -= n;
	if (!n)
		k->low = k->free.n;
	left = k->low;
	gr_unlock(&k->lock);
	for (const struct gr_g *g = list.first; g; g = g->next)
		trim(g);
	gr_lock(&k->lock);
	move(&list, &k->trimmed, n);
	gr_unlock(&k->lock);
	return now_ns + (n && left ? (int64_t)TRIM_EVERY_NS : UNUSED_NS);
}

/*
 * The monitor's: a crowd of goroutines that has gone is not to keep all the
 * memory that it once used. Returns when to be called again.
 */
int64_t
gr_stack_trim(int64_t now_ns)
{
	static int64_t next_ns[GR_STACK_CLASSES]; /* the monitor's own */
	int64_t first_ns = GORO_FOREVER;

	for (unsigned i = 0; i < GR_STACK_CLASSES; i++) {
		struct class *k = &classes[i];

		if (!gr_load_rlx(&k->free.n)) /* [relaxed] as there */
			continue;
		if (next_ns[i] <= now_ns)
			next_ns[i] = trim_class(k, now_ns);
		first_ns = GR_MIN(first_ns, next_ns[i]);
	}
	return first_ns;
}

/* All of the memory that @g's stack, its guard and its record lie in. */
void
gr_stack_slot(const struct gr_g *g, char **ret_base, size_t *ret_bytes)
{
	*ret_base = (char *)g->stack_lo - GR_PAGE;
	*ret_bytes = g->chunk->slot_bytes;
}

/* Unmap a chunk but for the stacks that threads outlive their run on, inside
 * a blocking section: each unmaps its own in the end. */
static void
chunk_destroy(struct gr_chunk *c)
{
	char *from = c->base, *end = c->base + c->slots * c->slot_bytes;

	for (uint64_t i = 0; i < c->carved; i++) {
		char *slot = c->base + i * c->slot_bytes;

		/* [pair word] it has not changed since the run has ended. */
		if (GORO_ABI_STATE(gr_load_acq(gr_chunk_word(c, i))) !=
		    GORO_ABI_SYSCALL) {
			gr_san_stack_close(gr_chunk_g(c, i));
			continue;
		}
		if (slot > from)
			munmap(from, slot - from);
		from = slot + c->slot_bytes;
	}
	if (from < end)
		munmap(from, end - from);
	munmap(c, chunk_header_bytes(c->slots));
}

/* Unmap everything. Only when no thread runs a goroutine any more. */
void
gr_stack_release_all(void)
{
	struct gr_chunk *c = gr_load_acq(&gr_chunks), *next; /* [pair chunks] */

	gr_store_rel(&gr_chunks, NULL);
	memset(classes, 0, sizeof(classes));
	for (; c; c = next) {
		next = c->next;
		chunk_destroy(c);
	}
}

/* The chunk whose slots hold @addr, or NULL. Safe in a signal handler. */
struct gr_chunk *
gr_stack_chunk_of(uintptr_t addr)
{
	struct gr_chunk *c = gr_load_acq(&gr_chunks); /* [pair chunks] */

	while (c && addr - (uintptr_t)c->base >= c->slots * c->slot_bytes)
		c = c->next;
	return c;
}

/*
 * Call @fn for each goroutine there is, until it returns false. What it sees
 * may change under it, unless the caller has stopped the world; safe in a
 * signal handler.
 */
void
gr_g_each(bool (*fn)(struct gr_g *g, uint64_t word, void *arg), void *arg)
{
	struct gr_chunk *c = gr_load_acq(&gr_chunks); /* [pair chunks] */

	for (; c; c = c->next) {
		uint64_t carved = gr_load_acq(&c->carved); /* [pair carved] */

		for (uint64_t i = 0; i < carved; i++) {
			/* [pair word] see gr_g_set_state(). */
			uint64_t word = gr_load_acq(gr_chunk_word(c, i));

			if (GORO_ABI_STATE(word) != GORO_ABI_FREE &&
			    !fn(gr_chunk_g(c, i), word, arg))
				return;
		}
	}
}
