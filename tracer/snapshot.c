// SPDX-License-Identifier: MIT
/*
 * snapshot.c - true copies of goroutines that go on running
 *
 * Passes     1. sweep(): the state words of a chunk in their own order, which
 *               is dense, 1,024 at a time; the record and the top of the stack
 *               of each in one read per batch; the words again.
 *            2. retry(): those that changed meanwhile, or whose stack is
 *               deeper than the window, one by one: word, copy, word in one
 *               system call, so that the window of doubt is a microsecond.
 *            3. gt_hold_running(): those that run.
 * Invariants 1. What is handed over as exact was read between two reads of
 *               the same even state word, or while its thread stood still.
 *            2. No list, count, size or number of tries is unbounded.
 */
#include "snapshot.h"

#include <stdlib.h>
#include <string.h>

enum {
	BATCH = 1024,
	RETRY_BATCH = 256,
	RETRY_MAX_BYTES = 32 << 20, /* copied at once, unless one is larger */
	WINDOW_FIRST = 1024,        /* of the stack, with the record's top */
	WINDOW_LAST = 4096,
	ROUNDS = 8,
	SLOTS_MAX = 1 << 26, /* of all chunks */
};

/* One goroutine of a batch. */
struct entry {
	struct gt_slot slot;
	uint64_t before, after; /* the state word */
	size_t at;              /* which of sweep()'s words that is */
	unsigned char *copy;    /* the last slot.want bytes of the record */
	bool copied;
	bool named;
	char name[GT_NAME_BYTES];
};

struct snapshot {
	struct gt_target *t;
	const struct gt_abi *abi;
	struct gt_error *(*take)(const struct gt_copy *copy, void *arg);
	void *arg;
	struct gt_snapshot_stats *stats;
	size_t taken;
	size_t window;         /* what sweep() copies of each */
	uint64_t deep_bytes;   /* asked for beyond the window, all in all */
	struct entry *entries; /* BATCH of them */
	struct gt_span *spans; /* 3 * BATCH */
	unsigned char *buf;    /* BATCH windows */
	struct gt_slot *pending;
	size_t pending_n, pending_room;
};

enum verdict { TAKE, AGAIN, GONE, DAMAGED };

static uint64_t
record_end(const struct snapshot *s, const struct gt_slot *slot)
{
	return slot->record + s->abi->t.g.bytes;
}

static struct gt_error *
too_many(const struct gt_slot *slot)
{
	return gt_damaged(slot->record,
			  "the registry of goroutines is damaged: there are "
			  "more than %d",
			  GT_GOROUTINES_MAX);
}

static struct gt_error *
pend(struct snapshot *s, const struct gt_slot *slot)
{
	if (s->pending_n == GT_GOROUTINES_MAX)
		return too_many(slot);
	if (s->pending_n == s->pending_room) {
		size_t room = s->pending_room ? s->pending_room * 2 : 256;
		struct gt_slot *more = reallocarray(s->pending, room,
						    sizeof(*more));

		if (!more)
			return &gt_enomem;
		s->pending = more;
		s->pending_room = room;
	}
	s->pending[s->pending_n++] = *slot;
	return NULL;
}

/*
 * Is a copy made between two equal even words what it should be? Fills @copy
 * in; a stack that the copy does not reach down to makes the slot want more.
 */
static enum verdict
judge(struct snapshot *s, struct entry *e, struct gt_copy *copy)
{
	const struct goro_abi_table *t = &s->abi->t;
	struct gt_slot *slot = &e->slot;
	uint64_t from = record_end(s, slot) - slot->want;
	const unsigned char *record = e->copy + slot->want - t->g.bytes;

	if (GORO_ABI_STATE(e->before) == GORO_ABI_FREE)
		return GONE;
	if (!e->copied) {
		/* Perhaps only what is below the record cannot be read. */
		if (slot->want == t->g.bytes)
			return DAMAGED;
		slot->want = t->g.bytes;
		return AGAIN;
	}
	if (GORO_ABI_UNSTABLE(e->before) || e->before != e->after)
		return AGAIN;
	uint64_t sp = gt_abi_load(record, t->g.sp);
	uint64_t lo = gt_abi_load(record, t->g.stack_lo);
	uint64_t hi = gt_abi_load(record, t->g.stack_hi);

	if (!gt_abi_load(record, t->g.id) || lo < slot->lo || hi < lo ||
	    hi > slot->record)
		return DAMAGED;
	*copy = (struct gt_copy){
		.word = e->before,
		.addr = slot->record,
		.record = record,
		.name = e->name,
		.exact = true,
	};
	if (gt_abi_load(record, t->g.flags) & GORO_ABI_G_FRESH)
		return TAKE;
	if (sp < lo || sp % sizeof(uint64_t) || sp > hi ||
	    hi - sp < t->context_bytes)
		return DAMAGED;
	uint64_t want = record_end(s, slot) - sp;
	if (sp < from && (want > GT_COPY_MAX_BYTES ||
			  s->deep_bytes + want > GT_DEEP_MAX_BYTES)) {
		s->stats->too_deep++;
		return TAKE;
	}
	if (sp < from) {
		s->deep_bytes += want;
		slot->want = want;
		return AGAIN;
	}
	copy->stack_lo = sp;
	copy->stack = e->copy + (sp - from);
	copy->stack_bytes = hi - sp;
	return TAKE;
}

/* Deal with one goroutine of a batch that has been copied. */
static struct gt_error *
settle(struct snapshot *s, struct entry *e)
{
	struct gt_copy copy;

	switch (judge(s, e, &copy)) {
	case TAKE:
		if (s->taken == GT_GOROUTINES_MAX)
			return too_many(&e->slot);
		s->taken++;
		return s->take(&copy, s->arg);
	case AGAIN:
		return pend(s, &e->slot);
	case DAMAGED:
		if (++s->stats->damaged > GT_DAMAGED_MAX)
			return gt_damaged(e->slot.record, "the registry of "
							  "goroutines is "
							  "damaged: its "
							  "records cannot be "
							  "true");
		return NULL;
	case GONE:
		break;
	}
	return NULL;
}

/* The names of those that have one, before the words are read again. */
static struct gt_error *
copy_names(struct snapshot *s, struct entry *entries, size_t n)
{
	size_t named = 0;

	for (size_t i = 0; i < n; i++) {
		struct entry *e = &entries[i];

		e->name[0] = '\0';
		e->named = false;
		if (!e->copied)
			continue;
		uint64_t name = gt_abi_load(e->copy + e->slot.want -
						    s->abi->t.g.bytes,
					    s->abi->t.g.name);
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

/* Words [at, at + n) of a chunk. */
static struct gt_error *
read_words(struct snapshot *s, const struct gt_chunk *c, uint64_t at,
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
slot_of(const struct snapshot *s, const struct gt_chunk *c, uint64_t i)
{
	uint64_t lo = c->base + i * c->slot_bytes;
	struct gt_slot slot = {
		.word = gt_chunk_word(s->abi, c, i),
		.record = gt_chunk_record(s->abi, c, i),
		.lo = lo,
		.want = s->window,
	};

	if (slot.want > record_end(s, &slot) - lo)
		slot.want = record_end(s, &slot) - lo;
	return slot;
}

/* Which of the words are goroutines at rest? They become entries; those that
 * are not at rest wait. */
static struct gt_error *
choose(struct snapshot *s, const struct gt_chunk *c, uint64_t at,
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
			err = pend(s, &slot);
			continue;
		}
		struct entry *e = &s->entries[*ret];
		e->slot = slot;
		e->before = words[j];
		e->at = j;
		e->copy = s->buf + *ret * s->window;
		s->spans[(*ret)++] = (struct gt_span){
			.addr = record_end(s, &slot) - slot.want,
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
sweep_words(struct snapshot *s, const struct gt_chunk *c, uint64_t at,
	    size_t words_n)
{
	uint64_t words[BATCH];
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
	err = copy_names(s, s->entries, n);
	if (!err)
		err = read_words(s, c, at, words, words_n);
	for (size_t i = 0; i < n && !err; i++) {
		struct entry *e = &s->entries[i];
		size_t want = e->slot.want;

		e->after = words[e->at];
		err = settle(s, e);
		deep += e->slot.want > want;
	}
	if (deep > n / 4 && s->window < WINDOW_LAST)
		s->window *= 2;
	return err;
}

static struct gt_error *
sweep(struct snapshot *s, const struct gt_chunk *c)
{
	for (uint64_t at = 0; at < c->slots; at += BATCH) {
		size_t n = c->slots - at < BATCH ? c->slots - at : BATCH;
		struct gt_error *err = sweep_words(s, c, at, n);

		if (err)
			return err;
	}
	return NULL;
}

/* Word, copy, word for each of the batch, in one go. */
static struct gt_error *
copy_batch(struct snapshot *s, struct entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct entry *e = &entries[i];
		struct gt_slot *slot = &e->slot;

		s->spans[3 * i] = (struct gt_span){
			.addr = slot->word,
			.buf = &e->before,
			.bytes = sizeof(e->before),
		};
		s->spans[3 * i + 1] = (struct gt_span){
			.addr = record_end(s, slot) - slot->want,
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

/* The words once more, for those whose name was read after the second. */
static struct gt_error *
reread_named(struct snapshot *s, struct entry *entries, size_t n)
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
fill_batch(struct snapshot *s, const struct gt_slot *slots, size_t n,
	   unsigned char *buf)
{
	size_t used = 0, i;

	for (i = 0; i < n && i < RETRY_BATCH; i++) {
		if (i && used + slots[i].want > RETRY_MAX_BYTES)
			break;
		s->entries[i] = (struct entry){
			.slot = slots[i],
			.copy = buf + used,
		};
		used += slots[i].want;
	}
	return i;
}

static struct gt_error *
retry(struct snapshot *s)
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
			err = copy_names(s, s->entries, batch);
		if (!err)
			err = reread_named(s, s->entries, batch);
		for (size_t i = 0; i < batch && !err; i++)
			err = settle(s, &s->entries[i]);
		done += batch;
	}
	return err;
}

/* Again and again, while that helps. */
static struct gt_error *
retry_rounds(struct snapshot *s)
{
	struct gt_error *err = NULL;

	for (unsigned round = 0; round < ROUNDS && s->pending_n; round++) {
		size_t before = s->pending_n;

		err = retry(s);
		if (err || (round > 1 && s->pending_n == before))
			break;
	}
	return err;
}

/* Hand over what was copied while threads were stopped. */
static struct gt_error *
take_held(struct snapshot *s, struct gt_held *h)
{
	const struct goro_abi_table *t = &s->abi->t;
	struct entry e = {
		.slot = h->slot,
		.before = h->word,
		.after = h->word,
		.copy = h->data,
		.copied = true,
	};
	struct gt_error *err = copy_names(s, &e, 1);

	s->stats->held++;
	if (err || !h->regs.valid)
		return err ? err : settle(s, &e);
	struct gt_copy copy = {
		.word = h->word,
		.addr = h->slot.record,
		.record = h->data + h->slot.want - t->g.bytes,
		.stack_lo = record_end(s, &h->slot) - h->slot.want,
		.stack = h->data,
		.regs = &h->regs,
		.name = e.name,
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
take_unresolved(struct snapshot *s, const struct gt_slot *slot)
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
take_running(struct snapshot *s)
{
	struct gt_held *held = NULL, *next;
	size_t n = s->pending_n;
	struct gt_error *err = gt_hold_running(s->t, s->abi, s->pending, n,
					       &held, &s->stats->held_max_ns);

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
		err = retry_rounds(s);
	for (size_t i = 0; i < s->pending_n && !err; i++)
		err = take_unresolved(s, &s->pending[i]);
	return err;
}

/* What is damaged ends only a part of the work: it is remembered. */
static struct gt_error *
keep_problem(struct snapshot *s, struct gt_error *err)
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
run(struct snapshot *s)
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
			err = sweep(s, &chunks.v[i]);
		err = keep_problem(s, err);
	}
	free(chunks.v);
	if (!err)
		err = retry_rounds(s);
	if (!err && s->pending_n)
		err = take_running(s);
	return err;
}

struct gt_error *
gt_snapshot(struct gt_target *t, const struct gt_abi *abi,
	    struct gt_error *(*take)(const struct gt_copy *copy, void *arg),
	    void *arg, struct gt_snapshot_stats *ret_stats)
{
	struct snapshot s = {
		.t = t,
		.abi = abi,
		.take = take,
		.arg = arg,
		.stats = ret_stats,
		.window = WINDOW_FIRST + abi->t.g.bytes,
		.entries = calloc(BATCH, sizeof(*s.entries)),
		.spans = calloc(3 * BATCH, sizeof(*s.spans)),
		.buf = malloc((size_t)BATCH *
			      (WINDOW_LAST + GT_ABI_STRUCT_MAX)),
	};
	struct gt_error *err = &gt_enomem;

	*ret_stats = (struct gt_snapshot_stats){ 0 };
	if (s.entries && s.spans && s.buf)
		err = run(&s);
	free(s.entries);
	free(s.spans);
	free(s.buf);
	free(s.pending);
	return err;
}
