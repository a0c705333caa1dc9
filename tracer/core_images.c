// SPDX-License-Identifier: MIT
/*
 * core_images.c - the mapped files of a core that does not list them
 *
 * gcore writes its notes at the end, so a core of it that is cut off lacks
 * them. But each file's first page is there, and tells where the rest was; and
 * the dynamic linker's list, in the program's memory, has the names.
 */
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

enum {
	PAGE = 4096,
	IMAGES_MAX = 4096,
	PATH_BYTES = 512,
	DYNAMIC_MAX = 256,
	UNKNOWN_LOADS = 16, /* PT_LOADs of an image; more are not looked at */
};

struct image {
	uint64_t start, bias, dynamic;
	char *path;
};

struct images {
	struct gt_core *core;
	struct image *v;
	size_t n;
	const struct image *program;
};

static void
add_load(struct images *s, const struct image *im, const Elf64_Phdr *ph)
{
	struct gt_maps *maps = &s->core->base.maps;
	uint64_t start = (ph->p_vaddr + im->bias) & ~(PAGE - 1ull);
	uint64_t end = (ph->p_vaddr + im->bias + ph->p_filesz + PAGE - 1) &
		       ~(PAGE - 1ull);

	if (start >= end || (maps->n && start < maps->v[maps->n - 1].end))
		return;
	maps->v[maps->n++] = (struct gt_map){
		.start = start,
		.end = end,
		.offset = ph->p_offset & ~(PAGE - 1ull),
		.inode = s->core->files_n,
		.path = im->path,
	};
}

/* Does a file's first page lie at @start? Its mappings are added. */
static void
try_image(struct images *s, uint64_t start)
{
	unsigned char page[PAGE];
	Elf64_Ehdr ehdr;
	Elf64_Phdr ph;
	struct image *im = &s->v[s->n];
	unsigned loads = 0;
	bool program = false;

	if (!gt_core_read_own(s->core, start, page, PAGE))
		return;
	memcpy(&ehdr, page, sizeof(ehdr));
	if (memcmp(ehdr.e_ident, ELFMAG, SELFMAG) ||
	    ehdr.e_phentsize != sizeof(ph) || ehdr.e_phoff > PAGE ||
	    ehdr.e_phnum > (PAGE - ehdr.e_phoff) / sizeof(ph))
		return;
	*im = (struct image){ .start = start, .path = im->path };
	for (unsigned i = 0; i < ehdr.e_phnum; i++) {
		memcpy(&ph, page + ehdr.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type == PT_LOAD && !loads++) {
			im->bias = start - (ph.p_vaddr & ~(PAGE - 1ull));
			s->core->files_n++;
		}
		if (ph.p_type == PT_LOAD && loads <= UNKNOWN_LOADS)
			add_load(s, im, &ph);
		if (ph.p_type == PT_DYNAMIC)
			im->dynamic = ph.p_vaddr;
		program |= ph.p_type == PT_INTERP;
	}
	if (!loads)
		return;
	im->dynamic += im->bias;
	if (!s->program && (program || ehdr.e_type == ET_EXEC)) {
		s->program = im;
		s->core->phdrs_addr = start + ehdr.e_phoff;
	}
	s->n++;
}

/* What the dynamic linker leaves for debuggers: the address of its list. */
static uint64_t
first_link(struct gt_core *core, uint64_t dynamic)
{
	Elf64_Dyn dyn;
	struct r_debug debug;

	for (unsigned i = 0; i < DYNAMIC_MAX; i++) {
		if (!gt_core_read_own(core, dynamic + i * sizeof(dyn), &dyn,
				      sizeof(dyn)) ||
		    dyn.d_tag == DT_NULL)
			return 0;
		if (dyn.d_tag != DT_DEBUG)
			continue;
		if (!gt_core_read_own(core, dyn.d_un.d_ptr, &debug,
				      sizeof(debug)))
			return 0;
		return (uintptr_t)debug.r_map;
	}
	return 0;
}

static void
name_images(struct images *s)
{
	uint64_t at = s->program ? first_link(s->core, s->program->dynamic) : 0;
	struct link_map link;
	char path[PATH_BYTES];

	for (unsigned n = 0; at && n < IMAGES_MAX; n++) {
		if (!gt_core_read_own(s->core, at, &link, sizeof(link)))
			return;
		at = (uintptr_t)link.l_next;
		gt_error_free(gt_target_read_string(&s->core->base,
						    (uintptr_t)link.l_name,
						    path, sizeof(path)));
		for (size_t i = 0; i < s->n; i++)
			if (s->v[i].bias == link.l_addr && path[0] == '/')
				memcpy(s->v[i].path, path, sizeof(path));
	}
}

struct gt_error *
gt_core_images(struct gt_core *core)
{
	struct gt_maps *maps = &core->base.maps;
	size_t max = core->segments_n < IMAGES_MAX ? core->segments_n :
						     IMAGES_MAX;
	struct images s = {
		.core = core,
		.v = calloc(max + 1, sizeof(*s.v)),
	};

	maps->v = calloc(max * UNKNOWN_LOADS + 1, sizeof(*maps->v));
	maps->text = calloc(max + 1, PATH_BYTES);
	if (!s.v || !maps->v || !maps->text) {
		free(s.v);
		return &gt_enomem;
	}
	for (size_t i = 0; i < max; i++) {
		s.v[i].path = maps->text + i * PATH_BYTES;
		snprintf(s.v[i].path, PATH_BYTES, "/unknown");
	}
	for (size_t i = 0; i < core->segments_n && s.n < max; i++)
		try_image(&s, core->segments[i].addr);
	name_images(&s);
	if (s.program && core->exe)
		snprintf(s.program->path, PATH_BYTES, "%s%s",
			 core->exe[0] == '/' ? "" : "/./", core->exe);
	free(s.v);
	return NULL;
}
