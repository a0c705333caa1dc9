// SPDX-License-Identifier: MIT
/*
 * sweep.c - a snapshot's first pass: all that is at rest, fast
 *
 * Most stacks fit into a window below their record, so one page of the target
 * is touched for each goroutine, and one system call is made for a thousand.
 * Where many do not fit, the window grows.
 */
#include "copier.h"

/* Words [at, at + n) of a chunk. */
static struct gt_error *
read_words(struct gt_copier *s, const struct gt_chunk *c, uint64_t at,
	   uint64_t *words, size_t n)
{
	return gt_target_read(s->t, c->words + at * sizeof(*words), words,
			      n * sizeof(*words));
}

/* x with x * stride == 1 modulo 2^64; Newton, each step doubles the bits. */
static uint64_t
inverse(uint64_t stride)
{
	uint64_t x = stride;

	for (unsigned bits = 3; bits < 64; bits *= 2)
		x *= 2 - stride * x;
	return x;
}

static struct gt_slot
slot_of(const struct gt_copier *s, const struct gt_chunk *c, uint64_t i)
{
	uint64_t lo = c->base + i * c->slot_bytes;
	struct gt_slot slot = {
		.word = gt_chunk_word(s->abi, c, i),
		.record = gt_chunk_record(s->abi, c, i),
		.lo = lo,
		.want = s->window,
	};

	if (slot.want > gt_record_end(s, &slot) - lo)
		slot.want = gt_record_end(s, &slot) - lo;
	return slot;
}

/* Which of the words are goroutines at rest? They become entries; those that
 * are not at rest wait. */
static struct gt_error *
choose(struct gt_copier *s, const struct gt_chunk *c, uint64_t at,
       const uint64_t *words, size_t n, size_t *ret)
{
	uint64_t inv = inverse(s->abi->t.chunk.word_stride);
	struct gt_error *err = NULL;

	*ret = 0;
	for (size_t j = 0; j < n && !err; j++) {
		uint64_t i = ((at + j) * inv) & (c->slots - 1);

		if (GORO_ABI_STATE(words[j]) == GORO_ABI_FREE || i >= c->carved)
			continue;
		struct gt_slot slot = slot_of(s, c, i);
		if (GORO_ABI_UNSTABLE(words[j])) {
			err = gt_copier_pend(s, &slot);
			continue;
		}
		struct gt_entry *e = &s->entries[*ret];
		e->slot = slot;
		e->before = words[j];
		e->at = j;
		e->copy = s->buf + *ret * s->window;
		s->spans[(*ret)++] = (struct gt_span){
			.addr = gt_record_end(s, &slot) - slot.want,
			.buf = e->copy,
			.bytes = slot.want,
		};
	}
	return err;
}

static struct gt_error *
no_words(const struct gt_chunk *c, struct gt_error *err)
{
	if (err->code != GT_FAULT)
		return err;
	gt_error_free(err);
	return gt_damaged(c->words,
			  "the list of chunks is damaged: there are no state "
			  "words at 0x%llx",
			  (unsigned long long)c->words);
}

static struct gt_error *
sweep_words(struct gt_copier *s, const struct gt_chunk *c, uint64_t at,
	    size_t words_n)
{
	uint64_t words[GT_BATCH];
	size_t n, deep = 0;
	struct gt_error *err = read_words(s, c, at, words, words_n);

	if (err)
		return no_words(c, err);
	err = choose(s, c, at, words, words_n, &n);
	if (err || n == 0)
		return err;
	err = s->t->ops->read(s->t, s->spans, n);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++)
		s->entries[i].copied = s->spans[i].ok;
	err = gt_copier_extras(s, s->entries, n);
	if (!err)
		err = read_words(s, c, at, words, words_n);
	for (size_t i = 0; i < n && !err; i++) {
		struct gt_entry *e = &s->entries[i];
		size_t want = e->slot.want;

		e->after = words[e->at];
		err = gt_copier_settle(s, e);
		deep += e->slot.want > want;
	}
	if (deep > n / 4 && s->window < GT_WINDOW_LAST)
		s->window *= 2;
	return err;
}

struct gt_error *
gt_copier_sweep(struct gt_copier *s, const struct gt_chunk *c)
{
	for (uint64_t at = 0; at < c->slots; at += GT_BATCH) {
		size_t n = c->slots - at < GT_BATCH ? c->slots - at : GT_BATCH;
		struct gt_error *err = sweep_words(s, c, at, n);

		if (err)
			return err;
	}
	return NULL;
}
