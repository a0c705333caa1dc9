/* SPDX-License-Identifier: MIT */
/*
 * abi_note.h - ELF images in a target's memory, and the note that points to
 * the debug ABI table
 */
#ifndef GT_ABI_NOTE_H
#define GT_ABI_NOTE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "target.h"

/* Call @found with the address that each "goro" note points to, until it
 * returns false. Needs neither files nor section headers. */
struct gt_error *gt_abi_notes(struct gt_target *t,
			      bool (*found)(uint64_t table, void *arg),
			      void *arg);

#endif
