/* SPDX-License-Identifier: MIT */
/*
 * eh_frame.h - unwind information in files that have no index of it
 */
#ifndef GT_EH_FRAME_H
#define GT_EH_FRAME_H

#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Find the FDE of @addr, as the file counts addresses, by going through all of
 * .eh_frame. For files without .eh_frame_hdr: `gcc -static` makes such.
 *
 * *ret_start  where its function begins
 * *ret_fde    where the FDE is, as an address
 */
bool gt_eh_frame_find(Elf *elf, uint64_t addr, uint64_t *ret_start,
		      uint64_t *ret_fde);

#endif
