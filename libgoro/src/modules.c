// SPDX-License-Identifier: MIT
/*
 * modules.c - what is loaded, as the kernel knows it
 */
#include "modules.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

bool
gr_maps_open(struct gr_maps *maps)
{
	maps->at = maps->n = 0;
	maps->fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	return maps->fd >= 0;
}

static bool
maps_fill(struct gr_maps *maps)
{
	ssize_t got;

	memmove(maps->buf, maps->buf + maps->at, maps->n - maps->at);
	maps->n -= maps->at;
	maps->at = 0;
	do
		got = read(maps->fd, maps->buf + maps->n,
			   sizeof(maps->buf) - maps->n);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return false;
	maps->n += (size_t)got;
	return true;
}

/* The next line, without its end; NULL after the last. */
static const char *
maps_line(struct gr_maps *maps, size_t *ret_bytes)
{
	for (;;) {
		const char *line = maps->buf + maps->at;
		const char *nl = memchr(line, '\n', maps->n - maps->at);

		if (nl) {
			*ret_bytes = (size_t)(nl - line);
			maps->at += *ret_bytes + 1;
			return line;
		}
		/* Longer than any path can make it: not a line of maps. */
		if (maps->n - maps->at == sizeof(maps->buf))
			maps->at = maps->n;
		if (!maps_fill(maps))
			return NULL;
	}
}

/* Hexadecimal digits up to @stop, which is skipped too. */
static bool
parse_hex(const char **p, const char *end, char stop, uintptr_t *ret)
{
	uintptr_t v = 0;

	for (; *p < end && **p != stop; (*p)++) {
		char c = **p;

		if (c >= '0' && c <= '9')
			v = v << 4 | (uintptr_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uintptr_t)(c - 'a' + 10);
		else
			return false;
	}
	*ret = v;
	return (*p)++ < end;
}

static bool
skip_word(const char **p, const char *end)
{
	while (*p < end && **p != ' ')
		(*p)++;
	return (*p)++ < end;
}

static bool
parse_mapping(const char *p, size_t bytes, struct gr_mapping *ret)
{
	const char *end = p + bytes;
	const char *perms;

	if (!parse_hex(&p, end, '-', &ret->start) ||
	    !parse_hex(&p, end, ' ', &ret->end) || end - p < 5)
		return false;
	perms = p;
	p += 5;
	if (!parse_hex(&p, end, ' ', &ret->offset) || /* then device, inode */
	    !skip_word(&p, end) || !skip_word(&p, end))
		p = end;
	while (p < end && *p == ' ')
		p++;
	ret->readable = perms[0] == 'r';
	ret->writable = perms[1] == 'w';
	ret->executable = perms[2] == 'x';
	ret->path = p;
	ret->path_bytes = (size_t)(end - p);
	return true;
}

/* The next mapping; its path is valid until the one after it is read. */
bool
gr_maps_next(struct gr_maps *maps, struct gr_mapping *ret)
{
	const char *line;
	size_t bytes;

	while ((line = maps_line(maps, &bytes)))
		if (parse_mapping(line, bytes, ret))
			return true;
	close(maps->fd);
	return false;
}

/* The mapping that @addr lies in: the bounds of a stack of unknown origin. */
bool
gr_mapping_of(struct gr_maps *maps, uintptr_t addr, uintptr_t *ret_lo,
	      uintptr_t *ret_hi)
{
	struct gr_mapping mp;
	bool found = false;

	if (!gr_maps_open(maps))
		return false;
	while (gr_maps_next(maps, &mp)) {
		if (addr < mp.start || addr >= mp.end || !mp.readable)
			continue;
		*ret_lo = mp.start;
		*ret_hi = mp.end;
		found = true;
	}
	return found;
}

static bool
path_is(const struct gr_mapping *mp, const char *s)
{
	return mp->path_bytes == strlen(s) && !memcmp(mp->path, s, strlen(s));
}

static const char *
keep_path(struct gr_modules *ms, const struct gr_mapping *mp)
{
	static const char deleted[] = " (deleted)";
	size_t n = mp->path_bytes, tail = sizeof(deleted) - 1;
	char *to = ms->paths + ms->paths_used;

	if (n > tail && !memcmp(mp->path + n - tail, deleted, tail))
		n -= tail;
	if (n >= sizeof(ms->paths) - ms->paths_used)
		return NULL;
	memcpy(to, mp->path, n);
	to[n] = '\0';
	ms->paths_used += (uint32_t)n + 1;
	return to;
}

/* Where a module without .eh_frame_hdr (gcc -static) has its .eh_frame; only
 * the section headers know, and only the file has those. */
static uintptr_t
find_eh_frame(const struct gr_module *m)
{
	struct gr_image im;
	Elf64_Shdr sh;
	uintptr_t found = 0;

	if (!gr_module_open(m, &im))
		return 0;
	if (gr_image_section(&im, ".eh_frame", 0, &sh) && sh.sh_addr)
		found = m->bias + sh.sh_addr;
	gr_image_close(&im);
	return found;
}

static bool
may_begin_module(const struct gr_mapping *mp)
{
	return mp->offset == 0 && mp->readable &&
	       (mp->path[0] == '/' || path_is(mp, "[vdso]"));
}

/* Fill in @m from the header that begins @mp; false: it is no module. */
static bool
module_begin(struct gr_modules *ms, struct gr_module *m,
	     const struct gr_mapping *mp)
{
	struct gr_image im;
	Elf64_Phdr ph;

	memset(m, 0, sizeof(*m));
	if (!gr_image_open_memory(&im, mp->start) ||
	    (im.ehdr.e_type != ET_EXEC && im.ehdr.e_type != ET_DYN))
		return false;
	m->start = mp->start;
	m->end = mp->end;
	m->bias = im.bias;
	m->text_lo = UINTPTR_MAX;
	for (unsigned i = 0; gr_image_phdr(&im, i, &ph); i++) {
		uintptr_t lo = im.bias + ph.p_vaddr, hi = lo + ph.p_memsz;

		if (ph.p_type == PT_GNU_EH_FRAME)
			m->eh_hdr = lo;
		if (ph.p_type != PT_LOAD || !(ph.p_flags & PF_X) || hi < lo)
			continue;
		m->text_lo = lo < m->text_lo ? lo : m->text_lo;
		m->text_hi = hi > m->text_hi ? hi : m->text_hi;
	}
	if (m->text_lo >= m->text_hi)
		return false;
	m->path = keep_path(ms, mp);
	if (!m->path)
		return false;
	gr_image_build_id(&im, &m->build_id);
	if (!m->eh_hdr)
		m->eh_frame = find_eh_frame(m);
	return true;
}

/* Take what @mp tells of @m; true once its text is known to be there. */
static bool
module_extend(struct gr_module *m, const struct gr_mapping *mp)
{
	uintptr_t eh = m->eh_hdr ? m->eh_hdr : m->eh_frame;

	if (eh && mp->readable && eh >= mp->start && eh < mp->end) {
		m->eh_lo = mp->start;
		m->eh_hi = mp->end;
	}
	return mp->executable && mp->start < m->text_hi && mp->end > m->text_lo;
}

/* The module that @addr lies in is for good. */
static void
mark_stays(struct gr_modules *ms, uintptr_t addr)
{
	for (uint32_t i = 0; i < ms->n; i++)
		if (addr >= ms->module[i].start &&
		    (addr < ms->module[i].end || addr < ms->module[i].text_hi))
			ms->module[i].stays = true;
}

/* Replace the list by what is loaded now. */
void
gr_modules_read(struct gr_modules *ms)
{
	struct gr_module m = { 0 }, next;
	struct gr_mapping mp;
	bool is_module = false; /* m is one: its text was seen */

	ms->n = ms->paths_used = 0;
	if (!gr_maps_open(&ms->maps))
		return;
	while (gr_maps_next(&ms->maps, &mp)) {
		if (may_begin_module(&mp) && module_begin(ms, &next, &mp)) {
			if (is_module && ms->n < GR_MODULES)
				ms->module[ms->n++] = m;
			m = next;
			is_module = false;
		}
		is_module |= module_extend(&m, &mp);
	}
	if (is_module && ms->n < GR_MODULES)
		ms->module[ms->n++] = m;
	mark_stays(ms, getauxval(AT_PHDR));
	mark_stays(ms, getauxval(AT_SYSINFO_EHDR));
	mark_stays(ms, (uintptr_t)gr_modules_read);
	mark_stays(ms, (uintptr_t)getauxval); /* libc */
}

/* The module whose text holds @pc, or NULL. */
const struct gr_module *
gr_modules_find(const struct gr_modules *ms, uintptr_t pc)
{
	uint32_t lo = 0, hi = ms->n;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (ms->module[mid].text_hi <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == ms->n || ms->module[lo].text_lo > pc)
		return NULL;
	return &ms->module[lo];
}

/* The path's last component. */
const char *
gr_module_name(const struct gr_module *m)
{
	const char *slash = strrchr(m->path, '/');

	return slash ? slash + 1 : m->path;
}

/* Is @im, a file, what was loaded as @m? */
static bool
same_image(const struct gr_module *m, const struct gr_image *im)
{
	struct gr_build_id id;
	Elf64_Ehdr loaded;

	gr_image_build_id(im, &id);
	if (m->build_id.n)
		return id.n == m->build_id.n &&
		       !memcmp(id.bytes, m->build_id.bytes, id.n);
	return gr_peek(&loaded, m->start, sizeof(loaded)) &&
	       !memcmp(&loaded, &im->ehdr, sizeof(loaded));
}

static char *
put_hex(char *to, uintptr_t v)
{
	int digits = 1;

	while (digits < 16 && v >> (4 * digits))
		digits++;
	while (digits--)
		*to++ = "0123456789abcdef"[v >> (4 * digits) & 15];
	*to = '\0';
	return to;
}

/*
 * Open the file that @m was loaded from: by its path; where that is gone or
 * something else by now (an upgrade), by the links that the kernel keeps, of
 * which the second is for root alone. The vdso has no file, it is all in
 * memory.
 */
bool
gr_module_open(const struct gr_module *m, struct gr_image *ret)
{
	char map_file[64] = "/proc/self/map_files/";
	const char *try[] = { m->path, "/proc/self/exe", map_file };
	char *p = map_file + strlen(map_file);

	if (m->path[0] != '/')
		return gr_image_open_memory(ret, m->start);
	p = put_hex(p, m->start);
	*p++ = '-';
	put_hex(p, m->end);
	for (size_t i = 0; i < sizeof(try) / sizeof(*try); i++) {
		if (!gr_image_open(ret, try[i]))
			continue;
		if (same_image(m, ret))
			return true;
		gr_image_close(ret);
	}
	return false;
}
