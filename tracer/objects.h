/* SPDX-License-Identifier: MIT */
/*
 * objects.h - what goroutines wait for: channels, locks, descriptors
 *
 * Idea       Goroutines say what they wait for, so the objects that matter are
 *            found from them, however they are stored; only channels have a
 *            registry. Of each, its own fields say who holds it. Who else knows
 *            of it is found by looking for its address on all stacks.
 * Truth      Objects are read after the goroutines. gt_objects_look() looks at
 *            the goroutines once more: one that has the same state word was
 *            still in between, so what was read of the locks that it holds or
 *            waits for is true of that time.
 */
#ifndef GT_OBJECTS_H
#define GT_OBJECTS_H

#include "model.h"

enum gt_kind {
	GT_KIND_UNKNOWN,
	GT_KIND_CHAN,
	GT_KIND_MUTEX,
	GT_KIND_RWMUTEX,
	GT_KIND_WAITGROUP,
	GT_KIND_COND,
	GT_KIND_ONCE,
	GT_KIND_FD,
};

/* What a goroutine has to do with an object. */
enum gt_role {
	GT_ROLE_WAITS,
	GT_ROLE_HOLDS, /* has locked it, or runs a once's function */
	GT_ROLE_KNOWS, /* has its address on its stack, and nothing of these */
	GT_ROLES,
};

struct gt_party {
	uint32_t g;  /* index into model->goroutines */
	uint8_t dir; /* of one that waits: enum gt_dir */
};

struct gt_parties {
	struct gt_party *v;
	uint32_t n;
};

struct gt_object {
	uint64_t addr;    /* of a descriptor its number */
	uint8_t kind;     /* enum gt_kind */
	bool known;       /* it could be read: what follows is true */
	bool writer;      /* rwmutex: a writer is inside */
	uint32_t channel; /* index into model->channels */
	uint32_t text;    /* what a descriptor is: index into model->strings */
	uint64_t owner;   /* goroutine's id, or 0 */
	int64_t count;    /* waitgroup: its counter; rwmutex: readers inside */
	struct gt_parties parties[GT_ROLES];
	uint32_t knows_n; /* how many know it: more than GT_KNOWS_MAX may */
	uint64_t max_wait_ns;
};
enum { GT_KNOWS_MAX = 16 };

struct gt_objects {
	struct gt_object *v; /* by address, descriptors last */
	size_t n;
	struct gt_party *waits, *holds, *knows; /* what parties point into */
	bool *still; /* by goroutine: has not run since it was copied */
	bool looked; /* all stacks were searched for who knows */
};

enum gt_kind gt_kind_of(enum goro_abi_reason reason);
const char *gt_kind_name(enum gt_kind kind);

/**
 * Find and read what goroutines wait for.
 *
 * @model  filled, with its channels; strings are added to it
 * @all    all channels, be they waited for or not
 *
 * Of an error but GT_NOMEM, @ret is good for all that follows: what could not
 * be read is not known. gt_objects_fini(ret) in any case.
 */
struct gt_error *gt_objects_load(struct gt_target *t, struct gt_model *model,
				 bool all, struct gt_objects *ret);

/* Look at the goroutines again: who knows of the objects, who is still. Of an
 * error but GT_NOMEM, those that were not reached know nothing, and are not. */
struct gt_error *gt_objects_look(struct gt_target *t,
				 const struct gt_model *model,
				 struct gt_objects *objects);

/* The object at an address, or NULL; a descriptor is no address. */
struct gt_object *gt_objects_find(const struct gt_objects *objects,
				  uint64_t addr);

/* The goroutine of that id, or UINT32_MAX. */
uint32_t gt_model_find(const struct gt_model *model, uint64_t id);

void gt_objects_fini(struct gt_objects *objects);

#endif
