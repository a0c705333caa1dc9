// SPDX-License-Identifier: MIT
/*
 * core_notes.c - what a core says about its process beside the memory
 *
 * NT_PRSTATUS  one a thread: its id and registers
 * NT_AUXV      where the program's headers and the vdso are
 * NT_FILE      which file was mapped where, as /proc/PID/maps had it; without
 *              protections, device and inode
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <unistd.h>

#include "core.h"

#define DELETED " (deleted)"

enum {
	NOTES_MAX_BYTES = 256 << 20,
	THREADS_MAX = 1 << 20,
};

static bool
add_thread(struct gt_core *core, const unsigned char *desc, size_t bytes)
{
	struct elf_prstatus status;
	struct user_regs_struct user;

	_Static_assert(sizeof(status.pr_reg) == sizeof(user), "NT_PRSTATUS has "
							      "the kernel's "
							      "register set");
	if (bytes < sizeof(status) || core->threads_n == THREADS_MAX)
		return true;
	/* A power of two is full: double it. */
	if ((core->threads_n & (core->threads_n - 1)) == 0) {
		size_t room = core->threads_n ? core->threads_n * 2 : 1;
		void *more = reallocarray(core->threads, room,
					  sizeof(*core->threads));
		if (!more)
			return false;
		core->threads = more;
	}
	memcpy(&status, desc, sizeof(status));
	memcpy(&user, &status.pr_reg, sizeof(user));
	struct gt_core_thread *thread = &core->threads[core->threads_n++];
	*thread = (struct gt_core_thread){ .tid = status.pr_pid };
	gt_arch_from_user(&user, &thread->regs);
	return true;
}

static void
take_auxv(struct gt_core *core, const unsigned char *desc, size_t bytes)
{
	Elf64_auxv_t aux;

	for (size_t at = 0; bytes - at >= sizeof(aux); at += sizeof(aux)) {
		memcpy(&aux, desc + at, sizeof(aux));
		if (aux.a_type == AT_PHDR)
			core->phdrs_addr = aux.a_un.a_val;
		else if (aux.a_type == AT_SYSINFO_EHDR)
			core->vdso_addr = aux.a_un.a_val;
		else if (aux.a_type == AT_NULL)
			break;
	}
}

static void
set_path(struct gt_map *map, char *path)
{
	size_t len = strlen(path), tail = sizeof(DELETED) - 1;

	map->path = path;
	if (len > tail && strcmp(path + len - tail, DELETED) == 0) {
		path[len - tail] = '\0';
		map->deleted = true;
	}
}

/*
 * The count, the page size, three words for each mapping (start, end, offset
 * in pages), then as many strings. The first such note counts.
 */
static bool
take_files(struct gt_core *core, const unsigned char *desc, size_t bytes)
{
	struct gt_maps *maps = &core->base.maps;
	uint64_t head[2], entry[3];

	if (maps->v || bytes < sizeof(head))
		return true;
	memcpy(head, desc, sizeof(head));
	if (head[0] > (bytes - sizeof(head)) / sizeof(entry))
		return true;
	maps->text = malloc(bytes + 1);
	maps->v = calloc(head[0] + 1, sizeof(*maps->v));
	if (!maps->text || !maps->v)
		return false;
	memcpy(maps->text, desc, bytes);
	maps->text[bytes] = '\0';
	char *path = maps->text + sizeof(head) + head[0] * sizeof(entry);
	char *end = maps->text + bytes;
	for (uint64_t i = 0; i < head[0] && path < end; i++) {
		struct gt_map *map = &maps->v[maps->n];

		memcpy(entry, desc + sizeof(head) + i * sizeof(entry),
		       sizeof(entry));
		*map = (struct gt_map){
			.start = entry[0],
			.end = entry[1],
			.offset = entry[2] * head[1],
		};
		char *next = path + strlen(path) + 1;
		set_path(map, path);
		path = next;
		if (map->start >= map->end ||
		    (maps->n && map->start < map[-1].end))
			continue;
		bool same = maps->n && strcmp(map->path, map[-1].path) == 0;
		map->inode = same ? map[-1].inode : ++core->files_n;
		maps->n++;
	}
	return true;
}

/* Returns false when memory is short. */
static bool
take_note(struct gt_core *core, const char *owner, uint32_t type,
	  const unsigned char *desc, size_t bytes)
{
	if (strcmp(owner, "CORE") != 0)
		return true;
	switch (type) {
	case NT_PRSTATUS:
		return add_thread(core, desc, bytes);
	case NT_AUXV:
		take_auxv(core, desc, bytes);
		return true;
	case NT_FILE:
		return take_files(core, desc, bytes);
	default:
		return true;
	}
}

static size_t
align4(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

static bool
take_notes(struct gt_core *core, const unsigned char *notes, size_t bytes)
{
	size_t at = 0;

	while (bytes - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr nh;
		char owner[8] = "";

		memcpy(&nh, notes + at, sizeof(nh));
		at += sizeof(nh);
		/* The last one may be cut off. */
		if (nh.n_namesz > bytes - at ||
		    align4(nh.n_namesz) > bytes - at ||
		    nh.n_descsz > bytes - at - align4(nh.n_namesz))
			break;
		if (nh.n_namesz < sizeof(owner))
			memcpy(owner, notes + at, nh.n_namesz);
		at += align4(nh.n_namesz);
		if (!take_note(core, owner, nh.n_type, notes + at, nh.n_descsz))
			return false;
		if (align4(nh.n_descsz) > bytes - at)
			break;
		at += align4(nh.n_descsz);
	}
	return true;
}

struct gt_error *
gt_core_notes(struct gt_core *core, uint64_t offset, uint64_t bytes)
{
	size_t got = 0;

	if (offset >= core->bytes)
		return NULL;
	if (bytes > core->bytes - offset)
		bytes = core->bytes - offset;
	if (bytes > NOTES_MAX_BYTES)
		bytes = NOTES_MAX_BYTES;
	GT_CLEANUP(gt_freep) unsigned char *notes = malloc(bytes + 1);
	if (!notes)
		return &gt_enomem;
	while (got < bytes) {
		ssize_t rc = pread(core->fd, notes + got, bytes - got,
				   offset + got);

		if (rc < 0 && errno == EINTR)
			continue;
		if (rc <= 0)
			break;
		got += rc;
	}
	return take_notes(core, notes, got) ? NULL : &gt_enomem;
}
