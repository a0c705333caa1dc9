/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - what the fuzzers share
 *
 * Idea       An input is a list of changes to something that is valid, so the
 *            first one gets past the magic numbers already. Each change is a
 *            place (4 bytes) and what is written there (8 bytes); they are
 *            undone afterwards.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { FUZZ_CHANGES = 64, FUZZ_CHANGE_BYTES = 12 };

struct fuzz_changes {
	unsigned char *at[FUZZ_CHANGES];
	uint64_t was[FUZZ_CHANGES];
	size_t n;
};

/* Make the changes in @memory; what is left of the input stays unused. */
static inline void
fuzz_change(struct fuzz_changes *c, unsigned char *memory, size_t bytes,
	    const uint8_t *input, size_t input_bytes)
{
	for (c->n = 0; c->n < FUZZ_CHANGES && input_bytes >= FUZZ_CHANGE_BYTES;
	     c->n++) {
		uint32_t place;

		memcpy(&place, input, sizeof(place));
		/* Most fields are aligned so. */
		place = place % (bytes - sizeof(uint64_t)) & ~3u;
		c->at[c->n] = memory + place;
		memcpy(&c->was[c->n], c->at[c->n], sizeof(uint64_t));
		memcpy(c->at[c->n], input + sizeof(place), sizeof(uint64_t));
		input += FUZZ_CHANGE_BYTES;
		input_bytes -= FUZZ_CHANGE_BYTES;
	}
}

static inline void
fuzz_undo(struct fuzz_changes *c)
{
	while (c->n) {
		c->n--;
		memcpy(c->at[c->n], &c->was[c->n], sizeof(uint64_t));
	}
}

/* fuzz.c: load the model of a target, and show it to nobody. */
struct gt_target;
void fuzz_load(struct gt_target *t);

/* fuzz.c: parked goroutines, threads and channels. */
struct fake;
void fuzz_populate(struct fake *f);

#endif
