// SPDX-License-Identifier: MIT
/*
 * extras.c - what hangs off a goroutine's record: its name, its labels, and
 * what it has locked for reading
 *
 * All of it belongs to the goroutine, so what is read before its state word is
 * read again is as true as its record (copier.h). A set of labels is shared by
 * many goroutines and never changes: each one is read once a batch.
 */
#include <stdlib.h>
#include <string.h>

#include "copier.h"
#include "sort.h"

enum {
	HOLDS_MAX = 64, /* of one goroutine */
	ARENA_MAX = 8 << 20,
};

static const unsigned char *
record_of(const struct gt_copier *s, const struct gt_entry *e)
{
	return e->copy + e->slot.want - s->abi->t.g.bytes;
}

static struct gt_error *
read_names(struct gt_copier *s, struct gt_entry *entries, size_t n)
{
	size_t named = 0;

	for (size_t i = 0; i < n; i++) {
		struct gt_entry *e = &entries[i];

		if (!e->copied)
			continue;
		uint64_t name = gt_abi_load(record_of(s, e), s->abi->t.g.name);
		if (!name)
			continue;
		e->named = true;
		s->spans[named++] = (struct gt_span){
			.addr = name,
			.buf = e->name,
			.bytes = GT_NAME_BYTES - 1,
		};
	}
	struct gt_error *err = s->t->ops->read(s->t, s->spans, named);
	for (size_t i = 0; i < named && !err; i++) {
		struct gt_span *span = &s->spans[i];

		/* The next page may not be there, nor be needed. */
		if (!span->ok)
			err = gt_target_read_string(s->t, span->addr, span->buf,
						    GT_NAME_BYTES);
		((char *)span->buf)[GT_NAME_BYTES - 1] = '\0';
	}
	return err;
}

/* Room for @bytes more, or NULL: then there is too much of it, or no memory. */
static void *
room(struct gt_copier *s, size_t bytes)
{
	if (!s->extras) {
		s->extras = malloc(ARENA_MAX);
		s->extras_n = 0;
	}
	/* What is there has an alignment of 8, as addresses have. */
	bytes = (bytes + 7) & ~(size_t)7;
	if (!s->extras || bytes > ARENA_MAX - s->extras_n)
		return NULL;
	s->extras_n += bytes;
	return s->extras + s->extras_n - bytes;
}

/* Read the set at @addr: how many pairs in a byte, then key and value of each,
 * NUL-terminated. NULL: it cannot be read. */
static const char *
read_labels(struct gt_copier *s, uint64_t addr)
{
	const struct goro_abi_table *t = &s->abi->t;
	unsigned char head[GT_ABI_STRUCT_MAX];
	unsigned char pairs[GT_LABELS_MAX * GT_LABEL_PAIR_MAX];
	char text[1 + 2 * GT_LABELS_MAX * GT_LABEL_BYTES];
	size_t at = 1;
	struct gt_error *err = gt_target_read(s->t, addr, head,
					      t->labels.bytes);
	uint64_t n = err ? 0 : gt_abi_load(head, t->labels.n);

	if (n > GT_LABELS_MAX)
		n = GT_LABELS_MAX;
	if (n)
		err = gt_target_read(s->t, addr + t->labels.pairs.offset, pairs,
				     n * t->labels.pair_bytes);
	for (uint64_t i = 0; i < 2 * n && !err; i++) {
		const unsigned char *p = pairs + i / 2 * t->labels.pair_bytes;

		err = gt_target_read_string(
			s->t,
			gt_abi_load(p, i & 1 ? t->labels.value : t->labels.key),
			text + at, GT_LABEL_BYTES);
		at += strlen(text + at) + 1;
	}
	gt_error_free(err);
	if (err || !n)
		return NULL;
	text[0] = (char)n;
	char *kept = room(s, at);
	return kept ? memcpy(kept, text, at) : NULL;
}

static void
read_label_sets(struct gt_copier *s, struct gt_entry *entries, size_t n)
{
	struct gt_sort_item items[GT_BATCH], spare[GT_BATCH];
	size_t sets = 0;
	uint64_t last = 0;
	const char *labels = NULL;

	if (!s->abi->t.labels.set.bytes)
		return;
	for (size_t i = 0; i < n; i++) {
		struct gt_entry *e = &entries[i];
		uint64_t set = e->copied ? gt_abi_load(record_of(s, e),
						       s->abi->t.labels.set) :
					   0;

		if (set)
			items[sets++] = (struct gt_sort_item){ set, i };
	}
	gt_sort(items, spare, sets);
	for (size_t i = 0; i < sets; i++) {
		struct gt_entry *e = &entries[items[i].index];

		if (items[i].key != last)
			labels = read_labels(s, items[i].key);
		last = items[i].key;
		e->named = true;
		e->labels = labels;
	}
}

/* The list begins in the record and is seldom longer than that. */
static void
read_holds(struct gt_copier *s, struct gt_entry *e)
{
	const struct goro_abi_table *t = &s->abi->t;
	unsigned char hold[GT_ABI_STRUCT_MAX];
	struct gt_hold holds[HOLDS_MAX];
	uint32_t n = 0;

	if (!e->copied || !t->hold.bytes)
		return;
	memcpy(hold, record_of(s, e) + t->hold.first.offset, t->hold.bytes);
	for (unsigned left = HOLDS_MAX; left; left--) {
		uint64_t next = gt_abi_load(hold, t->hold.next);

		holds[n] = (struct gt_hold){
			.obj = gt_abi_load(hold, t->hold.obj),
			.count = gt_abi_load(hold, t->hold.count),
		};
		n += holds[n].obj != 0;
		if (!next)
			break;
		struct gt_error *err = gt_target_read(s->t, next, hold,
						      t->hold.bytes);
		gt_error_free(err);
		if (err)
			break;
		e->named = true;
	}
	struct gt_hold *kept = n ? room(s, n * sizeof(*kept)) : NULL;
	if (!kept)
		return;
	e->holds = memcpy(kept, holds, n * sizeof(*kept));
	e->holds_n = n;
}

struct gt_error *
gt_copier_extras(struct gt_copier *s, struct gt_entry *entries, size_t n)
{
	s->extras_n = 0;
	for (size_t i = 0; i < n; i++) {
		struct gt_entry *e = &entries[i];

		e->name[0] = '\0';
		e->named = false;
		e->labels = NULL;
		e->holds_n = 0;
		read_holds(s, e);
	}
	read_label_sets(s, entries, n);
	return read_names(s, entries, n);
}
