// SPDX-License-Identifier: MIT
/*
 * symtab.c - which function an address belongs to
 */
#include "symtab.h"

#include <string.h>

enum {
	MAX_SYMBOLS = 1 << 24, /* 384 MiB of them: more is not a table */
};

static bool
use_section(struct gr_symtab *st, uint32_t type)
{
	Elf64_Shdr sh, names;

	if (!gr_image_section(&st->image, NULL, type, &sh) ||
	    sh.sh_entsize != sizeof(Elf64_Sym) ||
	    !gr_image_shdr(&st->image, sh.sh_link, &names) ||
	    names.sh_type != SHT_STRTAB)
		return false;
	st->symbols = sh.sh_offset;
	st->symbols_n = sh.sh_size / sizeof(Elf64_Sym);
	if (st->symbols_n > MAX_SYMBOLS)
		st->symbols_n = MAX_SYMBOLS;
	st->strings = names.sh_offset;
	st->strings_bytes = names.sh_size;
	st->complete = type == SHT_SYMTAB;
	return true;
}

/* False when there are no names to be had; otherwise close it afterwards. */
bool
gr_symtab_open(struct gr_symtab *st, const struct gr_module *m)
{
	st->module = m;
	if (!gr_module_open(m, &st->image))
		return false;
	if (use_section(st, SHT_SYMTAB) || use_section(st, SHT_DYNSYM))
		return true;
	gr_image_close(&st->image);
	return false;
}

void
gr_symtab_close(struct gr_symtab *st)
{
	gr_image_close(&st->image);
}

static bool
is_function(const Elf64_Sym *sym)
{
	unsigned type = ELF64_ST_TYPE(sym->st_info);

	return sym->st_shndx != SHN_UNDEF && sym->st_name &&
	       (type == STT_FUNC || type == STT_GNU_IFUNC);
}

static bool
is_variable(const Elf64_Sym *sym)
{
	return sym->st_shndx != SHN_UNDEF && sym->st_name &&
	       ELF64_ST_TYPE(sym->st_info) == STT_OBJECT;
}

/* Of two names for one address: global, then weak, then local. */
static int
binding_rank(const Elf64_Sym *sym)
{
	switch (ELF64_ST_BIND(sym->st_info)) {
	case STB_GLOBAL:
		return 2;
	case STB_WEAK:
		return 1;
	default:
		return 0;
	}
}

/*
 * Is @a a better answer for @address than @b? The one that holds it is; of
 * several, the one that starts last. One without a size (written in assembly,
 * without .size) reaches to the next function, if we know all of them.
 */
static bool
better(const Elf64_Sym *a, const Elf64_Sym *b, uint64_t address)
{
	bool a_holds = address - a->st_value < a->st_size;
	bool b_holds = address - b->st_value < b->st_size;

	if (!b->st_name)
		return true;
	if (a_holds != b_holds)
		return a_holds;
	if (a->st_value != b->st_value)
		return a->st_value > b->st_value;
	return binding_rank(a) > binding_rank(b);
}

static bool
read_name(const struct gr_symtab *st, uint32_t offset, char *ret, size_t bytes)
{
	uint64_t left;

	if (offset >= st->strings_bytes)
		return false;
	left = st->strings_bytes - offset;
	if (left < bytes)
		bytes = (size_t)left;
	if (!gr_image_read(&st->image, st->strings + offset, ret, bytes))
		return false;
	ret[bytes - 1] = '\0';
	return ret[0] != '\0';
}

/* The best answer for @address of those that @is says yes to; without a name:
 * there is none. */
static Elf64_Sym
search(struct gr_symtab *st, uint64_t address, bool (*is)(const Elf64_Sym *sym))
{
	Elf64_Sym best = { 0 };

	for (uint64_t i = 0; i < st->symbols_n; i += GR_SYMTAB_BATCH) {
		uint64_t n = st->symbols_n - i;

		if (n > GR_SYMTAB_BATCH)
			n = GR_SYMTAB_BATCH;
		if (!gr_image_read(&st->image,
				   st->symbols + i * sizeof(Elf64_Sym),
				   st->batch, n * sizeof(Elf64_Sym)))
			break;
		for (uint64_t k = 0; k < n; k++) {
			const Elf64_Sym *sym = &st->batch[k];

			if (sym->st_value <= address && is(sym) &&
			    better(sym, &best, address))
				best = *sym;
		}
	}
	return best;
}

/*
 * The function that holds @pc.
 *
 * @ret_name   out: its name, cut to @bytes; raw, whatever the file says
 * @ret_start  out: where it starts
 *
 * Returns false when it is in none
 */
bool
gr_symtab_find(struct gr_symtab *st, uintptr_t pc, char *ret_name, size_t bytes,
	       uintptr_t *ret_start)
{
	uint64_t address = pc - st->module->bias, size;
	Elf64_Sym best;

	if (pc < st->module->text_lo || pc >= st->module->text_hi)
		return false;
	best = search(st, address, is_function);
	size = best.st_size || !st->complete ? best.st_size : UINT64_MAX;
	if (!best.st_name || address - best.st_value >= size ||
	    !read_name(st, best.st_name, ret_name, bytes))
		return false;
	*ret_start = st->module->bias + best.st_value;
	return true;
}

/* The same of the variable that holds @addr. */
bool
gr_symtab_find_variable(struct gr_symtab *st, uintptr_t addr, char *ret_name,
			size_t bytes, uintptr_t *ret_start)
{
	uint64_t address = addr - st->module->bias;
	Elf64_Sym best = search(st, address, is_variable);

	if (!best.st_name || address - best.st_value >= best.st_size ||
	    !read_name(st, best.st_name, ret_name, bytes))
		return false;
	*ret_start = st->module->bias + best.st_value;
	return true;
}
