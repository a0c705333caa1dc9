// SPDX-License-Identifier: MIT
/*
 * test_lines.c - lines of files against elfutils, and garbage
 *
 * This file is compiled to DWARF 4, the library to what the compiler likes
 * best: 5.
 */
#include "test.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lines.h"
#include "san.h"

enum {
#if defined(GR_ASAN) || defined(GR_TSAN)
	EACH = 97, /* row is compared */
	MUTATIONS = 60,
#else
	EACH = 1,
	MUTATIONS = 300,
#endif
};

static struct gr_modules modules;
static struct gr_lines lines;
static char file[GR_FILE_MAX];

static struct gr_module *
module_of(uintptr_t pc)
{
	const struct gr_module *m;

	gr_modules_read(&modules);
	m = gr_modules_find(&modules, pc);
	assert_non_null(m);
	gr_lines_init(&lines, &modules);
	return &modules.module[m - modules.module];
}

enum { SOME_LINE = __LINE__ + 5 };
static __attribute__((noinline)) int
some_function(int n)
{
	__asm__ volatile("" : "+r"(n)); /* before the next one */
	__asm__ volatile("some_place: nop");
	return n;
}
extern const char some_place[] __attribute__((visibility("hidden")));

static void
address_has_its_file_and_line(void **state)
{
	uintptr_t pc = (uintptr_t)some_place;

	(void)state;
	some_function(1);
	assert_int_equal(gr_lines_find(&lines, module_of(pc), pc, file,
				       sizeof(file)),
			 SOME_LINE);
	assert_string_equal(file, __FILE__);
	gr_lines_fini(&lines);
}

static void
file_that_does_not_fit_is_none(void **state)
{
	uintptr_t pc = (uintptr_t)some_place;
	char tiny[8];

	(void)state;
	assert_int_equal(gr_lines_find(&lines, module_of(pc), pc, tiny,
				       sizeof(tiny)),
			 0);
	gr_lines_fini(&lines);
}

struct agreement {
	const struct gr_module *m;
	int rows, compared, unknown, versions[6];
};

static void
compare_row(struct agreement *a, Dwarf_Line *line, Dwarf_Addr at)
{
	uintptr_t pc = a->m->bias + at;
	int number = 0;
	uint32_t got;

	if (a->rows++ % EACH)
		return;
	assert_int_equal(dwarf_lineno(line, &number), 0);
	got = gr_lines_find(&lines, a->m, pc, file, sizeof(file));
	if (got != (uint32_t)number)
		print_message("%#lx: %s:%u, and elfutils says %s:%d\n",
			      (unsigned long)at, file, got,
			      dwarf_linesrc(line, NULL, NULL), number);
	assert_int_equal(got, number);
	if (got)
		assert_string_equal(file, dwarf_linesrc(line, NULL, NULL));
	a->unknown += !got;
	a->compared++;
}

/* Both ends of the stretch of each row of a unit. */
static void
compare_unit(struct agreement *a, Dwarf_Die *cu)
{
	Dwarf_Lines *rows;
	size_t n;

	if (dwarf_getsrclines(cu, &rows, &n))
		return;
	for (size_t i = 0; i + 1 < n; i++) {
		Dwarf_Line *line = dwarf_onesrcline(rows, i);
		Dwarf_Addr lo, hi;
		bool end;

		assert_int_equal(dwarf_lineendsequence(line, &end), 0);
		dwarf_lineaddr(line, &lo);
		dwarf_lineaddr(dwarf_onesrcline(rows, i + 1), &hi);
		if (end || lo == hi || lo < a->m->text_lo - a->m->bias)
			continue;
		compare_row(a, line, lo);
		compare_row(a, line, hi - 1);
	}
}

static void
every_row_is_as_elfutils_reads_it(void **state)
{
	struct agreement a = { .m = module_of((uintptr_t)some_place) };
	int fd = open(a.m->path, O_RDONLY);
	Dwarf *dwarf = dwarf_begin(fd, DWARF_C_READ);
	Dwarf_Off at = 0, next;
	size_t header;
	Dwarf_Half version;
	Dwarf_Die cu;

	(void)state;
	assert_non_null(dwarf);
	while (!dwarf_next_unit(dwarf, at, &next, &header, &version, NULL, NULL,
				NULL, NULL, NULL)) {
		if (dwarf_offdie(dwarf, at + header, &cu)) {
			compare_unit(&a, &cu);
			a.versions[version < 6 ? version : 0]++;
		}
		at = next;
	}
	dwarf_end(dwarf);
	close(fd);
	print_message("%d rows compared, %d of them without a line; %d units "
		      "of version 4, %d of 5\n",
		      a.compared, a.unknown, a.versions[4], a.versions[5]);
	assert_true(a.compared > 10 && a.versions[4]);
	gr_lines_fini(&lines);
}

static void
address_outside_has_none(void **state)
{
	struct gr_module *m = module_of((uintptr_t)some_place);

	(void)state;
	assert_int_equal(gr_lines_find(&lines, m, m->bias, file, sizeof(file)),
			 0);
	assert_int_equal(
		gr_lines_find(&lines, m, m->text_hi, file, sizeof(file)), 0);
	gr_lines_fini(&lines);
}

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 33;
}

/* Where @name lies in the file at @path. */
static struct gr_line_section
section(const char *path, const char *name)
{
	struct gr_image im;
	Elf64_Shdr sh;

	assert_true(gr_image_open(&im, path));
	assert_true(gr_image_section(&im, name, 0, &sh));
	gr_image_close(&im);
	return (struct gr_line_section){ sh.sh_offset,
					 sh.sh_offset + sh.sh_size };
}

/* Its lines changed in place, some a unit's header, and put back. */
static void
try_damaged(struct gr_module *m, char *data, struct gr_line_section where,
	    uint64_t *random)
{
	uint64_t offset[20];
	char before[20];

	for (int i = 0; i < 20; i++) {
		uint64_t span = i < 5 ? 200 : where.end - where.at;

		offset[i] = where.at + next_random(random) % span;
		before[i] = data[offset[i]];
		data[offset[i]] = (char)next_random(random);
	}
	gr_lines_init(&lines, &modules);
	for (uintptr_t pc = m->text_lo; pc < m->text_hi;
	     pc += (m->text_hi - m->text_lo) / 10)
		gr_lines_find(&lines, m, pc, file, sizeof(file));
	gr_lines_fini(&lines);
	for (int i = 20; i-- > 0;)
		data[offset[i]] = before[i];
}

static void
damaged_lines_are_wrong_or_none(void **state)
{
	struct gr_module *m = module_of((uintptr_t)some_place);
	struct gr_line_section where = section(m->path, ".debug_line");
	char path[] = "/tmp/test_lines.XXXXXX", command[512];
	uint64_t random = 1;
	int fd = mkstemp(path);
	struct stat st;
	char *data;

	(void)state;
	assert_true(fd >= 0);
	snprintf(command, sizeof(command), "cp %s %s", m->path, path);
	assert_int_equal(system(command), 0);
	assert_int_equal(fstat(fd, &st), 0);
	data = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	assert_ptr_not_equal(data, MAP_FAILED);
	m->path = path;
	for (int i = 0; i < MUTATIONS; i++)
		try_damaged(m, data, where, &random);
	/* It was the copy that was read, and it is whole again. */
	gr_lines_init(&lines, &modules);
	assert_int_equal(gr_lines_find(&lines, m, (uintptr_t)some_place, file,
				       sizeof(file)),
			 SOME_LINE);
	/* Cut short within the section: no lines, no fault. */
	assert_int_equal(ftruncate(fd, (off_t)(where.at + 100)), 0);
	gr_lines_init(&lines, &modules);
	assert_int_equal(gr_lines_find(&lines, m, (uintptr_t)some_place, file,
				       sizeof(file)),
			 0);
	gr_lines_fini(&lines);
	munmap(data, (size_t)st.st_size);
	close(fd);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_has_its_file_and_line),
		cmocka_unit_test(file_that_does_not_fit_is_none),
		cmocka_unit_test(address_outside_has_none),
		cmocka_unit_test(every_row_is_as_elfutils_reads_it),
		cmocka_unit_test(damaged_lines_are_wrong_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
