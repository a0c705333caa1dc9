// SPDX-License-Identifier: MIT
/*
 * lines.c - which line of which file an address comes from
 */
#include "lines.h"

#include <string.h>
#include <sys/mman.h>

enum {
	RANGES = 1 << 17,
	RANGES_BYTES = RANGES * sizeof(struct gr_line_range),
	MAX_SECTION = 128 << 20,
	GAP = 64, /* that the alignment of functions leaves */
};

static bool
find_section(const struct gr_image *im, const char *name,
	     struct gr_line_section *ret)
{
	Elf64_Shdr sh;

	if (!gr_image_section(im, name, 0, &sh) || sh.sh_type == SHT_NOBITS ||
	    (sh.sh_flags & SHF_COMPRESSED) || sh.sh_size > MAX_SECTION ||
	    sh.sh_offset > INT64_MAX - sh.sh_size)
		return false;
	ret->at = sh.sh_offset;
	ret->end = sh.sh_offset + sh.sh_size;
	return true;
}

/* Keep what a sequence covers; with the one before where they are of one unit
 * and touch, as all are that lie in one section. */
static void
add_range(struct gr_line_index *x, uint64_t lo, uint64_t hi, uint32_t unit)
{
	const struct gr_module *m = x->module;
	struct gr_line_range *last = x->n ? &x->range[x->n - 1] : NULL;

	/* Of code that the linker threw away the address is 0, or near. */
	if (lo < m->text_lo - m->bias || hi > m->text_hi - m->bias ||
	    hi <= lo || hi - lo > UINT32_MAX)
		return;
	if (last && last->unit == unit && lo >= last->lo + last->bytes &&
	    lo - (last->lo + last->bytes) < GAP && hi - last->lo <= UINT32_MAX)
		last->bytes = (uint32_t)(hi - last->lo);
	else if (x->n < RANGES)
		x->range[x->n++] =
			(struct gr_line_range){ lo, (uint32_t)(hi - lo), unit };
}

static void
add_unit(struct gr_lines *ls, struct gr_line_index *x,
	 const struct gr_line_unit *u)
{
	uint64_t lo = UINT64_MAX;

	gr_line_rows_begin(&ls->reader, u, &ls->row);
	while (gr_line_rows_next(&ls->reader, u, &ls->row)) {
		if (ls->row.address < lo)
			lo = ls->row.address;
		if (!ls->row.end)
			continue;
		add_range(x, lo, ls->row.address,
			  (uint32_t)(u->at - x->line.at));
		lo = UINT64_MAX;
	}
}

/* Place the reader at @at of the index's section. */
static void
read_from(struct gr_lines *ls, const struct gr_line_index *x, uint64_t at)
{
	struct gr_line_reader *r = &ls->reader;

	if (r->image != &x->image)
		r->window_n = 0;
	r->image = &x->image;
	r->at = at;
	r->end = x->line.end;
	r->bad = false;
}

static void
fill(struct gr_lines *ls, struct gr_line_index *x)
{
	struct gr_line_unit u;
	uint64_t at = x->line.at;

	read_from(ls, x, at);
	while (at < x->line.end && gr_line_unit_read(&ls->reader, &u)) {
		if (u.program)
			add_unit(ls, x, &u);
		at = u.end;
		read_from(ls, x, at);
	}
}

static void
close_index(struct gr_lines *ls, struct gr_line_index *x)
{
	if (!x->module)
		return;
	munmap(x->range, RANGES_BYTES);
	gr_image_close(&x->image);
	x->module = NULL;
	ls->reader.window_n = 0; /* it may be of this image */
}

/* False: @m has no lines that can be read. */
static bool
open_index(struct gr_lines *ls, struct gr_line_index *x,
	   const struct gr_module *m)
{
	void *memory;

	close_index(ls, x);
	memset(x, 0, sizeof(*x));
	if (!gr_module_open(m, &x->image))
		return false;
	if (!find_section(&x->image, ".debug_line", &x->line)) {
		gr_image_close(&x->image);
		return false;
	}
	memory = mmap(NULL, RANGES_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED) {
		gr_image_close(&x->image);
		return false;
	}
	find_section(&x->image, ".debug_line_str", &x->strings.line_str);
	find_section(&x->image, ".debug_str", &x->strings.str);
	x->module = m;
	x->range = memory;
	fill(ls, x);
	return true;
}

static struct gr_line_index *
index_of(struct gr_lines *ls, const struct gr_module *m)
{
	bool *none = &ls->none[m - ls->modules->module];
	struct gr_line_index *x = &ls->index[ls->next];

	if (*none)
		return NULL;
	for (size_t i = 0; i < GR_LINES_OPEN; i++)
		if (ls->index[i].module == m)
			return &ls->index[i];
	if (!open_index(ls, x, m)) {
		*none = true;
		return NULL;
	}
	ls->next = (ls->next + 1) % GR_LINES_OPEN;
	return x;
}

void
gr_lines_init(struct gr_lines *ls, const struct gr_modules *ms)
{
	gr_lines_fini(ls);
	ls->modules = ms;
	memset(ls->none, 0, sizeof(ls->none));
}

/* Close what is open. */
void
gr_lines_fini(struct gr_lines *ls)
{
	for (size_t i = 0; i < GR_LINES_OPEN; i++)
		close_index(ls, &ls->index[i]);
}

/* Let ls->before be the last row of @u that begins at or before @address, in a
 * sequence that holds it. */
static bool
find_row(struct gr_lines *ls, const struct gr_line_unit *u, uint64_t address)
{
	bool have = false; /* a row before, of the same sequence */

	gr_line_rows_begin(&ls->reader, u, &ls->row);
	while (gr_line_rows_next(&ls->reader, u, &ls->row)) {
		if (have && ls->before.address <= address &&
		    address < ls->row.address)
			return true;
		ls->before = ls->row;
		have = !ls->row.end;
	}
	return false;
}

/*
 * Find the line of @pc; of a return address, ask for the byte before it.
 *
 * @ret_file  out: its path, as the compiler was told
 *
 * Returns the line's number, or 0: it is not known
 */
uint32_t
gr_lines_find(struct gr_lines *ls, const struct gr_module *m, uintptr_t pc,
	      char *ret_file, size_t bytes)
{
	struct gr_line_index *x = index_of(ls, m);
	uint64_t address = pc - m->bias;
	struct gr_line_unit u;

	for (size_t i = 0; x && i < x->n; i++) {
		if (address - x->range[i].lo >= x->range[i].bytes)
			continue;
		read_from(ls, x, x->line.at + x->range[i].unit);
		if (gr_line_unit_read(&ls->reader, &u) && u.program &&
		    find_row(ls, &u, address) && ls->before.line &&
		    ls->before.line <= INT32_MAX &&
		    gr_line_file(&ls->reader, &u, &x->strings, ls->before.file,
				 ret_file, bytes))
			return (uint32_t)ls->before.line;
	}
	return 0;
}
