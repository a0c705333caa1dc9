/* SPDX-License-Identifier: MIT */
/*
 * cu_index.h - which compilation unit holds an address
 *
 * libdw answers that from .debug_aranges, which clang does not write. Then
 * this index does, made from the ranges of the units themselves.
 */
#ifndef GT_CU_INDEX_H
#define GT_CU_INDEX_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>

struct gt_cu_index;

/* An index over all units of @dwarf; NULL when memory is short. */
struct gt_cu_index *gt_cu_index_create(Dwarf *dwarf);
void gt_cu_index_destroy(struct gt_cu_index *index);

/* The unit that holds @addr, as the file counts addresses. */
bool gt_cu_index_find(const struct gt_cu_index *index, Dwarf_Addr addr,
		      Dwarf_Die *ret);

#endif
