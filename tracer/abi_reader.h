/* SPDX-License-Identifier: MIT */
/*
 * abi_reader.h - find a runtime's debug ABI table, and believe it only so far
 *
 * docs/DEBUG-ABI.md says what the table holds. After gt_abi_find() each field
 * that the tracer uses lies inside its structure, each structure is of a sane
 * size, and each count is bounded: what reads one need not check again.
 */
#ifndef GT_ABI_READER_H
#define GT_ABI_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "error.h"
#include "goro/abi.h"
#include "target.h"

enum {
	GT_ABI_STRUCT_MAX = 4096, /* bytes of any structure, and a context */
	/* The least that version 1 has. What is missing of the rest reads as 0:
	 * structures without fields. */
	GT_ABI_TABLE_MIN = offsetof(struct goro_abi_table, chan_more),
	GT_LABEL_PAIR_MAX = 64, /* bytes of a label's pair of pointers */
	GT_ABI_STATES_MAX = 16,
	GT_ABI_REASONS_MAX = 128,
	GT_ABI_STATE_BYTES = 16,
	GT_ABI_REASON_BYTES = 32,
};

struct gt_abi {
	struct goro_abi_table t;
	uint64_t table; /* where it is */
	char states[GT_ABI_STATES_MAX][GT_ABI_STATE_BYTES];
	char reasons[GT_ABI_REASONS_MAX][GT_ABI_REASON_BYTES];
	uint64_t now_cycles; /* when the table was read */
	double cycle_ns;
};

struct gt_error *gt_abi_find(struct gt_target *t, struct gt_abi *ret);

/* Check a table that was read from @addr; the part of gt_abi_find() that
 * needs no target. */
struct gt_error *gt_abi_check(const struct goro_abi_table *table,
			      uint64_t addr);

/* Is the table still where it was? The check that ends a snapshot: a process
 * that ran another program meanwhile is not the one that was found. */
struct gt_error *gt_abi_check_again(struct gt_target *t,
				    const struct gt_abi *abi);

/* Names for a reader; "???" as in Go where the table has none. */
const char *gt_abi_state_name(const struct gt_abi *abi, unsigned state);
const char *gt_abi_reason_name(const struct gt_abi *abi, unsigned reason);

/* A moment in the target's cycles, as ns before now; 0 where it is not past. */
uint64_t gt_abi_age_ns(const struct gt_abi *abi, uint64_t cycles);

/* The value of a field of the structure at @base; 0 for one that this runtime
 * does not have. */
static inline uint64_t
gt_abi_load(const void *base, struct goro_abi_field field)
{
	const char *p = (const char *)base + field.offset;
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;

	switch (field.bytes) {
	case 8:
		memcpy(&v64, p, sizeof(v64));
		return v64;
	case 4:
		memcpy(&v32, p, sizeof(v32));
		return v32;
	case 2:
		memcpy(&v16, p, sizeof(v16));
		return v16;
	case 1:
		return *(const uint8_t *)p;
	default:
		return 0;
	}
}

#endif
