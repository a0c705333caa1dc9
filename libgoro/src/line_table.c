// SPDX-License-Identifier: MIT
/*
 * line_table.c - one unit of .debug_line: the rows of its program, its files
 */
#include "line_table.h"

#include <string.h>

/* What the DWARF standard calls DW_LNS_*, DW_LNE_*, DW_LNCT_* and DW_FORM_*. */
enum {
	LNS_EXTENDED = 0,
	LNS_COPY = 1,
	LNS_ADVANCE_PC = 2,
	LNS_ADVANCE_LINE = 3,
	LNS_SET_FILE = 4,
	LNS_CONST_ADD_PC = 8,
	LNS_FIXED_ADVANCE_PC = 9,
	LNE_END_SEQUENCE = 1,
	LNE_SET_ADDRESS = 2,
	LNCT_PATH = 1,
	LNCT_DIRECTORY = 2,
	FORM_BLOCK2 = 0x03,
	FORM_BLOCK4 = 0x04,
	FORM_DATA2 = 0x05,
	FORM_DATA4 = 0x06,
	FORM_DATA8 = 0x07,
	FORM_STRING = 0x08,
	FORM_BLOCK = 0x09,
	FORM_BLOCK1 = 0x0a,
	FORM_DATA1 = 0x0b,
	FORM_STRP = 0x0e,
	FORM_UDATA = 0x0f,
	FORM_DATA16 = 0x1e,
	FORM_LINE_STRP = 0x1f,
	MAX_COLUMNS = 16, /* of a table of files; there are 5 kinds */
};

static uint8_t
u8(struct gr_line_reader *r)
{
	if (r->at - r->window_at >= r->window_n) {
		uint64_t left = r->end > r->at ? r->end - r->at : 0;

		r->window_at = r->at;
		r->window_n = left < GR_LINE_WINDOW ? (uint32_t)left :
						      GR_LINE_WINDOW;
		if (!r->window_n ||
		    !gr_image_read(r->image, r->at, r->window, r->window_n)) {
			r->window_n = 0;
			r->bad = true;
			return 0;
		}
	}
	return r->window[r->at++ - r->window_at];
}

/* Little-endian, as all that we run on. */
static uint64_t
fixed(struct gr_line_reader *r, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)u8(r) << 8 * i;
	return v;
}

static uint64_t
leb(struct gr_line_reader *r, bool is_signed)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = u8(r);
		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (is_signed && (byte & 0x40) && shift < 64)
		v |= ~UINT64_C(0) << shift;
	return v;
}

static void
skip(struct gr_line_reader *r, uint64_t n)
{
	if (n > r->end - r->at)
		r->bad = true;
	else
		r->at += n;
}

static void
skip_string(struct gr_line_reader *r)
{
	while (u8(r))
		;
}

/*
 * Read the unit that begins at @r; afterwards @r is behind it, also where it
 * is one that cannot be used: @ret->program is 0 then.
 *
 * Returns false when there is no next unit
 */
bool
gr_line_unit_read(struct gr_line_reader *r, struct gr_line_unit *ret)
{
	uint64_t n, section_end = r->end, after;

	memset(ret, 0, sizeof(*ret));
	ret->at = r->at;
	n = fixed(r, 4);
	ret->wide = n == 0xffffffff;
	if (ret->wide)
		n = fixed(r, 8);
	if (r->bad || !n || n > section_end - r->at)
		return false;
	ret->end = r->end = r->at + n;
	ret->version = (uint16_t)fixed(r, 2);
	ret->address_bytes = 8;
	if (ret->version >= 5) {
		ret->address_bytes = u8(r);
		u8(r); /* of a segment's selector */
	}
	n = fixed(r, ret->wide ? 8 : 4);
	after = n <= r->end - r->at ? r->at + n : 0;
	ret->instruction = u8(r);
	if (ret->version >= 4 && u8(r) != 1)
		after = 0; /* several operations in one instruction */
	u8(r);
	ret->line_base = (int8_t)u8(r);
	ret->line_range = u8(r);
	ret->opcode_base = u8(r);
	if (ret->opcode_base > GR_LINE_OPCODES)
		after = 0;
	for (unsigned i = 1; after && i < ret->opcode_base; i++)
		ret->lengths[i] = u8(r);
	ret->tables = r->at;
	if (!r->bad && ret->version >= 2 && ret->version <= 5 &&
	    ret->address_bytes == 8 && ret->line_range && ret->opcode_base)
		ret->program = after;
	/* What was wrong within the unit is its own affair. */
	r->at = ret->end;
	r->end = section_end;
	r->bad = false;
	return true;
}

static void
start_sequence(struct gr_line_row *row)
{
	*row = (struct gr_line_row){ .file = 1, .line = 1 };
}

/* Place @r at the first row of @u, whose program is not 0. */
void
gr_line_rows_begin(struct gr_line_reader *r, const struct gr_line_unit *u,
		   struct gr_line_row *row)
{
	r->at = u->program;
	r->end = u->end;
	r->bad = false;
	start_sequence(row);
}

/* True: it makes a row, the last of a sequence. */
static bool
extended(struct gr_line_reader *r, struct gr_line_row *row)
{
	uint64_t n = leb(r, false), next;
	uint8_t op;

	if (!n || n > r->end - r->at) {
		r->bad = true;
		return false;
	}
	next = r->at + n;
	op = u8(r);
	if (op == LNE_SET_ADDRESS && n == 9)
		row->address = fixed(r, 8);
	row->end = op == LNE_END_SEQUENCE;
	r->at = next;
	return row->end;
}

/* True: it makes a row. */
static bool
standard(struct gr_line_reader *r, const struct gr_line_unit *u,
	 struct gr_line_row *row, uint8_t op)
{
	switch (op) {
	case LNS_COPY:
		return true;
	case LNS_ADVANCE_PC:
		row->address += leb(r, false) * u->instruction;
		break;
	case LNS_ADVANCE_LINE:
		row->line += leb(r, true);
		break;
	case LNS_SET_FILE:
		row->file = leb(r, false);
		break;
	case LNS_CONST_ADD_PC:
		row->address += (uint64_t)((255 - u->opcode_base) /
					   u->line_range) *
				u->instruction;
		break;
	case LNS_FIXED_ADVANCE_PC:
		row->address += fixed(r, 2);
		break;
	default:
		for (uint8_t i = 0; i < u->lengths[op]; i++)
			leb(r, false);
	}
	return false;
}

/* The next row, made of @row, the one before. False: there is none. */
bool
gr_line_rows_next(struct gr_line_reader *r, const struct gr_line_unit *u,
		  struct gr_line_row *row)
{
	if (row->end)
		start_sequence(row);
	while (r->at < r->end && !r->bad) {
		uint8_t op = u8(r);

		if (op >= u->opcode_base) {
			unsigned n = op - u->opcode_base;

			row->address += (uint64_t)(n / u->line_range) *
					u->instruction;
			row->line += (uint64_t)(u->line_base +
						(int)(n % u->line_range));
			return !r->bad;
		}
		if (op == LNS_EXTENDED ? extended(r, row) :
					 standard(r, u, row, op))
			return !r->bad;
	}
	return false;
}

/* --- Files ----------------------------------------------------------------- */

/* A file's name and directory, or a directory's name. Names are offsets in the
 * file that is read; 0: none. */
struct entry {
	uint64_t name;
	uint64_t directory;
};

static uint64_t
string_in(const struct gr_line_section *s, uint64_t offset)
{
	return offset < s->end - s->at ? s->at + offset : 0;
}

/* One column of an entry of version 5. */
static void
take_column(struct gr_line_reader *r, const struct gr_line_unit *u,
	    const struct gr_line_strings *strings, uint64_t kind, uint64_t form,
	    struct entry *e)
{
	uint64_t number = 0, string = 0;

	switch (form) {
	case FORM_STRING:
		string = r->at;
		skip_string(r);
		break;
	case FORM_LINE_STRP:
	case FORM_STRP:
		string = string_in(form == FORM_STRP ? &strings->str :
						       &strings->line_str,
				   fixed(r, u->wide ? 8 : 4));
		break;
	case FORM_UDATA:
		number = leb(r, false);
		break;
	case FORM_DATA1:
		number = fixed(r, 1);
		break;
	case FORM_DATA2:
		number = fixed(r, 2);
		break;
	case FORM_DATA4:
		number = fixed(r, 4);
		break;
	case FORM_DATA8:
		number = fixed(r, 8);
		break;
	case FORM_DATA16: /* a checksum */
		skip(r, 16);
		break;
	case FORM_BLOCK:
		skip(r, leb(r, false));
		break;
	case FORM_BLOCK1:
		skip(r, fixed(r, 1));
		break;
	case FORM_BLOCK2:
		skip(r, fixed(r, 2));
		break;
	case FORM_BLOCK4:
		skip(r, fixed(r, 4));
		break;
	default:
		r->bad = true;
	}
	if (kind == LNCT_PATH)
		e->name = string;
	if (kind == LNCT_DIRECTORY)
		e->directory = number;
}

/* Read over a table of version 5 and keep entry @i. */
static void
table5(struct gr_line_reader *r, const struct gr_line_unit *u,
       const struct gr_line_strings *strings, uint64_t i, struct entry *ret)
{
	uint64_t kind[MAX_COLUMNS], form[MAX_COLUMNS], n;
	uint8_t columns = u8(r);

	if (columns > MAX_COLUMNS) {
		r->bad = true;
		return;
	}
	for (uint8_t c = 0; c < columns; c++) {
		kind[c] = leb(r, false);
		form[c] = leb(r, false);
	}
	n = leb(r, false);
	/* Entries without columns have no bytes that would end. */
	for (uint64_t k = 0; columns && k < n && !r->bad; k++) {
		struct entry e = { 0 };

		for (uint8_t c = 0; c < columns; c++)
			take_column(r, u, strings, kind[c], form[c], &e);
		if (k == i)
			*ret = e;
	}
}

/* The same of a table of an older version, which counts from 1. */
static void
table2(struct gr_line_reader *r, bool files, uint64_t i, struct entry *ret)
{
	for (uint64_t k = 1; !r->bad; k++) {
		struct entry e = { .name = r->at };

		if (!u8(r))
			return;
		skip_string(r);
		if (files) {
			e.directory = leb(r, false);
			leb(r, false); /* time and size */
			leb(r, false);
		}
		if (k == i)
			*ret = e;
	}
}

/* Find directory @dir and file @file; what is not there is left as it is. */
static void
read_tables(struct gr_line_reader *r, const struct gr_line_unit *u,
	    const struct gr_line_strings *strings, uint64_t dir, uint64_t file,
	    struct entry *ret_dir, struct entry *ret_file)
{
	r->at = u->tables;
	r->end = u->program;
	r->bad = false;
	if (u->version >= 5) {
		table5(r, u, strings, dir, ret_dir);
		table5(r, u, strings, file, ret_file);
	} else {
		table2(r, false, dir, ret_dir);
		table2(r, true, file, ret_file);
	}
}

/* Append the string at @at of the file. False: it does not fit. */
static bool
append(const struct gr_line_reader *r, uint64_t at, char *to, size_t bytes)
{
	size_t n = strlen(to), part = 32;

	if (n && to[n - 1] != '/' && n + 1 < bytes)
		to[n++] = '/';
	while (n + part <= bytes) {
		if (!gr_image_read(r->image, at, &to[n], part)) {
			if (part == 1)
				return false;
			part = 1; /* it is near the end of the file */
			continue;
		}
		if (memchr(&to[n], '\0', part))
			return true;
		n += part;
		at += part;
	}
	return false;
}

/* Is there a string at @at that begins with a slash? */
static bool
is_absolute(const struct gr_line_reader *r, uint64_t at)
{
	char first;

	return at && gr_image_read(r->image, at, &first, 1) && first == '/';
}

/* The name of file @file of unit @u, cut to nothing where it is too long. */
bool
gr_line_file(struct gr_line_reader *r, const struct gr_line_unit *u,
	     const struct gr_line_strings *strings, uint64_t file, char *ret,
	     size_t bytes)
{
	struct entry root = { 0 }, dir = { 0 }, name = { 0 };

	*ret = '\0';
	read_tables(r, u, strings, 0, file, &root, &name);
	if (name.directory)
		read_tables(r, u, strings, name.directory, file, &dir, &name);
	if (!name.name || r->bad)
		return false;
	if (!is_absolute(r, name.name)) {
		if (root.name && !is_absolute(r, dir.name) &&
		    !append(r, root.name, ret, bytes))
			return false;
		if (dir.name && !append(r, dir.name, ret, bytes))
			return false;
	}
	return append(r, name.name, ret, bytes);
}
