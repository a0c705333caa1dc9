// SPDX-License-Identifier: MIT
/*
 * strings.c - the model's strings, each one once
 *
 * A million goroutines have a handful of names and sets of labels between
 * them, so those are kept once, found by hash; the same string is the same
 * number.
 */
#include <stdlib.h>
#include <string.h>

#include "model.h"

static uint32_t
hash(const char *bytes, size_t n)
{
	uint32_t h = 2166136261; /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)bytes[i]) * 16777619;
	return h;
}

static bool
grow_slots(struct gt_model *model)
{
	uint32_t mask = model->string_mask ? model->string_mask * 2 + 1 : 255;
	struct gt_string_slot *slots = calloc((size_t)mask + 1, sizeof(*slots));

	if (!slots)
		return false;
	for (uint32_t i = 0; model->string_slots && i <= model->string_mask;
	     i++) {
		uint32_t h = model->string_slots[i].hash;

		if (!model->string_slots[i].at)
			continue;
		while (slots[h & mask].at)
			h++;
		slots[h & mask] = model->string_slots[i];
	}
	free(model->string_slots);
	model->string_slots = slots;
	model->string_mask = mask;
	return true;
}

/* @n bytes that say themselves where they end. */
static uint32_t
intern(struct gt_model *model, const char *bytes, size_t n)
{
	uint32_t h = hash(bytes, n), i = h;
	size_t at = model->strings_n;

	if (model->string_count >= model->string_mask / 2 && !grow_slots(model))
		return 0;
	for (;; i++) {
		struct gt_string_slot *s =
			&model->string_slots[i & model->string_mask];

		if (!s->at)
			break;
		if (s->hash == h && n <= at - s->at &&
		    !memcmp(model->strings + s->at, bytes, n))
			return s->at;
	}
	if (at > UINT32_MAX - n ||
	    !gt_grow((void **)&model->strings, at, n, &model->strings_room, 1))
		return 0;
	memcpy(model->strings + at, bytes, n);
	model->strings_n += n;
	model->string_slots[i & model->string_mask] =
		(struct gt_string_slot){ (uint32_t)at, h };
	model->string_count++;
	return (uint32_t)at;
}

uint32_t
gt_model_string(struct gt_model *model, const char *string)
{
	return *string ? intern(model, string, strlen(string) + 1) : 0;
}

uint32_t
gt_model_labels(struct gt_model *model, const char *labels)
{
	size_t n = 1;

	if (!labels)
		return 0;
	for (int left = 2 * labels[0]; left; left--)
		n += strlen(labels + n) + 1;
	return intern(model, labels, n);
}

bool
gt_label_next(const struct gt_model *model, uint32_t labels, uint32_t *at,
	      const char **ret_key, const char **ret_value)
{
	const char *set = model->strings + labels, *key = set + 1;

	if (!labels || *at >= (uint32_t)set[0])
		return false;
	for (uint32_t skip = 2 * *at; skip; skip--)
		key += strlen(key) + 1;
	*ret_key = key;
	*ret_value = key + strlen(key) + 1;
	++*at;
	return true;
}
