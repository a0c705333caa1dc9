// SPDX-License-Identifier: MIT
/*
 * test_target_core.c - cores, made by hand so that anything can be wrong
 *
 * The core has two pages of memory of its own (0x10000, 0x11000), a file that
 * was mapped (0x20000, two pages, of which the core has the first), and a
 * thread.
 */
#include "test.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tracer/target.h"

enum {
	PAGE = 4096,
	OWN = 0x10000,
	MAPPED = 0x20000,
	VDSO = 0x30000,
	TID = 77,
	NOTES_AT = PAGE,
	OWN_AT = 2 * PAGE,
	MAPPED_AT = 4 * PAGE,
	VDSO_AT = 5 * PAGE,
	CORE_BYTES = 6 * PAGE,
};

static struct core {
	unsigned char v[CORE_BYTES];
	size_t notes_bytes;
} core;

static char dir[] = "/tmp/test_target_core.XXXXXX", core_path[64],
	    file_path[64], other_path[64];
static unsigned char file[2 * PAGE]; /* what file_path holds */
static struct gt_target *t;

static void
write_file(const char *path, const void *data, size_t bytes)
{
	FILE *f = fopen(path, "w");

	T_CHECK(f && fwrite(data, 1, bytes, f) == bytes && fclose(f) == 0);
}

static void
add_note(uint32_t type, const void *desc, size_t bytes)
{
	unsigned char *p = core.v + NOTES_AT + core.notes_bytes;
	Elf64_Nhdr nh = { 5, bytes, type };

	memcpy(p, &nh, sizeof(nh));
	memcpy(p + sizeof(nh), "CORE", 5);
	memcpy(p + sizeof(nh) + 8, desc, bytes);
	core.notes_bytes += sizeof(nh) + 8 + ((bytes + 3) & ~3ul);
}

static void
add_file_note(void)
{
	struct {
		uint64_t n, page, start, end, offset, start2, end2, offset2;
		char paths[256];
	} d = { 2,
		PAGE,
		MAPPED,
		MAPPED + PAGE,
		0,
		MAPPED + PAGE,
		MAPPED + 2 * PAGE,
		1,
		"" };
	size_t len = strlen(file_path) + 1;

	memcpy(d.paths, file_path, len);
	memcpy(d.paths + len, file_path, len);
	add_note(NT_FILE, &d, sizeof(d) - sizeof(d.paths) + 2 * len);
}

/* An ELF file's first page, with a build id that starts with @id. */
static void
make_file(unsigned char *page, unsigned char id)
{
	Elf64_Ehdr *ehdr = (Elf64_Ehdr *)page;
	Elf64_Phdr *ph = (Elf64_Phdr *)(ehdr + 1);
	Elf64_Nhdr nh = { 4, 8, NT_GNU_BUILD_ID };

	memcpy(ehdr->e_ident, ELFMAG, SELFMAG);
	ehdr->e_ident[EI_CLASS] = ELFCLASS64;
	ehdr->e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr->e_ident[EI_VERSION] = EV_CURRENT;
	ehdr->e_type = ET_DYN;
	ehdr->e_machine = GT_ARCH_MACHINE;
	ehdr->e_version = EV_CURRENT;
	ehdr->e_phoff = sizeof(*ehdr);
	ehdr->e_ehsize = sizeof(*ehdr);
	ehdr->e_phentsize = sizeof(*ph);
	ehdr->e_phnum = 2;
	ph[0] = (Elf64_Phdr){ .p_type = PT_LOAD,
			      .p_flags = PF_R | PF_X,
			      .p_filesz = 2 * PAGE,
			      .p_memsz = 2 * PAGE,
			      .p_align = PAGE };
	ph[1] = (Elf64_Phdr){ .p_type = PT_NOTE,
			      .p_offset = 512,
			      .p_vaddr = 512,
			      .p_filesz = 24,
			      .p_memsz = 24,
			      .p_align = 4 };
	memcpy(page + 512, &nh, sizeof(nh));
	memcpy(page + 524, "GNU", 4);
	memset(page + 528, id, 8);
}

static void
add_segment(uint64_t addr, uint64_t bytes, uint64_t offset, uint64_t file_bytes,
	    uint32_t flags)
{
	Elf64_Ehdr *ehdr = (Elf64_Ehdr *)core.v;
	Elf64_Phdr *ph = (Elf64_Phdr *)(ehdr + 1) + ehdr->e_phnum++;

	*ph = (Elf64_Phdr){ .p_type = addr ? PT_LOAD : PT_NOTE,
			    .p_vaddr = addr,
			    .p_memsz = bytes,
			    .p_offset = offset,
			    .p_filesz = file_bytes,
			    .p_flags = flags };
}

/* As a kernel would write it; a test may damage it then. */
static void
make_core(void)
{
	Elf64_Ehdr *ehdr = (Elf64_Ehdr *)core.v;
	struct elf_prstatus status = { .pr_pid = TID };
	struct user_regs_struct user = { .rsp = 0x1234, .rip = 0x5678 };
	Elf64_auxv_t aux[] = {
		{ AT_PHDR, { MAPPED + 64 } },
		{ AT_SYSINFO_EHDR, { VDSO } },
		{ AT_NULL, { 0 } },
	};

	memset(&core, 0, sizeof(core));
	memcpy(ehdr->e_ident, ELFMAG, SELFMAG);
	ehdr->e_ident[EI_CLASS] = ELFCLASS64;
	ehdr->e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr->e_ident[EI_VERSION] = EV_CURRENT;
	ehdr->e_type = ET_CORE;
	ehdr->e_machine = GT_ARCH_MACHINE;
	ehdr->e_version = EV_CURRENT;
	ehdr->e_phoff = sizeof(*ehdr);
	ehdr->e_ehsize = sizeof(*ehdr);
	ehdr->e_phentsize = sizeof(Elf64_Phdr);
	memcpy(&status.pr_reg, &user, sizeof(user));
	add_note(NT_PRSTATUS, &status, sizeof(status));
	add_note(NT_AUXV, aux, sizeof(aux));
	add_file_note();
	add_segment(0, 0, NOTES_AT, core.notes_bytes, 0);
	add_segment(OWN, PAGE, OWN_AT, PAGE, PF_R | PF_W);
	add_segment(OWN + PAGE, PAGE, OWN_AT + PAGE, PAGE, PF_R | PF_W);
	add_segment(MAPPED, PAGE, MAPPED_AT, PAGE, PF_R);
	add_segment(MAPPED + PAGE, PAGE, VDSO_AT, 0, PF_R | PF_X);
	add_segment(VDSO, PAGE, VDSO_AT, PAGE, PF_R | PF_X);
	for (unsigned i = 0; i < 2 * PAGE; i++)
		core.v[OWN_AT + i] = (unsigned char)(i * 7);
	memcpy(core.v + MAPPED_AT, file, PAGE);
}

static struct gt_error *
open_core(const char *exe)
{
	write_file(core_path, core.v, sizeof(core.v));
	return gt_target_core_open(core_path, exe, &t);
}

static int
begin(void **state)
{
	(void)state;
	T_CHECK(mkdtemp(dir));
	snprintf(core_path, sizeof(core_path), "%s/core", dir);
	snprintf(file_path, sizeof(file_path), "%s/program", dir);
	snprintf(other_path, sizeof(other_path), "%s/other", dir);
	for (unsigned i = 0; i < 2 * PAGE; i++)
		file[i] = (unsigned char)(i * 3);
	make_file(file, 1);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	unlink(core_path);
	unlink(file_path);
	unlink(other_path);
	return rmdir(dir);
}

static int
setup(void **state)
{
	(void)state;
	write_file(file_path, file, sizeof(file));
	make_core();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	gt_target_destroyp(&t);
	return 0;
}

static void
open_well(const char *exe)
{
	struct gt_error *err = open_core(exe);

	if (err)
		fail_msg("%s", err->text);
}

/* Opening it is refused, and the reason has @text in it. */
static void
refused(const char *exe, const char *text)
{
	struct gt_error *err = open_core(exe);

	assert_non_null(err);
	if (!strstr(err->text, text))
		fail_msg("'%s' is not in '%s'", text, err->text);
	gt_error_free(err);
}

static bool
readable(uint64_t addr, size_t bytes)
{
	char buf[4 * PAGE];
	struct gt_error *err = gt_target_read(t, addr, buf, bytes);

	gt_error_free(err);
	return !err;
}

static void
memory_is_what_the_core_has(void **state)
{
	unsigned char buf[2 * PAGE];

	(void)state;
	open_well(NULL);
	assert_string_equal(t->notice, "");
	assert_null(gt_target_read(t, OWN + 100, buf, PAGE));
	assert_memory_equal(buf, core.v + OWN_AT + 100, PAGE);
	assert_false(readable(OWN - 1, 2));
	assert_false(readable(OWN + PAGE + 1, PAGE));
	assert_false(readable(0, 8));
	assert_false(readable(UINT64_MAX - 3, 8));
}

static void
what_was_only_mapped_is_read_from_the_file(void **state)
{
	unsigned char buf[2 * PAGE];

	(void)state;
	open_well(NULL);
	assert_null(gt_target_read(t, MAPPED, buf, 2 * PAGE));
	assert_memory_equal(buf, file, 2 * PAGE);
	const struct gt_map *map = gt_maps_find(&t->maps, MAPPED + PAGE);
	assert_non_null(map);
	assert_string_equal(map->path, file_path);
	assert_int_equal(map->prot, GT_MAP_READ | GT_MAP_EXEC);
	int fd = t->ops->open_file(t, map);
	assert_true(fd >= 0);
	close(fd);
}

static void
the_cores_memory_goes_before_the_file(void **state)
{
	unsigned char byte;

	(void)state;
	core.v[MAPPED_AT + 3000] ^= 0xff;
	open_well(NULL);
	assert_null(gt_target_read(t, MAPPED + 3000, &byte, 1));
	assert_int_equal(byte, core.v[MAPPED_AT + 3000]);
}

static void
another_build_of_the_file_is_not_read(void **state)
{
	unsigned char newer[2 * PAGE];

	(void)state;
	memcpy(newer, file, sizeof(newer));
	make_file(newer, 2);
	write_file(file_path, newer, sizeof(newer));
	open_well(NULL);
	assert_true(readable(MAPPED, PAGE));
	assert_false(readable(MAPPED + PAGE, 1));
	gt_target_destroyp(&t);
	/* The right one is elsewhere now. */
	write_file(other_path, file, sizeof(file));
	open_well(other_path);
	assert_true(readable(MAPPED + PAGE, PAGE));
	gt_target_destroyp(&t);
	write_file(other_path, newer, sizeof(newer));
	refused(other_path, "is not the program that this core is of");
	refused("/nowhere", "cannot open /nowhere");
}

static void
threads_have_the_registers_of_the_notes(void **state)
{
	struct gt_regs regs;

	(void)state;
	open_well(NULL);
	assert_int_equal(t->ops->hold(t, TID, &regs), 0);
	assert_int_equal(regs.r[GT_ARCH_SP], 0x1234);
	assert_int_equal(regs.r[GT_ARCH_PC], 0x5678);
	assert_int_equal(t->ops->hold(t, TID + 1, &regs), -ENODATA);
}

static void
the_vdso_is_a_mapping_without_a_file(void **state)
{
	(void)state;
	open_well(NULL);
	const struct gt_map *map = gt_maps_find(&t->maps, VDSO);
	assert_non_null(map);
	assert_string_equal(map->path, "[vdso]");
	assert_int_equal(map->inode, 0);
	assert_true(t->ops->open_file(t, map) < 0);
}

/* Cut everywhere: what is left is true, and a notice says that it is less. */
static void
a_core_that_is_cut_off_has_what_is_left(void **state)
{
	const off_t first_note = NOTES_AT + 20 + sizeof(struct elf_prstatus);
	char byte;

	(void)state;
	write_file(core_path, core.v, sizeof(core.v));
	for (off_t bytes = CORE_BYTES - 1; bytes > 0; bytes -= 97) {
		T_CHECK(truncate(core_path, bytes) == 0);
		struct gt_error *err = gt_target_core_open(core_path, NULL, &t);
		if (err) {
			assert_true(bytes < NOTES_AT);
			gt_error_free(err);
			continue;
		}
		assert_non_null(strstr(t->notice, "is cut off"));
		assert_int_equal(!!strstr(t->notice, "the lists of its threads"
						     " and of its files"),
				 bytes < first_note);
		assert_int_equal(readable(OWN, PAGE), bytes >= OWN_AT + PAGE);
		/* What was written must not come from anywhere else. */
		assert_false(bytes < OWN_AT && readable(OWN, 1));
		if (bytes > OWN_AT + 10) {
			assert_null(gt_target_read(t, OWN + 10, &byte, 1));
			assert_int_equal((unsigned char)byte, 70);
		}
		gt_target_destroyp(&t);
	}
}

static void
without_the_list_of_files_their_first_pages_tell_them(void **state)
{
	Elf64_Ehdr *ehdr = (Elf64_Ehdr *)core.v;

	(void)state;
	((Elf64_Phdr *)(ehdr + 1))[0].p_filesz = 0;
	/* The program is what is not relocatable, here. */
	((Elf64_Ehdr *)(core.v + MAPPED_AT))->e_type = ET_EXEC;
	open_well(file_path);
	assert_non_null(strstr(t->notice, "lacks the lists"));
	assert_true(readable(MAPPED + PAGE, PAGE));
	const struct gt_map *map = gt_maps_find(&t->maps, MAPPED);
	assert_non_null(map);
	assert_string_equal(map->path, file_path);
}

static void
what_is_no_core_is_refused(void **state)
{
	Elf64_Ehdr *ehdr = (Elf64_Ehdr *)core.v;

	(void)state;
	ehdr->e_type = ET_DYN;
	refused(NULL, "is no core: it is a program or a library");
	ehdr->e_type = ET_CORE;
	ehdr->e_machine = EM_ARM;
	refused(NULL, "another kind of processor");
	ehdr->e_machine = GT_ARCH_MACHINE;
	ehdr->e_phoff = UINT64_MAX - 8;
	refused(NULL, "no table of segments");
	core.v[0] = 'x';
	refused(NULL, "is no core: it is no ELF file");
	struct gt_error *err = gt_target_core_open(dir, NULL, &t);
	assert_non_null(err);
	assert_non_null(strstr(err->text, "is no file"));
	gt_error_free(err);
}

/* Any byte of headers and notes may be anything. */
static void
damage_is_survived(void **state)
{
	static const unsigned char bad[] = { 0, 1, 0x7f, 0x80, 0xff };

	(void)state;
	for (size_t at = 16; at < NOTES_AT + core.notes_bytes; at++) {
		if (at == 500) /* the headers end before */
			at = NOTES_AT;
		for (size_t i = 0; i < sizeof(bad); i++) {
			unsigned char was = core.v[at];

			core.v[at] = bad[i];
			struct gt_error *err = open_core(NULL);
			if (!err) {
				readable(OWN, 2 * PAGE);
				readable(MAPPED, 2 * PAGE);
			}
			gt_error_free(err);
			gt_target_destroyp(&t);
			core.v[at] = was;
		}
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(memory_is_what_the_core_has),
		TEST(what_was_only_mapped_is_read_from_the_file),
		TEST(the_cores_memory_goes_before_the_file),
		TEST(another_build_of_the_file_is_not_read),
		TEST(threads_have_the_registers_of_the_notes),
		TEST(the_vdso_is_a_mapping_without_a_file),
		TEST(a_core_that_is_cut_off_has_what_is_left),
		TEST(without_the_list_of_files_their_first_pages_tell_them),
		TEST(what_is_no_core_is_refused),
		TEST(damage_is_survived),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
