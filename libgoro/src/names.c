// SPDX-License-Identifier: MIT
/*
 * names.c - what each PC of a report is called, looked up once
 */
#include "names.h"

#include <string.h>
#include <sys/auxv.h>

/* Bounds of libgoro.a's text, see libgoro/CMakeLists.txt; absent from the
 * shared library, which is a module of its own. */
extern const char __start_goro_text[] __attribute__((weak, visibility("hidde"
								      "n")));
extern const char __stop_goro_text[] __attribute__((weak, visibility("hidde"
								     "n")));

enum {
	ADDRESSES_A_LINE = 200, /* well below what a command line may hold */
	FULL = GR_NAMES * 3 / 4,
};

/* Close what is open. */
void
gr_names_fini(struct gr_names *ns)
{
	if (ns->symtab_good)
		gr_symtab_close(&ns->symtab);
	if (ns->lines)
		gr_lines_fini(ns->lines);
	ns->symtab_open = ns->symtab_good = ns->bare = false;
	ns->lines = NULL;
}

void
gr_names_init(struct gr_names *ns, const struct gr_modules *ms)
{
	gr_names_fini(ns);
	ns->modules = ms;
	ns->n = ns->text_used = 0;
	ns->last_file = NULL;
	memset(ns->slot, 0, sizeof(ns->slot));
}

/* The symbol table of @m; NULL: none to be had. One is kept open, as the PCs
 * of one module tend to come together. */
static struct gr_symtab *
symtab_of(struct gr_names *ns, const struct gr_module *m)
{
	if (!ns->symtab_open || ns->symtab.module != m) {
		if (ns->symtab_good)
			gr_symtab_close(&ns->symtab);
		ns->symtab_good = gr_symtab_open(&ns->symtab, m);
		ns->symtab_open = true;
	}
	return ns->symtab_good ? &ns->symtab : NULL;
}

/*
 * A function may be in pieces, which compilers name deep.cold, deep.part.0 and
 * the like. Call them by the function's name. How far into the piece a PC is
 * says nothing then.
 */
static void
cut_suffix(struct gr_name *name, char *text)
{
	char *dot = strchr(text, '.');

	if (!dot || dot == text)
		return;
	*dot = '\0';
	name->start = 0;
}

/*
 * A name is whatever the file says. Parsers of tracebacks split it at
 * brackets, slashes and blanks, and decode percent signs; terminals obey
 * control characters.
 */
static void
make_harmless(char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s >= 0x7f || strchr("()/%\\", *s))
			*s = '_';
}

/* Keep a copy of @s; NULL: no room. */
static const char *
keep_text(struct gr_names *ns, const char *s)
{
	size_t n = strlen(s) + 1;
	char *to = ns->text + ns->text_used;

	if (n > sizeof(ns->text) - ns->text_used)
		return NULL;
	memcpy(to, s, n);
	ns->text_used += (uint32_t)n;
	return to;
}

static void
resolve(struct gr_names *ns, uintptr_t pc, struct gr_name *ret)
{
	const struct gr_module *m = gr_modules_find(ns->modules, pc);
	struct gr_symtab *st = m && !ns->bare ? symtab_of(ns, m) : NULL;

	*ret = (struct gr_name){ .pc = pc, .text = "", .module = m };
	if (st && gr_symtab_find(st, pc, ns->scratch, sizeof(ns->scratch),
				 &ret->start)) {
		cut_suffix(ret, ns->scratch);
		make_harmless(ns->scratch);
		ret->text = ns->scratch;
	}
	if (m && ns->lines && !ns->bare) {
		ret->line = gr_lines_find(ns->lines, m, pc, ns->scratch_file,
					  sizeof(ns->scratch_file));
		if (ret->line)
			ret->file = ns->scratch_file;
	}
}

/* Copy what @name points to, out of scratch. False: no room. */
static bool
keep(struct gr_names *ns, struct gr_name *name)
{
	if (*name->text && !(name->text = keep_text(ns, name->text)))
		return false;
	if (!name->file)
		return true;
	/* Functions of one file tend to come together. */
	if (!ns->last_file || strcmp(ns->last_file, name->file) != 0)
		ns->last_file = keep_text(ns, name->file);
	name->file = ns->last_file;
	return name->file != NULL;
}

/* The variable that @addr lies in; false: none that is known. Those that begin
 * as zeros lie behind what is mapped of their module's file. */
bool
gr_names_variable(struct gr_names *ns, uintptr_t addr, char *ret, size_t bytes)
{
	const struct gr_module *m = NULL;
	struct gr_symtab *st;
	uintptr_t start;

	for (uint32_t i = 0; i < ns->modules->n; i++) {
		const struct gr_module *x = &ns->modules->module[i];

		if (x->start <= addr && (!m || x->start > m->start))
			m = x;
	}
	st = m && !ns->bare ? symtab_of(ns, m) : NULL;
	if (!st || !gr_symtab_find_variable(st, addr, ret, bytes, &start))
		return false;
	make_harmless(ret);
	return true;
}

/*
 * The name of @pc; of a return address, ask for the byte before it. Valid
 * until the next call.
 */
struct gr_name *
gr_names_get(struct gr_names *ns, uintptr_t pc)
{
	uint32_t h = (uint32_t)(pc * 0x9e3779b97f4a7c15ull >> 32);
	struct gr_name *slot;

	for (;; h++) {
		slot = &ns->slot[h % GR_NAMES];
		if (!slot->pc)
			break;
		if (slot->pc == pc)
			return slot;
	}
	resolve(ns, pc, &ns->extra);
	if (ns->n == FULL || !pc)
		return &ns->extra;
	*slot = ns->extra;
	if (!keep(ns, slot)) {
		slot->pc = 0;
		return &ns->extra;
	}
	ns->order[ns->n++] = (uint16_t)(h % GR_NAMES);
	return slot;
}

static void
put_build_id(const struct gr_build_id *id, struct gr_out *o)
{
	gr_out_str(o, " # build id ");
	for (unsigned i = 0; i < id->n; i++) {
		char two[2] = { "0123456789abcdef"[id->bytes[i] >> 4],
				"0123456789abcdef"[id->bytes[i] & 15] };

		gr_out_bytes(o, two, 2);
	}
}

/* A path as a shell takes it: in quotes if there is any need. */
static void
put_path(const char *path, struct gr_out *o)
{
	bool plain = true;

	for (const char *p = path; *p; p++)
		plain &= (*p >= '0' && *p <= '9') ||
			 ((*p | 32) >= 'a' && (*p | 32) <= 'z') ||
			 strchr("/._+-", *p);
	if (plain) {
		gr_out_str(o, path);
		return;
	}
	gr_out_str(o, "'");
	for (; *path; path++)
		if (*path == '\'')
			gr_out_str(o, "'\\''");
		else if ((unsigned char)*path < ' ' || *path == 0x7f)
			gr_out_str(o, "?"); /* a terminal would obey it */
		else
			gr_out_bytes(o, path, 1);
	gr_out_str(o, "'");
}

/*
 * Print how to find lines for the PCs that were shown:
 *
 *	addr2line -aifpe /usr/bin/server 0x11f9 0x124a # build id 8f3c...
 */
void
gr_names_addresses(struct gr_names *ns, struct gr_out *o)
{
	for (uint32_t k = 0; k < ns->modules->n; k++) {
		const struct gr_module *m = &ns->modules->module[k];
		unsigned on_line = 0;

		if (m->path[0] != '/')
			continue; /* the vdso: has no file */
		for (uint32_t i = 0; i < ns->n; i++) {
			const struct gr_name *name = &ns->slot[ns->order[i]];

			if (name->module != m || !name->shown)
				continue;
			if (on_line == ADDRESSES_A_LINE) {
				gr_out_str(o, "\n");
				on_line = 0;
			}
			if (!on_line++) {
				gr_out_str(o, "addr2line -aifpe ");
				put_path(m->path, o);
			}
			gr_out_str(o, " ");
			gr_out_hex(o, name->pc - m->bias);
		}
		if (!on_line)
			continue;
		if (m->build_id.n)
			put_build_id(&m->build_id, o);
		gr_out_str(o, "\n");
	}
}

/* The module that is libgoro's alone, or NULL: it is part of the program. */
const struct gr_module *
gr_names_library(const struct gr_modules *ms)
{
	const struct gr_module *m = gr_modules_find(
		ms, (uintptr_t)gr_names_library);
	uintptr_t program = getauxval(AT_PHDR);

	return m && (program < m->start || program >= m->end) ? m : NULL;
}

/* One of the runtime's own functions, which say nothing to its users? */
bool
gr_name_is_internal(const struct gr_name *name, const struct gr_module *library)
{
	if (!strncmp(name->text, "goro_", 5))
		return false;
	if (name->module && name->module == library)
		return true;
	return (name->pc >= (uintptr_t)__start_goro_text &&
		name->pc < (uintptr_t)__stop_goro_text) ||
	       !strncmp(name->text, "gr_", 3);
}
