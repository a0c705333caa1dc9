// SPDX-License-Identifier: MIT
/*
 * prof_label.c - leaving out of a profile what has other labels
 *
 * Locations and functions stay: nothing refers to them any more, which no
 * reader minds.
 */
#include <string.h>

#include "prof_show.h"

static bool
has(const struct gt_profile *p, const struct gt_profile_sample *s,
    const char *wanted)
{
	size_t key_bytes = strcspn(wanted, "=");
	const char *value = wanted[key_bytes] ? wanted + key_bytes + 1 : NULL;

	for (uint32_t i = 0; i < s->labels_n; i++) {
		const struct gt_profile_label *l = &p->labels.at[s->label + i];
		const char *key = gt_profile_string(p, l->key);

		if (strlen(key) == key_bytes &&
		    !memcmp(key, wanted, key_bytes) &&
		    (!value || !strcmp(gt_profile_string(p, l->str), value)))
			return true;
	}
	return false;
}

void
prof_keep_labelled(struct gt_profile *p, const char *wanted)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->samples.n; i++)
		if (has(p, &p->samples.at[i], wanted))
			p->samples.at[kept++] = p->samples.at[i];
	p->samples.n = kept;
}
