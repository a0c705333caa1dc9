// SPDX-License-Identifier: MIT
/*
 * modules.c - the ELF files of a target, in one libdwfl session
 *
 * Idea       libdwfl can report a process's modules itself, but it opens the
 *            path that /proc shows: the wrong file, or none, when the target
 *            is in a container or its binary was replaced. So the modules are
 *            reported from the target's mappings, and files come from
 *            target->open_file(), or from memory where there is no file.
 */
#include "modules.h"

#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VDSO "[vdso]"

/* libdwfl wants the file of a module: a descriptor, or an Elf and -1. */
static int
find_elf(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
	 char **file_name, Elf **elf)
{
	struct gt_module *m = *userdata;
	int fd = m->t->ops->open_file(m->t, m->map);

	(void)mod;
	(void)base;
	if (fd < 0) {
		free(m->image);
		*elf = gt_elf_from_memory(m->t, m->start, m->end, &m->image);
		if (!*elf)
			return -1;
		fd = -1;
	}
	/* Its true name: separate debug files are looked for beside it. */
	*file_name = strdup(name);
	return fd;
}

/* As libdwfl has it unless told, ":.debug:/usr/lib/debug", and one more. */
static char *debug_path;

static const Dwfl_Callbacks callbacks = {
	.find_elf = find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.debuginfo_path = &debug_path,
};

bool
gt_modules_debug_dir(const char *dir)
{
	free(debug_path);
	return asprintf(&debug_path, ":.debug:%s:/usr/lib/debug", dir) >= 0;
}

static bool
is_module(const struct gt_map *map)
{
	return map->inode ? map->path[0] == '/' : strcmp(map->path, VDSO) == 0;
}

/* maps[first..end) map one file: report it when any of it is code. */
static bool
report(struct gt_modules *m, struct gt_target *t, size_t first, size_t end)
{
	const struct gt_map *maps = t->maps.v;
	unsigned prot = 0;

	for (size_t i = first; i < end; i++)
		prot |= maps[i].prot;
	if (!(prot & GT_MAP_EXEC) || !is_module(&maps[first]))
		return true;
	struct gt_module *module = &m->v[m->n];
	*module = (struct gt_module){
		.t = t,
		.map = &maps[first],
		.start = maps[first].start,
		.end = maps[end - 1].end,
	};
	Dwfl_Module *mod = dwfl_report_module(m->dwfl, maps[first].path,
					      module->start, module->end);
	if (!mod)
		return false;
	void **userdata;
	dwfl_module_info(mod, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
	*userdata = module;
	m->n++;
	return true;
}

struct gt_error *
gt_modules_init(struct gt_modules *m, struct gt_target *t)
{
	*m = (struct gt_modules){
		.dwfl = dwfl_begin(&callbacks),
		.v = calloc(t->maps.n + 1, sizeof(*m->v)),
	};
	bool ok = m->dwfl && m->v;

	if (ok)
		dwfl_report_begin(m->dwfl);
	for (size_t i = 0, end; ok && i < t->maps.n; i = end) {
		end = gt_maps_file_end(&t->maps, i);
		ok = report(m, t, i, end);
	}
	if (ok && dwfl_report_end(m->dwfl, NULL, NULL) == 0)
		return NULL;
	gt_modules_fini(m);
	return gt_error(GT_SYSTEM, 0, "libdwfl cannot take the modules: %s",
			dwfl_errmsg(-1));
}

void
gt_modules_fini(struct gt_modules *m)
{
	if (m->dwfl)
		dwfl_end(m->dwfl);
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].image);
	free(m->v);
	*m = (struct gt_modules){ 0 };
}

const struct gt_module *
gt_modules_find(const struct gt_modules *m, uint64_t addr)
{
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (addr < m->v[mid].start)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo && addr < m->v[lo - 1].end ? &m->v[lo - 1] : NULL;
}

void
gt_module_build_id(const struct gt_modules *m, const struct gt_module *module,
		   char ret[GT_BUILD_ID_TEXT])
{
	Dwfl_Module *mod = dwfl_addrmodule(m->dwfl, module->start);
	const unsigned char *bits;
	GElf_Addr addr;
	int n = mod ? dwfl_module_build_id(mod, &bits, &addr) : 0;

	*ret = '\0';
	for (int i = 0; i < n && i < GT_BUILD_ID_TEXT / 2; i++)
		sprintf(ret + 2 * i, "%02x", bits[i]);
}

bool
gt_modules_read(struct gt_modules *m, uint64_t addr, void *buf, size_t bytes)
{
	Dwfl_Module *mod = dwfl_addrmodule(m->dwfl, addr);
	GElf_Addr bias;
	Elf *elf = mod ? dwfl_module_getelf(mod, &bias) : NULL;
	size_t phdrs, size;

	if (!elf || elf_getphdrnum(elf, &phdrs) < 0)
		return false;
	const char *file = elf_rawfile(elf, &size);
	for (size_t i = 0; file && i < phdrs; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(elf, i, &ph) || ph.p_type != PT_LOAD)
			continue;
		uint64_t at = addr - bias - ph.p_vaddr;
		if (at >= ph.p_filesz || bytes > ph.p_filesz - at)
			continue;
		if (ph.p_offset > size || at > size - ph.p_offset ||
		    bytes > size - ph.p_offset - at)
			return false;
		memcpy(buf, file + ph.p_offset + at, bytes);
		return true;
	}
	return false;
}
