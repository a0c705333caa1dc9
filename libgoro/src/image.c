// SPDX-License-Identifier: MIT
/*
 * image.c - reading an ELF image that may be anything
 */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "arch/arch.h"

enum {
	MAX_PHDRS = 64, /* the most that anything real has is about 20 */
	MAX_SECTIONS = 65536,
	MAX_NOTE_BYTES = 65536,
	MAX_NOTES = 64,
	MAX_SECTION_NAME = 32,
};

/* Copy our own memory. False where it cannot be read; never a fault. */
bool
gr_peek(void *to, uintptr_t from, size_t n)
{
	struct iovec local = { to, n }, remote = { (void *)from, n };
	ssize_t got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

	if (got >= 0)
		return (size_t)got == n;
	/* A sandbox may forbid the call. Who asks has read in
	 * /proc/self/maps that the memory is there, so take its word. */
	if (errno != ENOSYS && errno != EPERM)
		return false;
	memcpy(to, (const void *)from, n);
	return true;
}

bool
gr_image_read(const struct gr_image *im, uint64_t offset, void *to, size_t n)
{
	char *p = to;

	if (im->fd < 0)
		return gr_peek(to, im->header + offset, n);
	while (n) {
		ssize_t got = pread(im->fd, p, n, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		p += got;
		offset += (uint64_t)got;
		n -= (size_t)got;
	}
	return true;
}

static bool
read_header(struct gr_image *im)
{
	const Elf64_Ehdr *h = &im->ehdr;

	return gr_image_read(im, 0, &im->ehdr, sizeof(im->ehdr)) &&
	       !memcmp(h->e_ident, ELFMAG, SELFMAG) &&
	       h->e_ident[EI_CLASS] == ELFCLASS64 &&
	       h->e_machine == GR_ARCH_MACHINE &&
	       h->e_phentsize == sizeof(Elf64_Phdr) && h->e_phnum <= MAX_PHDRS;
}

bool
gr_image_open(struct gr_image *im, const char *path)
{
	struct stat st;

	/* The path may lead to a pipe by now: do not wait in open(). */
	memset(im, 0, sizeof(*im));
	im->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (im->fd < 0)
		return false;
	if (!fstat(im->fd, &st) && S_ISREG(st.st_mode) && read_header(im))
		return true;
	close(im->fd);
	return false;
}

/* An image as the loader mapped it, its header at @header. */
bool
gr_image_open_memory(struct gr_image *im, uintptr_t header)
{
	Elf64_Phdr ph;

	memset(im, 0, sizeof(*im));
	im->fd = -1;
	im->header = header;
	if (!read_header(im))
		return false;
	for (unsigned i = 0; gr_image_phdr(im, i, &ph); i++) {
		if (ph.p_type == PT_LOAD && ph.p_offset == 0) {
			im->bias = header - ph.p_vaddr;
			return true;
		}
	}
	return false;
}

void
gr_image_close(struct gr_image *im)
{
	if (im->fd >= 0)
		close(im->fd);
	im->fd = -1;
}

/* False past the last. */
bool
gr_image_phdr(const struct gr_image *im, unsigned i, Elf64_Phdr *ret)
{
	return i < im->ehdr.e_phnum &&
	       gr_image_read(im, im->ehdr.e_phoff + i * sizeof(*ret), ret,
			     sizeof(*ret));
}

bool
gr_image_shdr(const struct gr_image *im, uint32_t i, Elf64_Shdr *ret)
{
	return gr_image_read(im, im->ehdr.e_shoff + (uint64_t)i * sizeof(*ret),
			     ret, sizeof(*ret));
}

/* Which section holds the sections' names; @first is the first header. */
static uint32_t
names_index(const struct gr_image *im, const Elf64_Shdr *first)
{
	if (im->ehdr.e_shstrndx == SHN_XINDEX)
		return first->sh_link;
	return im->ehdr.e_shstrndx;
}

static bool
section_named(const struct gr_image *im, const Elf64_Shdr *names,
	      const Elf64_Shdr *sh, const char *name)
{
	char buf[MAX_SECTION_NAME];
	size_t n = strlen(name) + 1;

	return n <= sizeof(buf) && sh->sh_name < names->sh_size &&
	       gr_image_read(im, names->sh_offset + sh->sh_name, buf, n) &&
	       !memcmp(buf, name, n);
}

/* Find a section by its name, or by its type where @name is NULL. */
bool
gr_image_section(const struct gr_image *im, const char *name, uint32_t type,
		 Elf64_Shdr *ret)
{
	Elf64_Shdr sh, names;
	uint32_t n = im->ehdr.e_shnum;

	if (!im->ehdr.e_shoff || im->ehdr.e_shentsize != sizeof(sh))
		return false;
	/* The first header holds what does not fit into 16 bits. */
	if (!gr_image_shdr(im, 0, &sh))
		return false;
	if (!n)
		n = sh.sh_size < MAX_SECTIONS ? (uint32_t)sh.sh_size : 0;
	if (name && !gr_image_shdr(im, names_index(im, &sh), &names))
		return false;
	for (uint32_t i = 1; i < n; i++) {
		if (!gr_image_shdr(im, i, &sh))
			return false;
		if (name ? !section_named(im, &names, &sh, name) :
			   sh.sh_type != type)
			continue;
		*ret = sh;
		return true;
	}
	return false;
}

static bool
read_segment(const struct gr_image *im, const Elf64_Phdr *ph, uint64_t offset,
	     void *to, size_t n)
{
	if (im->fd < 0)
		return gr_peek(to, im->bias + ph->p_vaddr + offset, n);
	return gr_image_read(im, ph->p_offset + offset, to, n);
}

static bool
note_build_id(const struct gr_image *im, const Elf64_Phdr *ph,
	      struct gr_build_id *ret)
{
	uint64_t align = ph->p_align == 8 ? 8 : 4;
	uint64_t end = ph->p_filesz < MAX_NOTE_BYTES ? ph->p_filesz :
						       MAX_NOTE_BYTES;
	uint64_t at = 0;

	for (int i = 0; i < MAX_NOTES && at + sizeof(Elf64_Nhdr) <= end; i++) {
		Elf64_Nhdr nh;
		char name[4];
		uint64_t desc;

		if (!read_segment(im, ph, at, &nh, sizeof(nh)))
			return false;
		desc = at + sizeof(nh) + nh.n_namesz;
		desc = (desc + align - 1) & ~(align - 1);
		if (nh.n_type == NT_GNU_BUILD_ID && nh.n_namesz == 4 &&
		    read_segment(im, ph, at + sizeof(nh), name, 4) &&
		    !memcmp(name, "GNU", 4)) {
			ret->n = nh.n_descsz < GR_BUILD_ID_BYTES ?
					 (uint8_t)nh.n_descsz :
					 GR_BUILD_ID_BYTES;
			return read_segment(im, ph, desc, ret->bytes, ret->n);
		}
		at = (desc + nh.n_descsz + align - 1) & ~(align - 1);
	}
	return false;
}

void
gr_image_build_id(const struct gr_image *im, struct gr_build_id *ret)
{
	Elf64_Phdr ph;

	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; gr_image_phdr(im, i, &ph); i++) {
		if (ph.p_type == PT_NOTE && note_build_id(im, &ph, ret))
			return;
	}
	ret->n = 0;
}
