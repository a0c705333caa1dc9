// SPDX-License-Identifier: MIT
/*
 * abi_note.c - find the note in the ELF images that a target has mapped
 *
 * Idea       Program headers and notes are in memory wherever code is, so this
 *            works for stripped, static and deleted binaries, in containers
 *            and in cores. The first page of every image is read in one go;
 *            it nearly always holds all that is needed.
 * Trust      An image is whatever starts with ELF's magic; its headers are
 *            checked as if written by an enemy.
 */
#include "abi_note.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "goro/abi.h"

enum {
	PAGE = 4096,
	IMAGES_MAX = 16384,
	PHDRS_MAX = 256,
	NOTES_MAX_BYTES = 64 << 10,
};

struct image {
	struct gt_target *t;
	uint64_t start;
	const unsigned char *page; /* the first PAGE bytes */
	Elf64_Phdr phdrs[PHDRS_MAX];
	unsigned phdrs_n;
	uint64_t bias;
};

/* Bytes of the image, out of its first page if they are there. */
static bool
image_read(const struct image *im, uint64_t addr, void *buf, size_t bytes)
{
	if (addr >= im->start && addr - im->start <= PAGE &&
	    bytes <= PAGE - (addr - im->start)) {
		memcpy(buf, im->page + (addr - im->start), bytes);
		return true;
	}
	struct gt_span span = { .addr = addr, .buf = buf, .bytes = bytes };
	struct gt_error *err = im->t->ops->read(im->t, &span, 1);

	gt_error_free(err);
	return !err && span.ok;
}

static bool
image_open(struct image *im)
{
	Elf64_Ehdr ehdr;

	memcpy(&ehdr, im->page, sizeof(ehdr));
	if (memcmp(ehdr.e_ident, ELFMAG, SELFMAG) ||
	    ehdr.e_ident[EI_CLASS] != ELFCLASS64 ||
	    ehdr.e_ident[EI_DATA] != ELFDATA2LSB ||
	    ehdr.e_phentsize != sizeof(Elf64_Phdr) || !ehdr.e_phnum ||
	    ehdr.e_phnum > PHDRS_MAX)
		return false;
	im->phdrs_n = ehdr.e_phnum;
	if (!image_read(im, im->start + ehdr.e_phoff, im->phdrs,
			im->phdrs_n * sizeof(Elf64_Phdr)))
		return false;
	/* The mapping found is that of the file's start. */
	for (unsigned i = 0; i < im->phdrs_n; i++) {
		const Elf64_Phdr *ph = &im->phdrs[i];

		if (ph->p_type == PT_LOAD && ph->p_offset < PAGE) {
			im->bias = im->start - (ph->p_vaddr & ~(PAGE - 1ull));
			return true;
		}
	}
	return false;
}

static size_t
align4(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

/* Returns false once @found does. */
static bool
scan_notes(const unsigned char *notes, size_t bytes, uint64_t addr,
	   bool (*found)(uint64_t table, void *arg), void *arg)
{
	size_t at = 0;

	while (bytes - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr nh;

		memcpy(&nh, notes + at, sizeof(nh));
		at += sizeof(nh);
		if (nh.n_namesz > bytes || nh.n_descsz > bytes ||
		    align4(nh.n_namesz) + align4(nh.n_descsz) > bytes - at)
			break;
		const char *owner = (const char *)notes + at;
		size_t desc = at + align4(nh.n_namesz);
		int64_t distance;

		if (nh.n_type == GORO_NOTE_TABLE &&
		    nh.n_namesz == sizeof(GORO_NOTE_OWNER) &&
		    memcmp(owner, GORO_NOTE_OWNER, nh.n_namesz) == 0 &&
		    nh.n_descsz == sizeof(distance)) {
			memcpy(&distance, notes + desc, sizeof(distance));
			if (!found(addr + desc + distance, arg))
				return false;
		}
		at = desc + align4(nh.n_descsz);
	}
	return true;
}

static bool
scan_image(struct image *im, bool (*found)(uint64_t table, void *arg),
	   void *arg)
{
	for (unsigned i = 0; i < im->phdrs_n; i++) {
		const Elf64_Phdr *ph = &im->phdrs[i];

		if (ph->p_type != PT_NOTE || ph->p_memsz > NOTES_MAX_BYTES)
			continue;
		GT_CLEANUP(gt_freep)
		unsigned char *notes = malloc(ph->p_memsz + 1);
		if (notes &&
		    image_read(im, ph->p_vaddr + im->bias, notes,
			       ph->p_memsz) &&
		    !scan_notes(notes, ph->p_memsz, ph->p_vaddr + im->bias,
				found, arg))
			return false;
	}
	return true;
}

struct gt_error *
gt_abi_notes(struct gt_target *t, bool (*found)(uint64_t table, void *arg),
	     void *arg)
{
	size_t n = 0, max = t->maps.n < IMAGES_MAX ? t->maps.n : IMAGES_MAX;
	GT_CLEANUP(gt_freep)
	struct gt_span *spans = calloc(max + 1, sizeof(*spans));
	GT_CLEANUP(gt_freep) unsigned char *pages = malloc(max * PAGE + 1);
	GT_CLEANUP(gt_freep) struct image *im = calloc(1, sizeof(*im));

	if (!spans || !pages || !im)
		return &gt_enomem;
	for (size_t i = 0; i < t->maps.n && n < max;
	     i = gt_maps_file_end(&t->maps, i)) {
		const struct gt_map *map = &t->maps.v[i];

		if (map->offset || !map->inode || !(map->prot & GT_MAP_READ))
			continue;
		spans[n] = (struct gt_span){
			.addr = map->start,
			.buf = pages + n * PAGE,
			.bytes = PAGE,
		};
		n++;
	}
	struct gt_error *err = t->ops->read(t, spans, n);
	for (size_t i = 0; i < n && !err; i++) {
		im->t = t;
		im->start = spans[i].addr;
		im->page = spans[i].buf;
		if (spans[i].ok && image_open(im) &&
		    !scan_image(im, found, arg))
			break;
	}
	return err;
}
