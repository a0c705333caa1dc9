// SPDX-License-Identifier: MIT
/*
 * fuzz_core.c - a core with a runtime in it, damaged and cut off
 *
 * The first four bytes say where the core ends, and whether. Changes are made to its
 * headers and notes; what is in its memory is fuzz_abi.c's.
 */
#include "fuzz.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <unistd.h>

#include "../unit/fake_target.h"

enum { CUT_EVERY = 8, LOAD_EVERY = 16 };
enum { HEAD = 4096, NOTES_AT = 288, MEMORY = sizeof(struct fake_memory) };

static unsigned char head[HEAD];
static size_t head_used;

static size_t
add_note(size_t at, uint32_t type, const void *desc, size_t bytes)
{
	Elf64_Nhdr nh = { 5, bytes, type };

	memcpy(head + at, &nh, sizeof(nh));
	memcpy(head + at + sizeof(nh), "CORE", 5);
	memcpy(head + at + sizeof(nh) + 8, desc, bytes);
	return at + sizeof(nh) + 8 + ((bytes + 3) & ~3ul);
}

static void
make_head(void)
{
	Elf64_Ehdr *ehdr = (Elf64_Ehdr *)head;
	Elf64_Phdr *ph = (Elf64_Phdr *)(ehdr + 1);
	struct elf_prstatus status = { .pr_pid = 100 };
	Elf64_auxv_t aux[] = { { AT_PHDR, { FAKE_BASE + 64 } } };
	struct {
		uint64_t n, page, v[6];
		char paths[32];
	} files = { 2,
		    4096,
		    { FAKE_BASE, FAKE_BASE + 4096, 0, FAKE_BASE + 4096,
		      FAKE_BASE + 8192, 1 },
		    "/nowhere/a\0/nowhere/a" };
	size_t at = NOTES_AT;

	memcpy(ehdr->e_ident, ELFMAG, SELFMAG);
	ehdr->e_ident[EI_CLASS] = ELFCLASS64;
	ehdr->e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr->e_ident[EI_VERSION] = EV_CURRENT;
	ehdr->e_type = ET_CORE;
	ehdr->e_machine = EM_X86_64;
	ehdr->e_version = EV_CURRENT;
	ehdr->e_phoff = sizeof(*ehdr);
	ehdr->e_ehsize = sizeof(*ehdr);
	ehdr->e_phentsize = sizeof(*ph);
	ehdr->e_phnum = 4;
	at = add_note(at, NT_PRSTATUS, &status, sizeof(status));
	at = add_note(at, NT_AUXV, aux, sizeof(aux));
	at = add_note(at, NT_FILE, &files, sizeof(files));
	ph[0] = (Elf64_Phdr){ .p_type = PT_NOTE,
			      .p_offset = NOTES_AT,
			      .p_filesz = at - NOTES_AT };
	head_used = at;
	ph[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
			      .p_flags = PF_R,
			      .p_vaddr = FAKE_BASE,
			      .p_offset = HEAD,
			      .p_filesz = 4096,
			      .p_memsz = 4096 };
	ph[2] = (Elf64_Phdr){ .p_type = PT_LOAD,
			      .p_flags = PF_R | PF_W,
			      .p_vaddr = FAKE_BASE + 4096,
			      .p_offset = HEAD + 4096,
			      .p_filesz = MEMORY - 4096,
			      .p_memsz = MEMORY - 4096 };
	ph[3] = (Elf64_Phdr){ .p_type = PT_LOAD,
			      .p_flags = PF_R | PF_X,
			      .p_vaddr = 0x7fff00000000,
			      .p_memsz = 4096 };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static int fd = -1;
	static char path[64];
	static struct fake *f;
	struct fuzz_changes changes;
	struct gt_target *t = NULL;
	uint32_t end;

	if (bytes < sizeof(end))
		return 0;
	if (fd < 0) {
		make_head();
		f = fake_create();
		fuzz_populate(f);
		fd = memfd_create("core", 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (pwrite(fd, f->mem, MEMORY, HEAD) < 0)
			abort();
	}
	memcpy(&end, data, sizeof(end));
	bool cut = end % CUT_EVERY == 0;
	fuzz_change(&changes, head, head_used, data + sizeof(end),
		    bytes - sizeof(end));
	if (pwrite(fd, head, HEAD, 0) < 0 ||
	    (cut && ftruncate(fd, end / CUT_EVERY % (HEAD + MEMORY))))
		abort();
	struct gt_error *err = gt_target_core_open(path, NULL, &t);
	/* To load it takes ten times as long as to open it. */
	if (!err && end % LOAD_EVERY == 0)
		fuzz_load(t);
	gt_error_free(err);
	gt_target_destroyp(&t);
	fuzz_undo(&changes);
	if (cut && pwrite(fd, f->mem, MEMORY, HEAD) < 0)
		abort();
	return 0;
}
