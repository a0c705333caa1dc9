/* SPDX-License-Identifier: MIT */
/*
 * modules.h - the ELF files of a target, in one libdwfl session
 *
 * A module costs nothing until a PC falls into it: its file is opened then,
 * and its debug information when a PC of it is symbolized.
 */
#ifndef GT_MODULES_H
#define GT_MODULES_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "target.h"

struct gt_module {
	struct gt_target *t;
	const struct gt_map *map; /* of the file's start */
	uint64_t start, end;
	void *image; /* when the ELF was put together from memory */
};

struct gt_modules {
	Dwfl *dwfl;
	struct gt_module *v;
	size_t n;
};

/* Look for separate debug files below @dir too, before /usr/lib/debug: by build
 * id and by .gnu_debuglink. For all sessions from now on; @dir is absolute, and
 * without a colon. False: memory is short. */
bool gt_modules_debug_dir(const char *dir);

struct gt_error *gt_modules_init(struct gt_modules *m, struct gt_target *t);
void gt_modules_fini(struct gt_modules *m);

/* The module that holds @addr, or NULL. */
const struct gt_module *gt_modules_find(const struct gt_modules *m,
					uint64_t addr);

/* The build id of @module in hexadecimal digits, or "". */
enum { GT_BUILD_ID_TEXT = 2 * 64 + 1 };
void gt_module_build_id(const struct gt_modules *m,
			const struct gt_module *module,
			char ret[GT_BUILD_ID_TEXT]);

/* Copy what the files say is at @addr: text, unwind tables. It is the same
 * after the target is gone. */
bool gt_modules_read(struct gt_modules *m, uint64_t addr, void *buf,
		     size_t bytes);

/* elf_memory.c: an ELF image put together from what is mapped in
 * [start, end), or NULL. It uses *ret_image, which the caller frees later. */
Elf *gt_elf_from_memory(struct gt_target *t, uint64_t start, uint64_t end,
			void **ret_image);

#endif
