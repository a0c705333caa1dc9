// SPDX-License-Identifier: MIT
/*
 * target_core.c - a process that is no more: its core
 *
 * Idea       The segments of the core are the memory, its notes the threads
 *            and the mapped files; core.h says what comes from the files
 *            instead. All threads stand still for ever, so hold() is a look-up.
 * Reads      By pread(), not by mapping: a core that gets shorter meanwhile
 *            gives errors and not SIGBUS, and one of many GiB costs no
 *            address space.
 */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core.h"

enum { SEGMENTS_MAX = 1 << 22 };

static struct gt_core *
core_of(struct gt_target *t)
{
	return (struct gt_core *)t;
}

static bool
pread_all(int fd, char *buf, size_t bytes, uint64_t offset)
{
	while (bytes) {
		ssize_t got = pread(fd, buf, bytes, offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		buf += got;
		offset += got;
		bytes -= got;
	}
	return true;
}

/* The last segment that starts at or below @addr, or NULL. */
static const struct gt_core_segment *
find_segment(const struct gt_core *core, uint64_t addr)
{
	size_t lo = 0, hi = core->segments_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (addr < core->segments[mid].addr)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo ? &core->segments[lo - 1] : NULL;
}

static size_t
least(size_t a, uint64_t b)
{
	return b < a ? (size_t)b : a;
}

/* Copy from the core as much as one segment has there: bytes, 0 when it has
 * none, or -1 when it should have them but ends before. */
static ssize_t
read_segment(const struct gt_core *core, uint64_t addr, char *buf, size_t bytes)
{
	const struct gt_core_segment *seg = find_segment(core, addr);

	if (!seg || addr - seg->addr >= seg->file_bytes)
		return 0;
	uint64_t at = addr - seg->addr;
	bytes = least(bytes, seg->file_bytes - at);
	return pread_all(core->fd, buf, bytes, seg->offset + at) ?
		       (ssize_t)bytes :
		       -1;
}

/* The same from the file that was mapped there. */
static ssize_t
read_file(struct gt_core *core, uint64_t addr, char *buf, size_t bytes)
{
	const struct gt_map *map = gt_maps_find(&core->base.maps, addr);
	int fd = map ? gt_core_file(core, map) : -1;

	if (fd < 0)
		return -1;
	bytes = least(bytes, map->end - addr);
	return pread_all(fd, buf, bytes, map->offset + (addr - map->start)) ?
		       (ssize_t)bytes :
		       -1;
}

bool
gt_core_read_own(struct gt_core *core, uint64_t addr, void *buf, size_t bytes)
{
	char *to = buf;

	while (bytes) {
		ssize_t got = read_segment(core, addr, to, bytes);

		if (got <= 0)
			return false;
		addr += got;
		to += got;
		bytes -= got;
	}
	return true;
}

static struct gt_error *
core_read(struct gt_target *t, struct gt_span *spans, size_t n)
{
	struct gt_core *core = core_of(t);

	for (size_t i = 0; i < n; i++) {
		uint64_t addr = spans[i].addr;
		size_t left = spans[i].bytes;
		char *to = spans[i].buf;
		ssize_t got = 0;

		for (; left && got >= 0; left -= got > 0 ? got : 0) {
			got = read_segment(core, addr, to, left);
			if (got == 0)
				got = read_file(core, addr, to, left);
			if (got > 0) {
				addr += got;
				to += got;
			}
		}
		spans[i].ok = left == 0;
	}
	return NULL;
}

static int
core_open_file(struct gt_target *t, const struct gt_map *map)
{
	int fd = gt_core_file(core_of(t), map);

	fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	return fd >= 0 ? fd : -ENOENT;
}

static int
core_hold(struct gt_target *t, int tid, struct gt_regs *ret)
{
	const struct gt_core *core = core_of(t);

	for (size_t i = 0; i < core->threads_n; i++) {
		if (core->threads[i].tid != tid)
			continue;
		*ret = core->threads[i].regs;
		return 0;
	}
	return -ENODATA;
}

static void
core_release(struct gt_target *t, int tid)
{
	(void)t;
	(void)tid;
}

/* When it died the core does not say; its clock's last moment will do. */
static void
core_now(struct gt_target *t, uint64_t *cycles, uint64_t *ns)
{
	(void)t;
	*cycles = *ns = 0;
}

static void
core_destroy(struct gt_target *t)
{
	struct gt_core *core = core_of(t);

	gt_maps_fini(&t->maps);
	for (size_t i = 0; core->files && i < core->files_n; i++)
		if (core->files[i].tried)
			gt_closep(&core->files[i].fd);
	gt_closep(&core->fd);
	free(core->files);
	free(core->threads);
	free(core->segments);
	free(core);
}

static const struct gt_target_ops core_ops = {
	.read = core_read,
	.open_file = core_open_file,
	.hold = core_hold,
	.release = core_release,
	.now = core_now,
	.destroy = core_destroy,
};

static int
by_addr(const void *a, const void *b)
{
	const struct gt_core_segment *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

/* Take in the program headers, and the notes that they lead to. *ret_end is
 * how long the file ought to be. */
static struct gt_error *
load_segments(struct gt_core *core, Elf *elf, uint64_t *ret_end)
{
	GElf_Ehdr ehdr;
	size_t n;

	/* Of a table that is cut off libelf counts what is there. */
	if (gelf_getehdr(elf, &ehdr) && ehdr.e_phoff < core->bytes)
		*ret_end = ehdr.e_phoff + ehdr.e_phnum * sizeof(Elf64_Phdr);
	if (elf_getphdrnum(elf, &n) < 0 || n == 0 || n > SEGMENTS_MAX)
		return gt_error(GT_DAMAGED, 0,
				"%s has no table of segments: it is cut off or "
				"damaged",
				core->base.name);
	core->segments = calloc(n, sizeof(*core->segments));
	if (!core->segments)
		return &gt_enomem;
	for (size_t i = 0; i < n; i++) {
		struct gt_error *err = NULL;
		GElf_Phdr ph;

		if (!gelf_getphdr(elf, i, &ph) ||
		    ph.p_offset > UINT64_MAX - ph.p_filesz)
			continue;
		if (ph.p_type == PT_NOTE)
			err = gt_core_notes(core, ph.p_offset, ph.p_filesz);
		if (err)
			return err;
		if (ph.p_type != PT_LOAD && ph.p_type != PT_NOTE)
			continue;
		if (ph.p_filesz && ph.p_offset + ph.p_filesz > *ret_end)
			*ret_end = ph.p_offset + ph.p_filesz;
		if (ph.p_type != PT_LOAD || !ph.p_memsz ||
		    ph.p_vaddr > UINT64_MAX - ph.p_memsz)
			continue;
		core->segments[core->segments_n++] = (struct gt_core_segment){
			.addr = ph.p_vaddr,
			.bytes = ph.p_memsz,
			.file_bytes = least(ph.p_filesz, ph.p_memsz),
			.offset = ph.p_offset,
			.prot = (ph.p_flags & PF_R ? GT_MAP_READ : 0) |
				(ph.p_flags & PF_W ? GT_MAP_WRITE : 0) |
				(ph.p_flags & PF_X ? GT_MAP_EXEC : 0),
		};
	}
	qsort(core->segments, core->segments_n, sizeof(*core->segments),
	      by_addr);
	return NULL;
}

/*
 * The mappings: those of files, from their note, with the protections that the
 * segments have; and the segments that are of no file. What gdb's gcore leaves
 * out as not written has no segment: it is what one may read and run.
 */
static struct gt_error *
make_maps(struct gt_core *core)
{
	struct gt_maps *maps = &core->base.maps;
	size_t n = maps->n, room = n + core->segments_n + 1;
	struct gt_map *v = calloc(room, sizeof(*v));
	size_t i = 0, s = 0, to = 0;

	if (!v)
		return &gt_enomem;
	while (i < n || s < core->segments_n) {
		const struct gt_core_segment *seg = &core->segments[s];
		const struct gt_map *map = &maps->v[i];
		bool have = s < core->segments_n;

		if (i < n && (!have || map->start <= seg->addr)) {
			v[to] = *map;
			v[to++].prot = GT_MAP_READ | GT_MAP_EXEC;
			i++;
			continue;
		}
		struct gt_map *prev = to ? &v[to - 1] : NULL;
		s++;
		if (prev && seg->addr < prev->end) {
			/* The file's, and most often just as long. */
			if (seg->addr == prev->start)
				prev->prot = seg->prot;
			continue;
		}
		v[to++] = (struct gt_map){
			.start = seg->addr,
			.end = seg->addr + seg->bytes,
			.prot = seg->prot,
			.path = seg->addr == core->vdso_addr ? "[vdso]" : "",
		};
	}
	free(maps->v);
	maps->v = v;
	maps->n = to;
	core->files = calloc(core->files_n + 1, sizeof(*core->files));
	return core->files ? NULL : &gt_enomem;
}

static struct gt_error *
no_core(const char *path, const char *why)
{
	return gt_error_hint(gt_error(GT_DAMAGED, 0, "%s is no core: %s", path,
				      why),
			     "goro-dump --core CORE [PROGRAM]");
}

static struct gt_error *
check_header(Elf *elf, const char *path)
{
	GElf_Ehdr ehdr;

	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &ehdr))
		return no_core(path, "it is no ELF file");
	if (ehdr.e_type != ET_CORE)
		return no_core(path, "it is a program or a library");
	if (ehdr.e_machine != GT_ARCH_MACHINE ||
	    ehdr.e_ident[EI_CLASS] != ELFCLASS64 ||
	    ehdr.e_ident[EI_DATA] != ELFDATA2LSB)
		return no_core(path, "it is of another kind of processor");
	return NULL;
}

/* Before anything is made up for it. */
static void
note_what_is_missing(struct gt_core *core, uint64_t end)
{
	char *text = core->base.notice;
	size_t max = sizeof(core->base.notice), n = 0;
	const char *lacks = "";

	if (!core->threads_n && !core->files_n)
		lacks = "the lists of its threads and of its files";
	else if (!core->threads_n)
		lacks = "the list of its threads";
	else if (!core->files_n)
		lacks = "the list of its files";
	if (end > core->bytes)
		n = snprintf(text, max,
			     "%s is cut off: it has %llu of %llu bytes",
			     core->base.name, (unsigned long long)core->bytes,
			     (unsigned long long)end);
	if (*lacks)
		snprintf(text + n, max - n, "%s lacks %s",
			 n ? ", and" : core->base.name, lacks);
}

static struct gt_error *
load(struct gt_core *core, const char *path)
{
	uint64_t end = 0;
	struct stat st;

	if (core->fd < 0 || fstat(core->fd, &st) < 0)
		return gt_error(GT_SYSTEM, errno, "cannot open %s: %s", path,
				strerror(errno));
	if (!S_ISREG(st.st_mode))
		return no_core(path, "it is no file");
	core->bytes = st.st_size;
	elf_version(EV_CURRENT);
	Elf *elf = elf_begin(core->fd, ELF_C_READ, NULL);
	struct gt_error *err = check_header(elf, path);
	if (!err)
		err = load_segments(core, elf, &end);
	elf_end(elf);
	if (!err)
		note_what_is_missing(core, end);
	if (!err && !core->base.maps.v)
		err = gt_core_images(core);
	if (!err)
		err = make_maps(core);
	return err ? err : gt_core_check_exe(core);
}

struct gt_error *
gt_target_core_open(const char *path, const char *exe, struct gt_target **ret)
{
	struct gt_core *core = calloc(1, sizeof(*core));
	const char *base = strrchr(path, '/');

	if (!core)
		return &gt_enomem;
	core->base.ops = &core_ops;
	core->base.frozen = true;
	core->exe = exe;
	snprintf(core->base.name, sizeof(core->base.name), "core %.90s",
		 base ? base + 1 : path);
	GT_CLEANUP(gt_target_destroyp) struct gt_target *t = &core->base;
	core->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct gt_error *err = load(core, path);
	if (!err)
		*ret = gt_steal(t);
	return err;
}
