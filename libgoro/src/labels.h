/* SPDX-License-Identifier: MIT */
/*
 * labels.h - key and value pairs that a goroutine hands to those it starts
 *
 * Idea       A set of labels never changes once it is made: setting one makes
 *            a new set. So starting a goroutine costs one more reference, and
 *            a set can be read at any moment, from outside too.
 * Name       of a goroutine: it goes with the set, for profiles, but is not
 *            handed on. So a set with a name knows the one without.
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
	uint64_t hash;           /* of what it says */
	struct gr_labels *next;  /* to be freed; kept.lock */
	struct gr_labels *plain; /* with a name: the same without, or NULL */
	char *name;              /* in the set's own memory, or NULL */
	struct gr_label label[]; /* sorted by key */
};

struct gr_labels *gr_labels_ref(struct gr_labels *set);
void gr_labels_unref(struct gr_labels *set);
/* A set with the labels of @plain, whose reference it takes, and a name. Both may
 * be NULL. Short of memory, it is @plain. */
struct gr_labels *gr_labels_named(struct gr_labels *plain, const char *name);
bool gr_labels_equal(const struct gr_labels *a, const struct gr_labels *b);

/* What a goroutine with @set hands on. */
static inline struct gr_labels *
gr_labels_plain(struct gr_labels *set)
{
	return set && set->name ? set->plain : set;
}

/* In between, no set is freed that could be found since. Nests. */
void gr_labels_hold(void);
void gr_labels_release(void);

#endif
