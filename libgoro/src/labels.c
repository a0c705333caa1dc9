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

void
gr_labels_unref(struct gr_labels *set)
{
	/* [pair labels-refs] as in goro_chan_unref(). */
	if (set && gr_add_acq_rel(&set->refs, -1) == 1)
		free(set);
}

static char *
append(char **at, const char *text)
{
	char *start = *at;

	*at = stpcpy(start, text) + 1;
	return start;
}

/*
 * A copy of @old with @key set to @value, or without it when @value is NULL.
 * One block of memory: the pairs, then their strings.
 */
static struct gr_labels *
with(const struct gr_labels *old, const char *key, const char *value)
{
	uint32_t old_n = old ? old->n : 0, n = 0;
	size_t bytes = sizeof(struct gr_labels) +
		       (old_n + 1) * sizeof(struct gr_label) + strlen(key) + 1 +
		       (value ? strlen(value) + 1 : 0);
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
	return set;
}

int
goro_label_set(const char *key, const char *value)
{
	struct gr_g *g = gr_m_goroutine("goro_label_set")->g;
	struct gr_labels *old = g->labels, *set;

	if (!key || !*key || strlen(key) > KEY_MAX_BYTES ||
	    (value && strlen(value) > VALUE_MAX_BYTES))
		return -EINVAL;
	if (!value && !old)
		return 0;
	set = with(old, key, value);
	if (!set)
		return -ENOMEM;
	if (set->n > LABELS_MAX) {
		gr_labels_unref(set);
		return -E2BIG;
	}
	/* [pair labels] release: a reader that sees the set sees it whole. */
	gr_store_rel(&g->labels, set);
	gr_labels_unref(old);
	return 0;
}
