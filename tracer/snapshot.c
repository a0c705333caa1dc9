// SPDX-License-Identifier: MIT
/*
 * snapshot.c - true copies of goroutines that go on running
 *
 * The passes, one after the other; copier.h says what each is for.
 */
#include "snapshot.h"

#include <stdlib.h>

#include "copier.h"

enum { SLOTS_MAX = 1 << 26 }; /* of all chunks */

/* Hand over what was copied while threads were stopped. */
static struct gt_error *
take_held(struct gt_copier *s, struct gt_held *h)
{
	const struct goro_abi_table *t = &s->abi->t;
	struct gt_entry e = {
		.slot = h->slot,
		.before = h->word,
		.after = h->word,
		.copy = h->data,
		.copied = true,
	};
	struct gt_error *err = gt_copier_extras(s, &e, 1);

	s->stats->held++;
	if (err || !h->regs.valid)
		return err ? err : gt_copier_settle(s, &e);
	struct gt_copy copy = {
		.word = h->word,
		.addr = h->slot.record,
		.record = h->data + h->slot.want - t->g.bytes,
		.stack_lo = gt_record_end(s, &h->slot) - h->slot.want,
		.stack = h->data,
		.regs = &h->regs,
		.name = e.name,
		.labels = e.labels,
		.holds = e.holds,
		.holds_n = e.holds_n,
		.exact = true,
	};
	uint64_t hi = gt_abi_load(copy.record, t->g.stack_hi);

	if (!gt_abi_load(copy.record, t->g.id) || hi < copy.stack_lo ||
	    hi > h->slot.record) {
		s->stats->damaged++;
		return NULL;
	}
	copy.stack_bytes = hi - copy.stack_lo;
	return s->take(&copy, s->arg);
}

/* Those that could not be had: who they are, without a stack. */
static struct gt_error *
take_unresolved(struct gt_copier *s, const struct gt_slot *slot)
{
	unsigned char record[GT_ABI_STRUCT_MAX];
	uint64_t word;
	struct gt_span spans[] = {
		{ slot->word, &word, sizeof(word), false },
		{ slot->record, record, s->abi->t.g.bytes, false },
	};
	struct gt_error *err = s->t->ops->read(s->t, spans, 2);

	if (err || !spans[0].ok || !spans[1].ok ||
	    GORO_ABI_STATE(word) == GORO_ABI_FREE ||
	    !gt_abi_load(record, s->abi->t.g.id))
		return err;
	struct gt_copy copy = {
		.word = word,
		.addr = slot->record,
		.record = record,
		.name = "",
	};
	s->stats->unresolved++;
	return s->take(&copy, s->arg);
}

static struct gt_error *
take_running(struct gt_copier *s)
{
	struct gt_held *held = NULL, *next;
	size_t n = s->pending_n;
	struct gt_error *err = gt_hold_running(s->t, s->abi, s->pending, n,
					       &held, s->stats);

	s->pending_n = 0;
	for (size_t i = 0; i < n; i++)
		if (!s->pending[i].taken)
			s->pending[s->pending_n++] = s->pending[i];
	for (; held; held = next) {
		next = held->next;
		if (!err)
			err = take_held(s, held);
		free(held);
	}
	if (!err)
		err = gt_copier_retry(s);
	for (size_t i = 0; i < s->pending_n && !err; i++)
		err = take_unresolved(s, &s->pending[i]);
	return err;
}

/* What is damaged ends only a part of the work: it is remembered. */
static struct gt_error *
keep_problem(struct gt_copier *s, struct gt_error *err)
{
	if (!err || (err->code != GT_DAMAGED && err->code != GT_FAULT))
		return err;
	if (s->stats->problem)
		gt_error_free(err);
	else
		s->stats->problem = err;
	return NULL;
}

static struct gt_error *
run(struct gt_copier *s)
{
	struct gt_chunks chunks = { 0 };
	struct gt_error *err = keep_problem(s, gt_registry_chunks(s->t, s->abi,
								  &chunks));
	uint64_t slots = 0;

	for (size_t i = 0; i < chunks.n && !err; i++) {
		slots += chunks.v[i].slots;
		if (slots > SLOTS_MAX)
			err = gt_damaged(chunks.v[i].base, "the list of chunks "
							   "is damaged: it has "
							   "too many slots");
		else
			err = gt_copier_sweep(s, &chunks.v[i]);
		err = keep_problem(s, err);
	}
	free(chunks.v);
	if (!err)
		err = gt_copier_retry(s);
	if (!err && s->pending_n)
		err = take_running(s);
	return err;
}

struct gt_error *
gt_snapshot(struct gt_target *t, const struct gt_abi *abi,
	    struct gt_error *(*take)(const struct gt_copy *copy, void *arg),
	    void *arg, struct gt_snapshot_stats *ret_stats)
{
	struct gt_copier s = {
		.t = t,
		.abi = abi,
		.take = take,
		.arg = arg,
		.stats = ret_stats,
		.window = GT_WINDOW_FIRST + abi->t.g.bytes,
		.entries = calloc(GT_BATCH, sizeof(*s.entries)),
		.spans = calloc(3 * GT_BATCH, sizeof(*s.spans)),
		.buf = malloc((size_t)GT_BATCH *
			      (GT_WINDOW_LAST + GT_ABI_STRUCT_MAX)),
	};
	struct gt_error *err = &gt_enomem;

	*ret_stats = (struct gt_snapshot_stats){ 0 };
	if (s.entries && s.spans && s.buf)
		err = run(&s);
	free(s.entries);
	free(s.spans);
	free(s.buf);
	free(s.pending);
	free(s.extras);
	return err;
}
