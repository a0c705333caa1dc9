// SPDX-License-Identifier: MIT
/*
 * test_symtab.c - names of functions, from good files and bad ones
 *
 * Bad ones are copies of this program with bytes changed or the end cut off.
 * The build id is what tells a wrong file from the right one, so a copy that
 * keeps it is believed, and read.
 */
#include "test.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "symtab.h"

enum {
	MUTATIONS = 400,
};

static struct gr_modules modules;
static struct gr_symtab symtab;
static char name[256];

static const struct gr_module *
module_of(uintptr_t pc)
{
	const struct gr_module *m;

	gr_modules_read(&modules);
	m = gr_modules_find(&modules, pc);
	assert_non_null(m);
	return m;
}

/* Look @pc up in the file of the module that holds it. */
static bool
find(uintptr_t pc, uintptr_t *ret_start)
{
	bool found;

	if (!gr_symtab_open(&symtab, module_of(pc)))
		return false;
	found = gr_symtab_find(&symtab, pc, name, sizeof(name), ret_start);
	gr_symtab_close(&symtab);
	return found;
}

static __attribute__((noinline)) int
some_static_function(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n;
}

static void
static_function_has_its_name(void **state)
{
	uintptr_t pc = (uintptr_t)some_static_function, start = 0;

	(void)state;
	assert_true(find(pc, &start));
	assert_string_equal(name, "some_static_function");
	assert_int_equal(start, pc);
	assert_true(find(pc + 1, &start));
	assert_string_equal(name, "some_static_function");
	assert_int_equal(start, pc);
}

static void
exported_function_of_a_library_has_its_name(void **state)
{
	uintptr_t pc = (uintptr_t)dlsym(RTLD_DEFAULT, "gnu_get_libc_version"),
		  start = 0;

	(void)state;
	assert_true(find(pc + 1, &start));
	assert_string_equal(name, "gnu_get_libc_version");
	assert_int_equal(start, pc);
}

static void
function_of_the_vdso_has_its_name(void **state)
{
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
	const struct gr_module *m;
	uintptr_t start;
	int found = 0;

	(void)state;
	if (!vdso)
		skip();
	gr_modules_read(&modules);
	for (uint32_t i = 0; i < modules.n; i++)
		if (modules.module[i].start == vdso)
			vdso = modules.module[i].text_lo;
	m = module_of(vdso);
	assert_true(gr_symtab_open(&symtab, m));
	for (uintptr_t pc = m->text_lo; pc < m->text_hi; pc += 16)
		if (gr_symtab_find(&symtab, pc, name, sizeof(name), &start) &&
		    strstr(name, "clock_gettime"))
			found++;
	gr_symtab_close(&symtab);
	assert_true(found > 0);
}

static void
address_outside_of_text_has_no_name(void **state)
{
	const struct gr_module *m = module_of((uintptr_t)find);
	uintptr_t start;

	(void)state;
	assert_true(gr_symtab_open(&symtab, m));
	assert_false(
		gr_symtab_find(&symtab, m->bias, name, sizeof(name), &start));
	assert_false(gr_symtab_find(&symtab, m->bias - 1, name, sizeof(name),
				    &start));
	gr_symtab_close(&symtab);
}

static void
long_name_is_cut(void **state)
{
	uintptr_t pc = (uintptr_t)some_static_function, start;
	char tiny[5];

	(void)state;
	assert_true(gr_symtab_open(&symtab, module_of(pc)));
	assert_true(gr_symtab_find(&symtab, pc, tiny, sizeof(tiny), &start));
	gr_symtab_close(&symtab);
	assert_string_equal(tiny, "some");
}

/* A copy of this program's file, in memory. */
static char *
slurp(size_t *ret_bytes)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	struct stat st;
	char *data;
	size_t n = 0;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	data = malloc((size_t)st.st_size);
	assert_non_null(data);
	while (n < (size_t)st.st_size) {
		ssize_t got = read(fd, data + n, (size_t)st.st_size - n);

		assert_true(got > 0);
		n += (size_t)got;
	}
	close(fd);
	*ret_bytes = n;
	return data;
}

static void
spill(const char *path, const char *data, size_t bytes)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, bytes, f), bytes);
	assert_int_equal(fclose(f), 0);
}

static uint64_t
next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 33;
}

/* Change @data where it hurts: the header, the section headers, the symbols. */
static void
mutate(char *data, size_t bytes, uint64_t *random)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)data;
	size_t sections = eh->e_shoff;
	size_t sections_bytes = (size_t)eh->e_shnum * sizeof(Elf64_Shdr);

	/* Spare e_ident and e_machine, or it is refused at once. */
	for (int i = 0; i < 4; i++)
		data[sections + next_random(random) % sections_bytes] =
			(char)next_random(random);
	if (next_random(random) % 2)
		data[40 + next_random(random) % 24] = (char)next_random(random);
	for (int i = 0; i < 200; i++)
		data[64 + next_random(random) % (bytes - 64)] =
			(char)next_random(random);
}

static void
damaged_file_gives_a_wrong_name_or_none(void **state)
{
	uintptr_t pc = (uintptr_t)some_static_function, start;
	char path[] = "/tmp/test_symtab.XXXXXX";
	struct gr_module m = *module_of(pc);
	uint64_t random = 1;
	size_t bytes;
	char *good = slurp(&bytes), *bad = malloc(bytes);
	int opened = 0, fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0 && bad);
	close(fd);
	m.path = path;
	for (int i = 0; i < MUTATIONS; i++) {
		size_t cut = i % 4 ? bytes : next_random(&random) % bytes;

		memcpy(bad, good, bytes);
		mutate(bad, bytes, &random);
		spill(path, bad, cut);
		/* As if it were the one: the build id may be damaged too. */
		if (!gr_image_open(&symtab.image, path))
			continue;
		gr_image_build_id(&symtab.image, &m.build_id);
		gr_image_close(&symtab.image);
		if (!m.build_id.n || !gr_symtab_open(&symtab, &m))
			continue;
		opened++;
		gr_symtab_find(&symtab, pc, name, sizeof(name), &start);
		gr_symtab_close(&symtab);
	}
	unlink(path);
	free(good);
	free(bad);
	print_message("%d of %d damaged files were read\n", opened, MUTATIONS);
	assert_true(opened > MUTATIONS / 10);
}

static void
stripped_file_has_the_exported_names_only(void **state)
{
	uintptr_t exported = (uintptr_t)dlsym(RTLD_DEFAULT, "gnu_get_libc_"
							    "version"),
		  start;
	char path[] = "/tmp/test_symtab.XXXXXX";
	char command[512];
	struct gr_module m = *module_of(exported);
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	snprintf(command, sizeof(command), "strip -o %s %s 2>/dev/null", path,
		 m.path);
	if (system(command)) {
		unlink(path);
		skip();
	}
	m.path = path;
	assert_true(gr_symtab_open(&symtab, &m));
	assert_false(symtab.complete);
	assert_true(gr_symtab_find(&symtab, exported + 1, name, sizeof(name),
				   &start));
	assert_string_equal(name, "gnu_get_libc_version");
	assert_int_equal(start, exported);
	gr_symtab_close(&symtab);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(static_function_has_its_name),
		cmocka_unit_test(exported_function_of_a_library_has_its_name),
		cmocka_unit_test(function_of_the_vdso_has_its_name),
		cmocka_unit_test(address_outside_of_text_has_no_name),
		cmocka_unit_test(long_name_is_cut),
		cmocka_unit_test(damaged_file_gives_a_wrong_name_or_none),
		cmocka_unit_test(stripped_file_has_the_exported_names_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
