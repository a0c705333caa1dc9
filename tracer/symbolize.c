// SPDX-License-Identifier: MIT
/*
 * symbolize.c - from PCs to functions, files and lines
 *
 * Sources    1. DWARF: the line table, and the scopes around the address with
 *               what was inlined there.
 *            2. The symbol tables, .symtab or .dynsym: a name and an offset.
 *            3. The module's name and an offset: `addr2line -e` takes it.
 * libc       Its debug information, where it is installed, takes 50 ms to
 *            unpack, and lines of its sources help nobody. Its symbol table
 *            has all that is wanted.
 */
#include "symbolize.h"

#include <dwarf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cu_index.h"

enum { FRAMES_MAX = 64 }; /* of one PC */

/* One PC that is being looked up. */
struct lookup {
	struct gt_symbols *s;
	uint64_t pc;   /* the true PC: offsets are counted to it */
	uint64_t addr; /* what is looked up, see gt_row_lookup() */
	const struct gt_module *module; /* that holds it, or NULL */
	Dwfl_Module *mod;
	const char *dir; /* that the unit was compiled in, or NULL */
	struct gt_frame frames[FRAMES_MAX];
	uint32_t n;
};

void
gt_symbols_init(struct gt_symbols *s, struct gt_modules *modules,
		const struct gt_pctab *pcs, const struct gt_abi *abi)
{
	const struct gt_module *module = gt_modules_find(modules, abi->table);

	*s = (struct gt_symbols){
		.modules = modules,
		.pcs = pcs,
		.runtime_lo = abi->t.text_lo,
		.runtime_hi = abi->t.text_hi,
	};
	if (!s->runtime_hi && module) {
		s->runtime_lo = module->start;
		s->runtime_hi = module->end;
	}
}

/* Is it a function of the runtime that only the runtime itself calls? */
static bool
is_internal(const struct lookup *l, const char *function)
{
	if (strncmp(function, "goro_", 5) == 0)
		return false;
	return (l->addr >= l->s->runtime_lo && l->addr < l->s->runtime_hi) ||
	       strncmp(function, "gr_", 3) == 0;
}

void
gt_symbols_fini(struct gt_symbols *s)
{
	for (size_t id = 0; id < s->n; id++) {
		for (uint32_t i = 0; i < s->v[id].n; i++) {
			free(s->v[id].frames[i].function);
			free(s->v[id].frames[i].file);
		}
		free(s->v[id].frames);
	}
	free(s->v);
	for (size_t i = 0; s->indexes && i < s->modules->n; i++)
		gt_cu_index_destroy(s->indexes[i]);
	free(s->indexes);
	*s = (struct gt_symbols){ 0 };
}

/* A file's name as it was given to the compiler, made absolute. */
static char *
full_path(const struct lookup *l, const char *file)
{
	char *path;

	if (!file || file[0] == '/' || !l->dir)
		return file ? strdup(file) : NULL;
	return asprintf(&path, "%s/%s", l->dir, file) < 0 ? NULL : path;
}

static void
push(struct lookup *l, const char *function, const char *file, int line,
     bool inlined)
{
	struct gt_frame *f = &l->frames[l->n];

	f->function = strdup(function);
	if (!f->function)
		return;
	f->file = full_path(l, file);
	f->line = line > 0 ? line : 0;
	f->offset = 0;
	f->inlined = inlined;
	f->internal = is_internal(l, function);
	l->n++;
}

/* The unit that holds the address, and the bias of its addresses. */
static bool
find_unit(struct lookup *l, Dwarf_Die *ret, Dwarf_Addr *bias)
{
	Dwarf_Die *unit = dwfl_module_addrdie(l->mod, l->addr, bias);

	if (unit) {
		*ret = *unit;
		return true;
	}
	Dwarf *dwarf = dwfl_module_getdwarf(l->mod, bias);
	struct gt_symbols *s = l->s;
	if (!dwarf)
		return false;
	if (!s->indexes)
		s->indexes = calloc(s->modules->n, sizeof(*s->indexes));
	if (!s->indexes)
		return false;
	size_t i = l->module - s->modules->v;
	if (!s->indexes[i])
		s->indexes[i] = gt_cu_index_create(dwarf);
	return s->indexes[i] &&
	       gt_cu_index_find(s->indexes[i], l->addr - *bias, ret);
}

/* Where a function was inlined: the file and line of the call. */
static void
call_site(Dwarf_Die *die, Dwarf_Die *unit, const char **file, int *line)
{
	Dwarf_Attribute attr;
	Dwarf_Word number;
	Dwarf_Files *files;
	size_t n;

	*file = NULL;
	*line = 0;
	if (dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &attr), &number) ==
		    0 &&
	    dwarf_getsrcfiles(unit, &files, &n) == 0 && number < n)
		*file = dwarf_filesrc(files, number, NULL, NULL);
	if (dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &attr), &number) ==
	    0)
		*line = (int)number;
}

/* How far into its function the PC is. A function may lie in pieces; then it
 * is how far into the piece. */
static uint64_t
function_offset(Dwarf_Die *function, Dwarf_Addr addr, uint64_t behind)
{
	Dwarf_Addr base, begin, end;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(function, at, &base, &begin, &end)) > 0)
		if (addr >= begin && addr < end)
			return addr - begin + behind;
	return 0;
}

/* Push the functions around the address, from the innermost. */
static bool
push_scopes(struct lookup *l, Dwarf_Die *unit, Dwarf_Addr addr,
	    const char *file, int line)
{
	GT_CLEANUP(gt_freep) Dwarf_Die *inner = NULL;
	GT_CLEANUP(gt_freep) Dwarf_Die *scopes = NULL;

	/* The first gives the innermost one, with the scopes of where it was
	 * written; the second, the scopes of where it is. */
	if (dwarf_getscopes(unit, addr, &inner) <= 0)
		return false;
	int n = dwarf_getscopes_die(&inner[0], &scopes);
	for (int i = 0; i < n && l->n < FRAMES_MAX; i++) {
		int tag = dwarf_tag(&scopes[i]);
		bool inlined = tag == DW_TAG_inlined_subroutine;

		if (!inlined && tag != DW_TAG_subprogram)
			continue;
		const char *name = dwarf_diename(&scopes[i]);
		push(l, name ? name : "??", file, line, inlined);
		if (!inlined && l->n) {
			l->frames[l->n - 1].offset = function_offset(
				&scopes[i], addr, l->pc - l->addr);
			return true;
		}
		call_site(&scopes[i], unit, &file, &line);
	}
	return false;
}

static void
drop_frames(struct lookup *l)
{
	while (l->n) {
		l->n--;
		free(l->frames[l->n].function);
		free(l->frames[l->n].file);
	}
}

/* Without a function in the debug information, or without any. */
static void
push_symbol(struct lookup *l, const char *file, int line)
{
	GElf_Off offset;
	GElf_Sym sym;
	const char *name = dwfl_module_addrinfo(l->mod, l->addr, &offset, &sym,
						NULL, NULL, NULL);

	if (!name)
		return;
	push(l, name, file, line, false);
	if (l->n) {
		l->frames[0].offset = offset + (l->pc - l->addr);
		/* name@VERSION */
		l->frames[0].function[strcspn(l->frames[0].function, "@")] =
			'\0';
	}
}

static void
push_module(struct lookup *l)
{
	char name[256];
	GElf_Addr bias;

	if (!l->module || !dwfl_module_getelf(l->mod, &bias)) {
		snprintf(name, sizeof(name), "0x%" PRIx64, l->pc);
		push(l, name, NULL, 0, false);
		return;
	}
	const char *path = l->module->map->path, *base = strrchr(path, '/');
	snprintf(name, sizeof(name), "%.200s+0x%" PRIx64,
		 base ? base + 1 : path, l->pc - bias);
	push(l, name, NULL, 0, false);
	if (l->n)
		l->frames[0].offset = l->pc - bias;
}

static bool
is_libc(const struct lookup *l)
{
	const char *base = strrchr(l->module->map->path, '/');

	return base && strncmp(base, "/libc.so.", 9) == 0;
}

static void
look_up(struct lookup *l)
{
	Dwarf_Die unit;
	Dwarf_Addr bias;
	const char *file = NULL;
	int line = 0;

	/* libdwfl's modules reach farther than they are mapped, to the end of
	 * all addresses even. */
	l->module = gt_modules_find(l->s->modules, l->addr);
	if (l->module)
		l->mod = dwfl_addrmodule(l->s->modules->dwfl, l->addr);
	if (l->mod && !is_libc(l) && find_unit(l, &unit, &bias)) {
		Dwarf_Line *src = dwarf_getsrc_die(&unit, l->addr - bias);
		Dwarf_Attribute dir;

		l->dir = dwarf_formstring(
			dwarf_attr(&unit, DW_AT_comp_dir, &dir));
		if (src) {
			file = dwarf_linesrc(src, NULL, NULL);
			dwarf_lineno(src, &line);
		}
		if (push_scopes(l, &unit, l->addr - bias, file, line))
			return;
		drop_frames(l);
	}
	if (l->mod)
		push_symbol(l, file, line);
	if (!l->n)
		push_module(l);
}

const struct gt_symbol *
gt_symbols_get(struct gt_symbols *s, uint32_t id)
{
	if (id >= s->n) {
		size_t n = s->pcs->n;
		struct gt_symbol *v = reallocarray(s->v, n, sizeof(*v));

		if (!v)
			return NULL;
		memset(v + s->n, 0, (n - s->n) * sizeof(*v));
		s->v = v;
		s->n = n;
	}
	struct gt_symbol *symbol = &s->v[id];
	if (symbol->n)
		return symbol;
	const struct gt_row *row = &s->pcs->rows[id];
	struct lookup l = {
		.s = s,
		.pc = gt_row_pc(row),
		.addr = gt_row_lookup(row),
	};
	look_up(&l);
	if (!l.n)
		return NULL;
	symbol->frames = malloc(l.n * sizeof(*symbol->frames));
	if (!symbol->frames) {
		drop_frames(&l);
		return NULL;
	}
	memcpy(symbol->frames, l.frames, l.n * sizeof(*symbol->frames));
	symbol->n = l.n;
	return symbol;
}
