/* SPDX-License-Identifier: MIT */
/*
 * image.h - reading an ELF image that may be anything: a file or memory
 *
 * Idea       Everything that reads ELF here reads by copying, through one
 *            function that says no instead of faulting: pread() for a file,
 *            process_vm_readv() on ourselves for memory. A file that was cut
 *            short or a library that is being unloaded then costs a name in
 *            the report, not the report; mmap() would answer with SIGBUS.
 * Trust      Nothing. Each offset and count comes from outside.
 * Signals    All of it is safe in a handler: system calls, no state.
 */
#ifndef GR_IMAGE_H
#define GR_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gr_image {
	int fd;           /* a file, or -1: an image in memory */
	uintptr_t header; /* memory: where the ELF header lies */
	uintptr_t bias;   /* memory: address less ELF address */
	Elf64_Ehdr ehdr;
};

enum {
	GR_BUILD_ID_BYTES = 32, /* of a longer one, the first bytes */
};

struct gr_build_id {
	uint8_t n; /* 0: there is none */
	uint8_t bytes[GR_BUILD_ID_BYTES];
};

bool gr_peek(void *to, uintptr_t from, size_t n);

bool gr_image_open(struct gr_image *im, const char *path);
bool gr_image_open_memory(struct gr_image *im, uintptr_t header);
void gr_image_close(struct gr_image *im);

bool gr_image_read(const struct gr_image *im, uint64_t offset, void *to,
		   size_t n);
bool gr_image_phdr(const struct gr_image *im, unsigned i, Elf64_Phdr *ret);
bool gr_image_shdr(const struct gr_image *im, uint32_t i, Elf64_Shdr *ret);
bool gr_image_section(const struct gr_image *im, const char *name,
		      uint32_t type, Elf64_Shdr *ret);
void gr_image_build_id(const struct gr_image *im, struct gr_build_id *ret);

#endif
