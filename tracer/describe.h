/* SPDX-License-Identifier: MIT */
/*
 * describe.h - goroutines and objects in a few words
 *
 *	goroutine 7 "worker"
 *	channel 3 "orders"
 *	mutex table_lock
 *	fd 5 (TCP 127.0.0.1:8080, listening)
 */
#ifndef GT_DESCRIBE_H
#define GT_DESCRIBE_H

#include "objects.h"
#include "out.h"
#include "report.h"

enum { GT_WORDS_MAX = 256 }; /* bytes that each of these writes at most */

void gt_describe_goroutine(const struct gt_model *model,
			   const struct gt_goroutine *g, char *buf);

/* @symbols give variables their names; NULL: do without. */
void gt_describe_object(const struct gt_model *model,
			struct gt_symbols *symbols, const struct gt_object *o,
			char *buf);

/* "function file.c:12", without the file's directory. */
void gt_describe_frame(const struct gt_frame *frame, char *buf);

/* The frame where a goroutine is in its program's code: the innermost that is
 * not libgoro's; NULL: there is none. */
const struct gt_frame *gt_where(const struct gt_view *view,
				const struct gt_goroutine *g);

/* The frame of a call, for one that made something: NULL as above. */
const struct gt_frame *gt_where_made(const struct gt_view *view, uint32_t pc);

/* The variable at an address, "name" or "name+0x8"; false: none is known. */
bool gt_variable_at(struct gt_symbols *symbols, uint64_t addr, char *buf,
		    size_t bytes);

#endif
