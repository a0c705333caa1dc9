// SPDX-License-Identifier: MIT
/*
 * core_files.c - the files that a core's process had mapped
 *
 * A file is looked for where it was and, failing that, by its build id where
 * debug packages keep binaries. It must have the build id that the core has in
 * memory: after an update another file lies at the same place.
 */
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core.h"

enum { PAGE = 4096, ID_MAX = 64 };

struct build_id {
	size_t n; /* bytes; 0: there is none */
	unsigned char v[ID_MAX];
	char hex[2 * ID_MAX + 1];
};

static void
take_id(Elf *elf, struct build_id *id)
{
	const void *bits;
	ssize_t n = elf ? dwelf_elf_gnu_build_id(elf, &bits) : 0;

	*id = (struct build_id){ 0 };
	if (n <= 0 || n > ID_MAX)
		return;
	memcpy(id->v, bits, n);
	id->n = n;
	for (ssize_t i = 0; i < n; i++)
		sprintf(id->hex + 2 * i, "%02x", id->v[i]);
}

/* The linker puts the note right behind the program headers: it is in the
 * page that the kernel saves of each file. */
static void
id_in_core(struct gt_core *core, const struct gt_map *map, struct build_id *id)
{
	unsigned char page[PAGE] __attribute__((aligned(8)));
	Elf64_Ehdr *ehdr = (Elf64_Ehdr *)page;

	*id = (struct build_id){ 0 };
	if (map->offset || !gt_core_read_own(core, map->start, page, PAGE) ||
	    memcmp(page, ELFMAG, SELFMAG))
		return;
	/* Of sections there are none here. */
	ehdr->e_shoff = 0;
	ehdr->e_shnum = ehdr->e_shstrndx = 0;
	Elf *elf = elf_memory((char *)page, PAGE);
	take_id(elf, id);
	elf_end(elf);
}

static void
id_of_file(int fd, struct build_id *id)
{
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);

	take_id(elf, id);
	elf_end(elf);
}

/* Open @path if it is a file of that build id. */
static int
open_checked(const char *path, const struct build_id *want)
{
	/* A path may lead to a FIFO by now: do not wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct build_id id;
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -1;
	}
	id_of_file(fd, &id);
	if (want->n && (id.n != want->n || memcmp(id.v, want->v, id.n))) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
open_by_id(const struct build_id *id)
{
	char path[sizeof(id->hex) + 64];

	if (!id->n)
		return -1;
	snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%.2s/%s",
		 id->hex, id->hex + 2);
	return open_checked(path, id);
}

/* The first of the mappings of the same file. */
static const struct gt_map *
file_head(const struct gt_core *core, const struct gt_map *map)
{
	while (map > core->base.maps.v && map[-1].inode == map->inode)
		map--;
	return map;
}

static bool
is_program(const struct gt_core *core, const struct gt_map *map)
{
	const struct gt_map *program = gt_maps_find(&core->base.maps,
						    core->phdrs_addr);

	return program && program->inode == map->inode;
}

int
gt_core_file(struct gt_core *core, const struct gt_map *map)
{
	struct build_id want;

	if (!map->inode)
		return -1;
	struct gt_core_file *file = &core->files[map->inode - 1];
	if (file->tried)
		return file->fd;
	file->tried = true;
	id_in_core(core, file_head(core, map), &want);
	file->fd = -1;
	if (core->exe && is_program(core, map))
		file->fd = open_checked(core->exe, &want);
	if (file->fd < 0 && map->path[0] == '/')
		file->fd = open_checked(map->path, &want);
	if (file->fd < 0)
		file->fd = open_by_id(&want);
	return file->fd;
}

struct gt_error *
gt_core_check_exe(struct gt_core *core)
{
	const struct gt_map *map = gt_maps_find(&core->base.maps,
						core->phdrs_addr);
	struct build_id want, have;

	if (!core->exe)
		return NULL;
	GT_CLEANUP(gt_closep) int fd = open(core->exe, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return gt_error(GT_SYSTEM, errno, "cannot open %s: %s",
				core->exe, strerror(errno));
	id_of_file(fd, &have);
	if (!map)
		return NULL;
	id_in_core(core, file_head(core, map), &want);
	if (!want.n || (want.n == have.n && !memcmp(want.v, have.v, want.n)))
		return NULL;
	return gt_error_hint(gt_error(GT_DAMAGED, 0,
				      "%s is not the program that this core "
				      "is of",
				      core->exe),
			     "its build id is %s, that of the core's program "
			     "(%s) %s",
			     have.n ? have.hex : "missing", map->path,
			     want.hex);
}
