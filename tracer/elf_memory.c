// SPDX-License-Identifier: MIT
/*
 * elf_memory.c - an ELF image from a target's memory
 *
 * For the vdso, which has no file, and for a file that is gone and may not be
 * opened through /proc. What is loaded is there: program headers, code, unwind
 * tables, dynamic symbols. Sections are not, so the header is made to say that
 * there are none.
 */
#include <stdlib.h>
#include <string.h>

#include "modules.h"

enum { IMAGE_MAX_BYTES = 1 << 28, PHDRS_MAX = 256 };

/* Bytes of the file that the loaded segments hold; 0: no sane image. */
static size_t
file_bytes(const Elf64_Phdr *phdrs, unsigned n)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < n; i++) {
		const Elf64_Phdr *ph = &phdrs[i];

		if (ph->p_type != PT_LOAD)
			continue;
		if (ph->p_offset > IMAGE_MAX_BYTES ||
		    ph->p_filesz > IMAGE_MAX_BYTES - ph->p_offset)
			return 0;
		if (ph->p_offset + ph->p_filesz > bytes)
			bytes = ph->p_offset + ph->p_filesz;
	}
	return bytes;
}

static bool
load_segments(struct gt_target *t, const Elf64_Phdr *phdrs, unsigned n,
	      uint64_t bias, uint64_t end, char *image)
{
	for (unsigned i = 0; i < n; i++) {
		const Elf64_Phdr *ph = &phdrs[i];
		uint64_t addr = ph->p_vaddr + bias;

		if (ph->p_type != PT_LOAD || !ph->p_filesz)
			continue;
		if (addr >= end || ph->p_filesz > end - addr)
			return false;
		struct gt_error *err = gt_target_read(
			t, addr, image + ph->p_offset, ph->p_filesz);
		/* Data may be unreadable, code never is. */
		bool fatal = err && ph->p_flags & PF_X;
		gt_error_free(err);
		if (fatal)
			return false;
	}
	return true;
}

Elf *
gt_elf_from_memory(struct gt_target *t, uint64_t start, uint64_t end,
		   void **ret_image)
{
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdrs[PHDRS_MAX];
	struct gt_error *err = gt_target_read(t, start, &ehdr, sizeof(ehdr));

	*ret_image = NULL;
	if (!err &&
	    (memcmp(ehdr.e_ident, ELFMAG, SELFMAG) ||
	     ehdr.e_phentsize != sizeof(*phdrs) || ehdr.e_phnum > PHDRS_MAX))
		return NULL;
	if (!err)
		err = gt_target_read(t, start + ehdr.e_phoff, phdrs,
				     ehdr.e_phnum * sizeof(*phdrs));
	if (err) {
		gt_error_free(err);
		return NULL;
	}
	/* What is not mapped is not to be had, nor is memory for it. */
	size_t bytes = file_bytes(phdrs, ehdr.e_phnum);
	if (bytes > end - start)
		return NULL;
	uint64_t bias = start;
	for (unsigned i = 0; i < ehdr.e_phnum; i++)
		if (phdrs[i].p_type == PT_LOAD) {
			bias = start - (phdrs[i].p_vaddr & ~4095ull);
			break;
		}
	GT_CLEANUP(gt_freep)
	char *image = bytes >= sizeof(ehdr) ? calloc(1, bytes) : NULL;
	if (!image || !load_segments(t, phdrs, ehdr.e_phnum, bias, end, image))
		return NULL;
	ehdr.e_shoff = 0;
	ehdr.e_shnum = ehdr.e_shstrndx = 0;
	memcpy(image, &ehdr, sizeof(ehdr));
	elf_version(EV_CURRENT);
	Elf *elf = elf_memory(image, bytes);
	if (elf)
		*ret_image = gt_steal(image);
	return elf;
}
