/* SPDX-License-Identifier: MIT */
/*
 * labels.h - key and value pairs that a goroutine hands to those it starts
 *
 * Idea       A set of labels never changes once it is made: setting one makes
 *            a new set. So starting a goroutine costs one more reference, and
 *            a set can be read at any moment, from outside too.
 * Freed      with its last reference; but not while somebody holds all of
 *            them to read those of other goroutines, gr_labels_hold().
 */
#ifndef GR_LABELS_H
#define GR_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gr_label {
	char *key, *value; /* both in the set's own memory */
};

struct gr_labels {
	uint32_t refs; /* [pair labels-refs] */
	uint32_t n;
	uint64_t hash;          /* of what it says */
	struct gr_labels *next; /* to be freed; kept.lock */
	struct gr_label label[]; /* sorted by key */
};

struct gr_labels *gr_labels_ref(struct gr_labels *set);
void gr_labels_unref(struct gr_labels *set);
bool gr_labels_equal(const struct gr_labels *a, const struct gr_labels *b);

/* In between, no set is freed that could be found since. Nests. */
void gr_labels_hold(void);
void gr_labels_release(void);

#endif
