/* SPDX-License-Identifier: MIT */
/*
 * core.h - what the parts of a core target share; for them only
 *
 * Idea       A core has what a process had written: stacks, heap, data, the
 *            first page of each ELF file. What it had only mapped (code, read-
 *            only data) is in the files, so a core is read together with them.
 * Trust      A file is read in place of memory only if its build id is the one
 *            that the core has, or the core has none. A core may end anywhere
 *            (a full disk, a limit): each read is checked by itself.
 */
#ifndef GT_CORE_H
#define GT_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target.h"

/* Memory that was there, of which the core has the first `file_bytes`. */
struct gt_core_segment {
	uint64_t addr, bytes, file_bytes, offset;
	uint32_t prot; /* GT_MAP_* */
};

struct gt_core_thread {
	int tid;
	struct gt_regs regs;
};

/* A file that was mapped, by map->inode - 1: cores do not tell inodes, so
 * they are made up. */
struct gt_core_file {
	bool tried;
	int fd; /* -1: there is none, or another one */
};

struct gt_core {
	struct gt_target base;
	int fd;
	uint64_t bytes;                   /* of the file, as long as it is */
	struct gt_core_segment *segments; /* sorted by `addr` */
	size_t segments_n;
	struct gt_core_thread *threads;
	size_t threads_n;
	struct gt_core_file *files;
	size_t files_n;
	uint64_t phdrs_addr, vdso_addr; /* of the program, and the vdso; or 0 */
	const char *exe;                /* to use for the program, or NULL */
};

/* core_notes.c: take in the notes in [offset, offset + bytes): threads, the
 * program's place, and the mapped files as mappings. A damaged note is left
 * out. */
struct gt_error *gt_core_notes(struct gt_core *core, uint64_t offset,
			       uint64_t bytes);

/* core_images.c: the same mappings when there is no such note. */
struct gt_error *gt_core_images(struct gt_core *core);

/* core_files.c: the file that @map maps, or -1; it stays the core's. */
int gt_core_file(struct gt_core *core, const struct gt_map *map);

/* Is @core->exe the program that the core is of? */
struct gt_error *gt_core_check_exe(struct gt_core *core);

/* target_core.c: copy what the core itself has; false: it lacks some of it. */
bool gt_core_read_own(struct gt_core *core, uint64_t addr, void *buf,
		      size_t bytes);

#endif
