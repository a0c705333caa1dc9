/* SPDX-License-Identifier: MIT */
/*
 * symtab.h - which function an address belongs to
 *
 * Idea       The file that the module was loaded from has the names: .symtab,
 *            or in a stripped one .dynsym, whose exported functions are
 *            better than nothing. A look-up reads the whole table through a
 *            small buffer; whoever prints keeps the answers, as a report of
 *            a million stacks has a few hundred distinct PCs.
 * Lost       Mapping the file and sorting the table: needs memory in the
 *            moment when it may be short, and a fault where the file was cut
 *            short meanwhile.
 * Trust      None; see image.h.
 * Signals    Safe in a handler: no state beyond the caller's struct.
 * Not here   lines and inlined functions: the tracer has them
 */
#ifndef GR_SYMTAB_H
#define GR_SYMTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules.h"

enum {
	GR_SYMTAB_BATCH = 512, /* symbols read at a time: 12 KiB */
};

struct gr_symtab {
	const struct gr_module *module;
	struct gr_image image;
	uint64_t symbols, symbols_n; /* offset in the file, number */
	uint64_t strings, strings_bytes;
	bool complete;                    /* .symtab: local functions too */
	Elf64_Sym batch[GR_SYMTAB_BATCH]; /* scratch of gr_symtab_find() */
};

bool gr_symtab_open(struct gr_symtab *st, const struct gr_module *m);
void gr_symtab_close(struct gr_symtab *st);
bool gr_symtab_find(struct gr_symtab *st, uintptr_t pc, char *ret_name,
		    size_t bytes, uintptr_t *ret_start);
bool gr_symtab_find_variable(struct gr_symtab *st, uintptr_t addr,
			     char *ret_name, size_t bytes,
			     uintptr_t *ret_start);

#endif
