/* SPDX-License-Identifier: MIT */
/*
 * names.h - what each PC of a report is called, looked up once
 *
 * Idea       A million stacks have a few hundred distinct PCs. Each is named
 *            from its module's symbol table when it is first met, and kept in
 *            a hash table; what no longer fits is looked up each time.
 * Lines      Only for who brings a struct gr_lines. gr_names_addresses() lists
 *            the PCs shown by module, as commands for addr2line: it knows of
 *            inlined functions too, and where the lines are kept elsewhere.
 * Memory     The caller's, static: about 250 KiB.
 * Signals    Safe in a handler. One struct is used by one thread.
 */
#ifndef GR_NAMES_H
#define GR_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lines.h"
#include "modules.h"
#include "out.h"
#include "symtab.h"

enum {
	GR_NAMES = 2048, /* slots of the table; a power of two */
	GR_NAMES_BYTES = 128 * 1024,
	GR_NAME_MAX = 512, /* C++ makes long ones */
};

struct gr_name {
	uintptr_t pc;                   /* 0: free */
	uintptr_t start;                /* of the function; 0: not known */
	const char *text;               /* "" when it has none */
	const struct gr_module *module; /* NULL: in none */
	const char *file;               /* NULL: not known */
	uint32_t line;
	uint32_t frame_bytes;
	const char *frame; /* for who prints it: its lines; NULL: not yet */
	bool shown;
};

struct gr_names {
	const struct gr_modules *modules;
	uint32_t n;
	uint32_t text_used;
	uint16_t order[GR_NAMES]; /* slots by time of filling */
	struct gr_name slot[GR_NAMES];
	struct gr_name extra; /* the answer that does not fit */
	struct gr_symtab symtab;
	bool symtab_open, symtab_good; /* it is symtab.module's */
	bool bare; /* look into no file: module and offset have to do */
	struct gr_lines *lines; /* NULL: of no interest */
	const char *last_file;  /* the last that was kept */
	char text[GR_NAMES_BYTES];
	char scratch[GR_NAME_MAX];
	char scratch_file[GR_FILE_MAX];
};

void gr_names_init(struct gr_names *ns, const struct gr_modules *ms);
void gr_names_fini(struct gr_names *ns);
struct gr_name *gr_names_get(struct gr_names *ns, uintptr_t pc);
bool gr_names_variable(struct gr_names *ns, uintptr_t addr, char *ret,
		       size_t bytes);
void gr_names_addresses(struct gr_names *ns, struct gr_out *o);

const struct gr_module *gr_names_library(const struct gr_modules *ms);
bool gr_name_is_internal(const struct gr_name *name,
			 const struct gr_module *library);

#endif
