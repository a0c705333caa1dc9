/* SPDX-License-Identifier: MIT */
/*
 * lines.h - which line of which file an address comes from
 *
 * Idea       The file that the module was loaded from has them, in
 *            .debug_line. Its programs are run once, from the first to the
 *            last, to learn which unit covers which addresses; after that
 *            an address costs one run of one unit. Debug information itself
 *            is not read: that would tell inlined functions apart, but takes a
 *            reader ten times as large. A line is therefore where the code
 *            was written, and the function beside it the one that it became
 *            a part of.
 * Lost       Loading elfutils into a process that is stuck: the loader's and
 *            malloc's locks may be what it is stuck at, and a library that was
 *            loaded early costs every program its memory and its symbols for
 *            a report that most never print.
 * Lost       A helper process that reads for us: fork() in a program of
 *            unknown state, a tool that has to be installed and found, and a
 *            pipe to wait for.
 * Bounds     Sections above 128 MiB are passed over, so a report stays one of
 *            a second. Compressed sections too, and separate debug files:
 *            addr2line and goro-dump know of both.
 * Memory     The caller's struct, static, 25 KiB; and 2 MiB of address space
 *            a module while it is open, touched as far as needed.
 * Signals    Safe in a handler: pread(), mmap() and nothing else. One struct
 *            is used by one thread.
 */
#ifndef GR_LINES_H
#define GR_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "line_table.h"
#include "modules.h"

enum {
	GR_LINES_OPEN = 4, /* modules at a time; most have no lines */
	GR_FILE_MAX = 512,
};

/* The addresses of one sequence of one unit. */
struct gr_line_range {
	uint64_t lo; /* ELF address */
	uint32_t bytes;
	uint32_t unit; /* offset in .debug_line */
};

struct gr_line_index {
	const struct gr_module *module; /* NULL: free */
	struct gr_image image;
	struct gr_line_section line;
	struct gr_line_strings strings;
	struct gr_line_range *range;
	size_t n;
};

struct gr_lines {
	struct gr_line_index index[GR_LINES_OPEN];
	unsigned next; /* that is to make room */
	const struct gr_modules *modules;
	bool none[GR_MODULES]; /* those without lines, by their number */
	struct gr_line_reader reader;
	struct gr_line_row row, before;
};

void gr_lines_init(struct gr_lines *ls, const struct gr_modules *ms);
void gr_lines_fini(struct gr_lines *ls);
uint32_t gr_lines_find(struct gr_lines *ls, const struct gr_module *m,
		       uintptr_t pc, char *ret_file, size_t bytes);

#endif
