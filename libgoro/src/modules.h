/* SPDX-License-Identifier: MIT */
/*
 * modules.h - what is loaded, as the kernel knows it
 *
 * Idea       The list is read from /proc/self/maps at the moment it is
 *            needed. The loader's own list needs the loader's lock
 *            (dl_iterate_phdr), which the thread that a signal interrupted
 *            may hold; the kernel's is always up to date and never in
 *            anybody's way. It also has the vdso.
 * Modules    An ELF header mapped from offset 0 of a file, whose program
 *            headers claim text that lies in an executable mapping. A program
 *            that maps a library as data has no such text, so no module.
 * Trust      The headers are checked; the unwind tables are bounded here, to
 *            one readable mapping, and checked by who reads them (cfi.h).
 * Memory     The caller's, about 120 KiB: static, for use in a handler.
 * Signals    Safe in a handler. One struct is filled by one thread.
 */
#ifndef GR_MODULES_H
#define GR_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image.h"

enum {
	GR_MODULES = 512,
	GR_MODULES_PATHS = 48 * 1024, /* all paths together */
	GR_MAPS_BUF = 8192,           /* more than the longest line */
};

struct gr_module {
	uintptr_t start, end; /* the mapping that begins with the header */
	uintptr_t bias;       /* address less ELF address */
	uintptr_t text_lo, text_hi;
	/* Unwind tables: readable from eh_lo to eh_hi, or both 0. */
	uintptr_t eh_lo, eh_hi;
	uintptr_t eh_hdr;   /* .eh_frame_hdr, or 0: it has none */
	uintptr_t eh_frame; /* then: .eh_frame, or 0 */
	bool stays;         /* the program, libc, ours: nobody can unload it */
	const char *path;   /* "[vdso]" too; without " (deleted)" */
	struct gr_build_id build_id;
};

/* A line of /proc/self/maps: "start-end perms offset device inode   path". */
struct gr_mapping {
	uintptr_t start, end, offset;
	bool readable, writable, executable;
	const char *path; /* not terminated */
	size_t path_bytes;
};

struct gr_maps {
	int fd;
	size_t at, n; /* what buf holds and nobody has read yet */
	char buf[GR_MAPS_BUF];
};

struct gr_modules {
	uint32_t n;
	uint32_t paths_used;
	struct gr_module module[GR_MODULES]; /* by ascending text_lo */
	char paths[GR_MODULES_PATHS];
	struct gr_maps maps; /* scratch of gr_modules_read() */
};

void gr_modules_read(struct gr_modules *ms);
const struct gr_module *gr_modules_find(const struct gr_modules *ms,
					uintptr_t pc);
const char *gr_module_name(const struct gr_module *m);
bool gr_module_open(const struct gr_module *m, struct gr_image *ret);

/* One mapping after the other, to the end: that closes it. A path is valid until
 * the next one is read. */
bool gr_maps_open(struct gr_maps *maps);
bool gr_maps_next(struct gr_maps *maps, struct gr_mapping *ret);
bool gr_mapping_of(struct gr_maps *maps, uintptr_t addr, uintptr_t *ret_lo,
		   uintptr_t *ret_hi);

#endif
