// SPDX-License-Identifier: MIT
/*
 * retry.c - a snapshot's second pass: what the first could not have
 */
#include <stdlib.h>

#include "copier.h"

enum {
	ROUNDS = 8,
	RETRY_BATCH = 256,
	RETRY_MAX_BYTES = 32 << 20, /* copied at once, unless one is larger */
};

/* Word, copy, word for each of the batch, in one go. */
static struct gt_error *
copy_batch(struct gt_copier *s, struct gt_entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct gt_entry *e = &entries[i];
		struct gt_slot *slot = &e->slot;

		s->spans[3 * i] = (struct gt_span){
			.addr = slot->word,
			.buf = &e->before,
			.bytes = sizeof(e->before),
		};
		s->spans[3 * i + 1] = (struct gt_span){
			.addr = gt_record_end(s, slot) - slot->want,
			.buf = e->copy,
			.bytes = slot->want,
		};
		s->spans[3 * i + 2] = (struct gt_span){
			.addr = slot->word,
			.buf = &e->after,
			.bytes = sizeof(e->after),
		};
	}
	struct gt_error *err = s->t->ops->read(s->t, s->spans, 3 * n);
	for (size_t i = 0; i < n; i++) {
		struct gt_span *span = &s->spans[3 * i];

		entries[i].copied = span[0].ok && span[1].ok && span[2].ok;
		if (!span[0].ok || !span[2].ok)
			entries[i].before = GORO_ABI_FREE;
	}
	return err;
}

/* The words once more, for those of which more was read after the second. */
static struct gt_error *
reread_named(struct gt_copier *s, struct gt_entry *entries, size_t n)
{
	size_t named = 0;

	for (size_t i = 0; i < n; i++)
		if (entries[i].named && entries[i].before == entries[i].after)
			s->spans[named++] = (struct gt_span){
				.addr = entries[i].slot.word,
				.buf = &entries[i].after,
				.bytes = sizeof(entries[i].after),
			};
	return s->t->ops->read(s->t, s->spans, named);
}

/* As many of the pending as fit into one batch, from slots[*at] on. */
static size_t
fill_batch(struct gt_copier *s, const struct gt_slot *slots, size_t n,
	   unsigned char *buf)
{
	size_t used = 0, i;

	for (i = 0; i < n && i < RETRY_BATCH; i++) {
		if (i && used + slots[i].want > RETRY_MAX_BYTES)
			break;
		s->entries[i] = (struct gt_entry){
			.slot = slots[i],
			.copy = buf + used,
		};
		used += slots[i].want;
	}
	return i;
}

static struct gt_error *
retry_once(struct gt_copier *s)
{
	GT_CLEANUP(gt_freep) struct gt_slot *slots = gt_steal(s->pending);
	size_t n = s->pending_n, done = 0, total = 0, largest = 0;

	s->pending_n = s->pending_room = 0;
	for (size_t i = 0; i < n; i++) {
		total += slots[i].want;
		if (slots[i].want > largest)
			largest = slots[i].want;
	}
	if (total > RETRY_MAX_BYTES)
		total = RETRY_MAX_BYTES;
	GT_CLEANUP(gt_freep)
	unsigned char *buf = malloc(total > largest ? total : largest);
	if (!buf)
		return &gt_enomem;
	struct gt_error *err = NULL;
	while (done < n && !err) {
		size_t batch = fill_batch(s, slots + done, n - done, buf);

		err = copy_batch(s, s->entries, batch);
		if (!err)
			err = gt_copier_extras(s, s->entries, batch);
		if (!err)
			err = reread_named(s, s->entries, batch);
		for (size_t i = 0; i < batch && !err; i++)
			err = gt_copier_settle(s, &s->entries[i]);
		done += batch;
	}
	return err;
}

/* Again and again, while that helps. */
struct gt_error *
gt_copier_retry(struct gt_copier *s)
{
	struct gt_error *err = NULL;

	for (unsigned round = 0; round < ROUNDS && s->pending_n; round++) {
		size_t before = s->pending_n;

		err = retry_once(s);
		if (err || (round > 1 && s->pending_n == before))
			break;
	}
	return err;
}
