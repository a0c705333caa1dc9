// SPDX-License-Identifier: MIT
/*
 * labels.c - goro_label_set(); Go, runtime/pprof.Do() and SetGoroutineLabels()
 */
#include "labels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "goro/goro.h"
#include "sched.h"

enum { KEY_MAX_BYTES = 128, VALUE_MAX_BYTES = 512, LABELS_MAX = 32 };

struct gr_labels *
gr_labels_ref(struct gr_labels *set)
{
	/* [relaxed] the caller has a reference, so it cannot be the last. */
	if (set)
		gr_add_rlx(&set->refs, 1);
	return set;
}

/* Sets without a reference that somebody may be reading. */
static struct {
	struct gr_lock lock;
	uint32_t holders; /* [pair labels-hold] */
	struct gr_labels *first;
} kept;

static void
free_set(struct gr_labels *set)
{
	struct gr_labels *plain = set->plain;

	free(set);
	gr_labels_unref(plain); /* that one has none */
}

static void
free_all(struct gr_labels *set)
{
	struct gr_labels *next;

	for (; set; set = next) {
		next = set->next;
		free_set(set);
	}
}

/*
 *   who frees                        who reads
 *   ---------                        ---------
 *   goroutine's `labels` = other     holders++
 *   holders?                         goroutine's `labels`?
 *
 * One of the two sees what the other wrote. The counting of the references,
 * in between on the left, is a full barrier, as is the addition on the right.
 */
void
gr_labels_unref(struct gr_labels *set)
{
	/* [pair labels-refs] as in goro_chan_unref(). */
	if (!set || gr_add_sc(&set->refs, -1) != 1)
		return;
	if (__builtin_expect(gr_load_sc(&kept.holders), 0)) {
		gr_lock(&kept.lock);
		/* [pair labels-hold] only under the lock does it fall. */
		if (gr_load_sc(&kept.holders)) {
			set->next = kept.first;
			kept.first = set;
			set = NULL;
		}
		gr_unlock(&kept.lock);
	}
	if (set)
		free_set(set);
}

void
gr_labels_hold(void)
{
	gr_add_sc(&kept.holders, 1); /* [pair labels-hold] see above */
}

void
gr_labels_release(void)
{
	struct gr_labels *all = NULL;

	gr_lock(&kept.lock);
	if (gr_add_sc(&kept.holders, -1) == 1) { /* [pair labels-hold] */
		all = kept.first;
		kept.first = NULL;
	}
	gr_unlock(&kept.lock);
	free_all(all);
}

bool
gr_labels_equal(const struct gr_labels *a, const struct gr_labels *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->hash != b->hash || a->n != b->n ||
	    !a->name != !b->name || (a->name && strcmp(a->name, b->name)))
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (strcmp(a->label[i].key, b->label[i].key) ||
		    strcmp(a->label[i].value, b->label[i].value))
			return false;
	return true;
}

/* FNV-1a (Fowler, Noll, Vo), the terminators too. */
static uint64_t
hash_text(uint64_t h, const char *s)
{
	do
		h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
	while (*s++);
	return h;
}

static char *
append(char **at, const char *text)
{
	char *start = *at;

	*at = stpcpy(start, text) + 1;
	return start;
}

/*
 * A copy of @old with @key set to @value, or without it when @value is NULL, and
 * with a name, or none. One block of memory: the pairs, then the strings.
 */
static struct gr_labels *
with(const struct gr_labels *old, const char *key, const char *value,
     const char *name)
{
	uint32_t old_n = old ? old->n : 0, n = 0;
	size_t bytes = sizeof(struct gr_labels) +
		       (old_n + 1) * sizeof(struct gr_label) + strlen(key) + 1 +
		       (value ? strlen(value) + 1 : 0) +
		       (name ? strlen(name) + 1 : 0);
	struct gr_labels *set;
	bool placed = !value;
	char *at;

	for (uint32_t i = 0; i < old_n; i++)
		bytes += strlen(old->label[i].key) + 1 +
			 strlen(old->label[i].value) + 1;
	set = malloc(bytes);
	if (!set)
		return NULL;
	at = (char *)&set->label[old_n + 1];
	for (uint32_t i = 0; i <= old_n; i++) {
		int order = i < old_n ? strcmp(old->label[i].key, key) : 1;

		if (order >= 0 && !placed) {
			set->label[n].key = append(&at, key);
			set->label[n++].value = append(&at, value);
			placed = true;
		}
		if (i == old_n || order == 0)
			continue;
		set->label[n].key = append(&at, old->label[i].key);
		set->label[n++].value = append(&at, old->label[i].value);
	}
	set->refs = 1;
	set->n = n;
	set->plain = NULL;
	set->name = name ? append(&at, name) : NULL;
	set->hash = 0xcbf29ce484222325ull;
	for (uint32_t i = 0; i < n; i++) {
		set->hash = hash_text(set->hash, set->label[i].key);
		set->hash = hash_text(set->hash, set->label[i].value);
	}
	if (name)
		set->hash = hash_text(set->hash, name);
	return set;
}

struct gr_labels *
gr_labels_named(struct gr_labels *plain, const char *name)
{
	struct gr_labels *set = name ? with(plain, "", NULL, name) : NULL;

	if (!set)
		return plain;
	set->plain = plain;
	return set;
}

int
goro_label_set(const char *key, const char *value)
{
	struct gr_g *g = gr_m_goroutine("goro_label_set")->g;
	struct gr_labels *old = g->labels, *plain = gr_labels_plain(old), *set;

	if (!key || !*key || strlen(key) > KEY_MAX_BYTES ||
	    (value && strlen(value) > VALUE_MAX_BYTES))
		return -EINVAL;
	if (!value && !plain)
		return 0;
	set = with(plain, key, value, NULL);
	if (!set)
		return -ENOMEM;
	if (set->n > LABELS_MAX) {
		gr_labels_unref(set);
		return -E2BIG;
	}
	set = gr_labels_named(set, g->name);
	/* [pair labels] release: a reader that sees the set sees it whole. */
	gr_store_rel(&g->labels, set);
	gr_labels_unref(old);
	return 0;
}
