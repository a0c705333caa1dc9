// SPDX-License-Identifier: MIT
/*
 * traces.c - distinct stacks, each with how often and how much
 */
#include "traces.h"

#include <string.h>
#include <sys/mman.h>

#include "atomic.h"
#include "labels.h"
#include "san.h"

/* A table in @bytes of memory, touched as it fills; NULL: there is none. */
struct gr_traces *
gr_traces_create(size_t bytes, bool borrows)
{
	struct gr_traces *ts = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
				    -1, 0);

	if (ts == MAP_FAILED)
		return NULL;
	ts->bytes = bytes;
	ts->used = sizeof(*ts);
	ts->borrows = borrows;
	/* It alone may point to a set of labels. */
	if (!borrows && __lsan_register_root_region)
		__lsan_register_root_region(ts, bytes);
	return ts;
}

static void
unref(const struct gr_trace *t, void *arg)
{
	(void)arg;
	gr_labels_unref(t->labels);
}

/* Nobody may be adding any more. NULL is allowed. */
void
gr_traces_destroy(struct gr_traces *ts)
{
	if (!ts)
		return;
	if (!ts->borrows) {
		gr_traces_each(ts, unref, NULL);
		if (__lsan_unregister_root_region)
			__lsan_unregister_root_region(ts, ts->bytes);
	}
	munmap(ts, ts->bytes);
}

static uint64_t
mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

static uint64_t
key_hash(const struct gr_trace_key *key)
{
	uint64_t h = mix(mix(key->n, key->tag), key->creator);

	if (key->labels)
		h = mix(h, key->labels->hash);
	for (uint32_t i = 0; i < key->n; i++)
		h = mix(h, key->pc[i]);
	return h;
}

/* Search the bucket from @from up to, not with, @end. */
static struct gr_trace *
find(struct gr_trace *from, const struct gr_trace *end,
     const struct gr_trace_key *key, uint64_t hash)
{
	for (struct gr_trace *t = from; t != end; t = t->next)
		if (t->hash == hash && t->n == key->n && t->tag == key->tag &&
		    t->creator == key->creator &&
		    !memcmp(t->pc, key->pc, key->n * sizeof(*key->pc)) &&
		    gr_labels_equal(t->labels, key->labels))
			return t;
	return NULL;
}

static struct gr_trace *
make(struct gr_traces *ts, const struct gr_trace_key *key, uint64_t hash)
{
	size_t bytes = sizeof(struct gr_trace) + key->n * sizeof(*key->pc);
	struct gr_trace *t;
	size_t at;

	/* [relaxed] a look first, so that failures do not add up. */
	if (gr_load_rlx(&ts->used) > ts->bytes - bytes)
		return NULL;
	at = gr_add_rlx(&ts->used, bytes);
	if (at > ts->bytes - bytes)
		return NULL;
	t = (struct gr_trace *)((char *)ts + at);
	t->labels = key->labels;
	t->creator = key->creator;
	t->hash = hash;
	t->n = key->n;
	t->tag = key->tag;
	memcpy(t->pc, key->pc, key->n * sizeof(*key->pc));
	return t;
}

/* The trace of @key, made if need be; NULL: no room. @key's labels must stay
 * alive during the call. */
struct gr_trace *
gr_traces_get(struct gr_traces *ts, const struct gr_trace_key *key)
{
	uint64_t hash = key_hash(key);
	struct gr_trace **head = &ts->bucket[hash % GR_TRACES_BUCKETS];
	/* [pair trace] acquire: what hangs there is whole. */
	struct gr_trace *first = gr_load_acq(head), *known = NULL;
	struct gr_trace *t = find(first, NULL, key, hash), *fresh;

	if (t || !(fresh = make(ts, key, hash)))
		return t;
	for (;;) {
		fresh->next = first;
		/* [pair trace] release. Who comes second looks whether the
		 * first came for the same; its own is wasted then. */
		if (gr_cas_acq_rel(head, first, fresh)) {
			if (!ts->borrows)
				gr_labels_ref(key->labels);
			return fresh;
		}
		known = first;
		first = gr_load_acq(head);
		t = find(first, known, key, hash);
		if (t)
			return t;
	}
}

/*
 * Add an event. @key's labels must stay alive during the call.
 */
void
gr_traces_add(struct gr_traces *ts, const struct gr_trace_key *key,
	      uint64_t count, uint64_t value)
{
	struct gr_trace *t = gr_traces_get(ts, key);

	if (!t) {
		gr_traces_lose(ts, count, value);
		return;
	}
	/* [pair trace-sums] [relaxed] sums, and nothing is published. */
	gr_add_rlx(&t->count, count);
	gr_add_rlx(&t->value, value);
}

/* Add an event whose stack cannot be told. */
void
gr_traces_lose(struct gr_traces *ts, uint64_t count, uint64_t value)
{
	/* [pair trace-sums] [relaxed] as above. */
	gr_add_rlx(&ts->lost, count);
	gr_add_rlx(&ts->lost_value, value);
}

/* Add what @t has to @to; with @sign -1, take it away. */
void
gr_traces_copy(struct gr_traces *to, const struct gr_trace *t, int sign)
{
	const struct gr_trace_key key = { t->pc, t->n, t->tag, t->labels,
					  t->creator };
	uint64_t s = (uint64_t)(int64_t)sign;
	/* [pair trace-more] acquire: what came before it went is in the other
	 * sums by now, so that there is never less than nothing left. */
	uint64_t more_count = gr_load_acq(&t->more_count);
	uint64_t more_value = gr_load_acq(&t->more_value);
	/* [pair trace-sums] [relaxed] sums; the next profile has the rest. */
	uint64_t count = gr_load_rlx(&t->count), value = gr_load_rlx(&t->value);
	struct gr_trace *own = gr_traces_get(to, &key);

	if (!own) {
		gr_traces_lose(to, s * count, s * value);
		return;
	}
	gr_add_rlx(&own->count, s * count);
	gr_add_rlx(&own->value, s * value);
	/* [pair trace-more] [relaxed] nobody else knows this table. */
	gr_add_rlx(&own->more_count, s * more_count);
	gr_add_rlx(&own->more_value, s * more_value);
}

void
gr_traces_each(struct gr_traces *ts,
	       void (*fn)(const struct gr_trace *t, void *arg), void *arg)
{
	for (uint32_t i = 0; i < GR_TRACES_BUCKETS; i++) {
		/* [pair trace] acquire, as in gr_traces_get(). */
		const struct gr_trace *t = gr_load_acq(&ts->bucket[i]);

		for (; t; t = t->next)
			fn(t, arg);
	}
}
