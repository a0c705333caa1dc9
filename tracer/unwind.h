/* SPDX-License-Identifier: MIT */
/*
 * unwind.h - from a copied stack to PCs
 *
 * Three unwinders do the same work: `table`, which is fast and refuses what
 * its rows cannot say; `libunwind` and `dwfl`, which are what it is tested
 * against. table hands the frames that it refuses to libunwind.
 *
 * Bounds     An unwinder reads the copied stack and the modules' files, never
 *            the target; each step goes up the stack, so it ends.
 */
#ifndef GT_UNWIND_H
#define GT_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

#include "arch.h"
#include "error.h"
#include "modules.h"
#include "pctab.h"

/* A stack, copied, and the registers that belong to it. */
struct gt_stack {
	struct gt_regs regs;
	bool exact;  /* the PC was interrupted; else it is a return address */
	uint64_t lo; /* address of data[0] */
	const unsigned char *data;
	size_t bytes;
};

/*
 * What came out: ids of PCs, innermost first. Of a stack deeper than both
 * arrays the middle is dropped; `outer` is a ring then.
 */
enum { GT_TRACE_INNER = 96, GT_TRACE_OUTER = 96 };
struct gt_trace {
	uint32_t n;    /* frames there were */
	bool complete; /* it ends where stacks end */
	uint32_t inner[GT_TRACE_INNER];
	uint32_t outer[GT_TRACE_OUTER];
};

static inline void
gt_trace_push(struct gt_trace *trace, uint32_t id)
{
	uint32_t i = trace->n++;

	if (i < GT_TRACE_INNER)
		trace->inner[i] = id;
	else
		trace->outer[(i - GT_TRACE_INNER) % GT_TRACE_OUTER] = id;
}

/* The ids that were kept, in order, to @ids (GT_TRACE_INNER + GT_TRACE_OUTER
 * at most). *ret_dropped were between the first GT_TRACE_INNER and the rest. */
static inline uint32_t
gt_trace_ids(const struct gt_trace *trace, uint32_t *ids, uint32_t *ret_dropped)
{
	uint32_t n = trace->n, dropped = 0;

	if (n > GT_TRACE_INNER + GT_TRACE_OUTER)
		dropped = n - GT_TRACE_INNER - GT_TRACE_OUTER;
	for (uint32_t i = 0; i < n - dropped; i++)
		ids[i] = i < GT_TRACE_INNER ?
				 trace->inner[i] :
				 trace->outer[(i + dropped - GT_TRACE_INNER) %
					      GT_TRACE_OUTER];
	*ret_dropped = dropped;
	return n - dropped;
}

struct gt_unwinder {
	const struct gt_unwinder_ops *ops;
	struct gt_modules *modules;
	struct gt_pctab *pcs;
	void *libunwind; /* its address space, once it is needed */
};

struct gt_unwinder_ops {
	const char *name;
	/* @trace is empty; it gets at least the PC of @stack. */
	void (*unwind)(struct gt_unwinder *u, const struct gt_stack *stack,
		       struct gt_trace *trace);
	void (*destroy)(struct gt_unwinder *u);
};

typedef struct gt_error *gt_unwinder_create(struct gt_modules *modules,
					    struct gt_pctab *pcs,
					    struct gt_unwinder **ret);
gt_unwinder_create gt_unwinder_table, gt_unwinder_libunwind, gt_unwinder_dwfl;

/* The one of that name, or NULL. */
gt_unwinder_create *gt_unwinder_find(const char *name);

static inline void
gt_unwinder_destroyp(struct gt_unwinder **u)
{
	if (*u)
		(*u)->ops->destroy(*u);
	*u = NULL;
}

/* unwind_row.c: fill in the rule of a row whose key is set. */
void gt_row_fill(struct gt_row *row, struct gt_modules *modules);
/* May libunwind be shown the CFI for @addr? It trusts it. */
bool gt_cfi_is_sane(struct gt_modules *modules, uint64_t addr);

void gt_libunwind_fini(struct gt_unwinder *u);

/* unwind_libunwind.c: one step out of the frame that @regs (PC and all) stand
 * in, for a frame that a row cannot say. True: @regs are the caller's.
 * Otherwise *ret_end says whether that was the outermost frame. */
bool gt_libunwind_step(struct gt_unwinder *u, const struct gt_stack *stack,
		       struct gt_regs *regs, bool *exact, bool *ret_end);

#endif
