/* SPDX-License-Identifier: MIT */
/*
 * model.h - what is known of a target's goroutines and channels
 *
 * Idea       Plain arrays, filled once and then only read: by analyses, by
 *            renderers. A stack is a run of PC ids (pctab.h) in one array, so
 *            a goroutine of eight frames costs about 130 bytes.
 */
#ifndef GT_MODEL_H
#define GT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi_reader.h"
#include "pctab.h"
#include "snapshot.h"
#include "unwind.h"

/* One of the things that a goroutine waits for. */
struct gt_wait {
	uint64_t obj;
	uint8_t dir; /* enum gt_dir */
};
enum gt_dir { GT_DIR_SEND, GT_DIR_RECV, GT_DIR_OTHER };

struct gt_goroutine {
	uint64_t id;
	uint64_t word;       /* its state word */
	uint64_t addr;       /* its record, as channels' waiters refer to it */
	uint64_t creator_id; /* 0: none */
	uint64_t wait_obj;   /* see the wait reasons in abi.h */
	uint64_t wait_ns;    /* 0: does not wait, or not known */
	size_t frames;       /* index into model->frames */
	uint32_t frames_n;
	uint32_t dropped; /* frames after the first GT_TRACE_INNER, not kept */
	uint32_t creator; /* PC id; 0: none */
	uint32_t entry;   /* PC id: its function */
	uint32_t name;    /* index into model->strings; 0: none */
	uint32_t labels;  /* likewise, see gt_label_next(); 0: none */
	uint32_t waits;   /* index into model->waits */
	uint32_t holds;   /* index into model->holds: locked for reading */
	uint16_t waits_n; /* a select has many or none, others one or none */
	uint16_t holds_n;
	uint8_t state;  /* enum goro_abi_state */
	uint8_t reason; /* enum goro_abi_reason */
	uint8_t flags;  /* GORO_ABI_G_* */
	bool exact;     /* everything here was true at one moment */
	bool complete;  /* the stack was followed to its end */
};

struct gt_channel {
	uint64_t id, addr;
	uint64_t elem_bytes, cap, len, refs;
	uint64_t creator_id;
	uint64_t recvq, sendq; /* addresses of the first waiters, or 0 */
	uint32_t creator;      /* PC id */
	uint32_t name;         /* index into model->strings */
	uint8_t kind;          /* enum goro_abi_chan_kind */
	bool closed;
};

/* Where a string lies that is kept already. */
struct gt_string_slot {
	uint32_t at, hash;
};

struct gt_model {
	const struct gt_abi *abi;
	struct gt_pctab pcs;
	struct gt_goroutine *goroutines; /* by id, once it is filled */
	size_t goroutines_n, goroutines_room;
	uint32_t *frames;
	size_t frames_n, frames_room;
	struct gt_channel *channels;
	size_t channels_n, channels_room;
	struct gt_wait *waits;
	size_t waits_n, waits_room;
	struct gt_hold *holds;
	size_t holds_n, holds_room;
	char *strings; /* string 0 is empty */
	size_t strings_n, strings_room;
	struct gt_string_slot *string_slots; /* by hash; at 0: empty */
	uint32_t string_mask, string_count;
	struct gt_snapshot_stats stats;
	/* Called now and then while goroutines are taken in; or NULL. */
	void (*progress)(const struct gt_model *model);
};

struct gt_error *gt_model_init(struct gt_model *model,
			       const struct gt_abi *abi);
void gt_model_fini(struct gt_model *model);

/* Forget all but PCs and strings, which keep their numbers. */
void gt_model_clear(struct gt_model *model);

/* Fill it from a target. An error means that it is incomplete; what is there
 * is true, and may be shown. */
struct gt_error *gt_model_load(struct gt_model *model, struct gt_target *t,
			       struct gt_unwinder *unwinder);

/* Its two halves: from the target, and what is left to do without it. */
struct gt_error *gt_model_fill(struct gt_model *model, struct gt_target *t,
			       struct gt_unwinder *unwinder);
struct gt_error *gt_model_sort(struct gt_model *model);

/* frozen.c: fill it, channels and all, while the target stands still. *@ret
 * says for how long that was, all in all. */
struct gt_pause {
	uint64_t ns;
	unsigned times;
	int missed; /* threads that could not be stopped */
};
struct gt_error *gt_model_load_frozen(struct gt_model *model,
				      struct gt_target *t,
				      struct gt_unwinder *unwinder,
				      struct gt_pause *ret);

/* channels.c: the channels; after the goroutines or without them. */
struct gt_error *gt_model_load_channels(struct gt_model *model,
					struct gt_target *t);

/* Room for @more elements in an array that grows; false: out of memory. */
bool gt_grow(void **v, size_t n, size_t more, size_t *room, size_t bytes);

/* strings.c: keep a string, each one once: an index, 0 for an empty one or when
 * memory is short. */
uint32_t gt_model_string(struct gt_model *model, const char *string);
/* The same for labels as gt_copy has them. */
uint32_t gt_model_labels(struct gt_model *model, const char *labels);

/*
 * Walk a set of labels: @at is 0 at first, then what the last call has left;
 * false: there are no more.
 *
 *	for (uint32_t at = 0; gt_label_next(model, g->labels, &at, &k, &v);)
 */
bool gt_label_next(const struct gt_model *model, uint32_t labels, uint32_t *at,
		   const char **ret_key, const char **ret_value);

static inline const char *
gt_goroutine_status(const struct gt_model *model, const struct gt_goroutine *g)
{
	if (g->state == GORO_ABI_WAITING && g->reason != GORO_WAIT_NONE)
		return gt_abi_reason_name(model->abi, g->reason);
	return gt_abi_state_name(model->abi, g->state);
}

#endif
