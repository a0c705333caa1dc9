/* SPDX-License-Identifier: MIT */
/*
 * line_table.h - one unit of .debug_line: the rows of its program, its files
 *
 * Idea       DWARF, versions 2 to 5, 32 and 64 bit, as compilers write it for
 *            the machines that we run on: one instruction at a time, no
 *            compressed sections. Whatever else is met is "no lines here".
 * Trust      None: everything is read by copying (image.h), and each number is
 *            used as an offset into a section whose end is checked.
 * Signals    Safe in a handler. One struct is used by one thread.
 */
#ifndef GR_LINE_TABLE_H
#define GR_LINE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image.h"

enum {
	GR_LINE_WINDOW = 8192,
	GR_LINE_OPCODES = 32, /* that a unit may name the lengths of */
};

/* A part of the file, read from its start to its end through a window. */
struct gr_line_reader {
	const struct gr_image *image;
	uint64_t at, end; /* offsets in the file */
	bool bad;         /* past the end, or the file cannot be read */
	uint64_t window_at;
	uint32_t window_n;
	uint8_t window[GR_LINE_WINDOW];
};

/* Offsets in the file, from and up to. */
struct gr_line_section {
	uint64_t at, end;
};

struct gr_line_unit {
	uint64_t at;     /* in the file; of its length */
	uint64_t tables; /* of its directories and files */
	uint64_t program, end;
	uint16_t version;
	bool wide; /* offsets have 8 bytes */
	uint8_t address_bytes;
	uint8_t instruction; /* least length */
	int8_t line_base;
	uint8_t line_range;
	uint8_t opcode_base;
	uint8_t lengths[GR_LINE_OPCODES]; /* operands of standard opcodes */
};

struct gr_line_row {
	uint64_t address;
	uint64_t file, line;
	bool end; /* the first address behind a sequence */
};

bool gr_line_unit_read(struct gr_line_reader *r, struct gr_line_unit *ret);
void gr_line_rows_begin(struct gr_line_reader *r, const struct gr_line_unit *u,
			struct gr_line_row *row);
bool gr_line_rows_next(struct gr_line_reader *r, const struct gr_line_unit *u,
		       struct gr_line_row *row);

/* Where the strings of a unit may lie. */
struct gr_line_strings {
	struct gr_line_section line_str, str; /* empty: not there */
};

bool gr_line_file(struct gr_line_reader *r, const struct gr_line_unit *u,
		  const struct gr_line_strings *strings, uint64_t file,
		  char *ret, size_t bytes);

#endif
