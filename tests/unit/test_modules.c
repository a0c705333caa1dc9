// SPDX-License-Identifier: MIT
/*
 * test_modules.c - our list of modules against the loader's
 */
#include "test.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "modules.h"

static struct gr_modules modules;

/* The loader has the name that it was asked for, the kernel the file's. */
static bool
same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* One of the loader's modules: ours says the same. */
static int
compare(struct dl_phdr_info *info, size_t bytes, void *arg)
{
	const struct gr_module *m = NULL;
	int *n = arg;

	(void)bytes;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t lo = info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type == PT_LOAD && (ph->p_flags & PF_X)) {
			m = gr_modules_find(&modules, lo);
			T_CHECK(m);
			T_CHECK(m == gr_modules_find(&modules,
						     lo + ph->p_memsz - 1));
			T_CHECK(m->text_lo <= lo &&
				m->text_hi >= lo + ph->p_memsz);
		}
	}
	T_CHECK(m);
	T_CHECK(m->bias == info->dlpi_addr);
	if (info->dlpi_name[0] == '/')
		T_CHECK(same_file(m->path, info->dlpi_name));
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t at = info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type != PT_GNU_EH_FRAME)
			continue;
		T_CHECK(m->eh_hdr == at);
		T_CHECK(m->eh_lo <= at && m->eh_hi >= at + ph->p_memsz);
	}
	(*n)++;
	return 0;
}

static void
list_is_the_same_as_the_loaders(void **state)
{
	int n = 0;

	(void)state;
	gr_modules_read(&modules);
	dl_iterate_phdr(compare, &n);
	assert_true(n >= 3);
	assert_int_equal(n, modules.n);
	for (uint32_t i = 1; i < modules.n; i++)
		assert_true(modules.module[i - 1].text_hi <=
			    modules.module[i].text_lo);
}

static void
vdso_is_a_module(void **state)
{
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);
	const struct gr_module *found = NULL;

	(void)state;
	if (!vdso)
		skip();
	gr_modules_read(&modules);
	for (uint32_t i = 0; i < modules.n; i++)
		if (modules.module[i].start == vdso)
			found = &modules.module[i];
	assert_non_null(found);
	assert_string_equal(found->path, "[vdso]");
	assert_true(found->eh_hdr);
}

static void
program_has_its_build_id_and_file(void **state)
{
	const struct gr_module *m;
	struct gr_build_id id;
	struct gr_image im;
	char exe[4096] = "";

	(void)state;
	gr_modules_read(&modules);
	m = gr_modules_find(&modules,
			    (uintptr_t)program_has_its_build_id_and_file);
	assert_non_null(m);
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	assert_string_equal(m->path, exe);
	assert_true(gr_module_open(m, &im));
	gr_image_build_id(&im, &id);
	assert_int_equal(id.n, m->build_id.n);
	assert_memory_equal(id.bytes, m->build_id.bytes, id.n);
	gr_image_close(&im);
}

static bool
is_loaded(const char *name)
{
	gr_modules_read(&modules);
	for (uint32_t i = 0; i < modules.n; i++)
		if (!strcmp(gr_module_name(&modules.module[i]), name))
			return true;
	return false;
}

/* Some library that the test itself does not need. */
static const char *const some_library[] = { "libresolv.so.2", "libnsl.so.1",
					    "libmemusage.so", "libutil.so.1" };

static void
dlopened_library_comes_and_goes(void **state)
{
	const char *name = NULL;
	void *handle = NULL;

	(void)state;
	for (int i = 0; i < 4 && !handle; i++) {
		name = some_library[i];
		if (!is_loaded(name))
			handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	}
	if (!handle)
		skip();
	assert_true(is_loaded(name));
	dlclose(handle);
	assert_false(is_loaded(name));
}

static void
elf_file_mapped_as_data_is_no_module(void **state)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	struct stat st;
	uint32_t before;
	char *data;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	gr_modules_read(&modules);
	before = modules.n;
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(data != MAP_FAILED);
	close(fd);
	gr_modules_read(&modules);
	assert_int_equal(modules.n, before);
	assert_null(gr_modules_find(&modules, (uintptr_t)data));
	munmap(data, (size_t)st.st_size);
}

static void
replaced_file_is_not_taken_for_the_loaded_one(void **state)
{
	struct gr_module m = { 0 };
	struct gr_image im;

	(void)state;
	gr_modules_read(&modules);
	m = *gr_modules_find(&modules, (uintptr_t)is_loaded);
	/* The path leads to another program by now: the kernel's own link to
	 * ours is used instead. */
	m.path = "/bin/true";
	assert_true(gr_module_open(&m, &im));
	assert_memory_equal(&im.ehdr, (void *)m.start, sizeof(im.ehdr));
	gr_image_close(&im);
	/* And nothing where there is none. */
	m.build_id.n = 20;
	memset(m.build_id.bytes, 0x5a, 20);
	assert_false(gr_module_open(&m, &im));
}

static void
pipe_in_a_files_place_is_refused(void **state)
{
	struct gr_image im;
	char path[] = "/tmp/test_modules.XXXXXX";
	char fifo[64];

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(fifo, sizeof(fifo), "%s/fifo", path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_false(gr_image_open(&im, fifo));
	unlink(fifo);
	rmdir(path);
}

static void
peek_at_unmapped_memory_fails(void **state)
{
	char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	char byte;

	(void)state;
	assert_true(page != MAP_FAILED);
	assert_false(gr_peek(&byte, (uintptr_t)page, 1));
	assert_false(gr_peek(&byte, 0, 1));
	assert_true(gr_peek(&byte, (uintptr_t)&page, 1));
	munmap(page, 4096);
}

static void
mapping_of_a_local_variable_is_the_stack(void **state)
{
	static struct gr_maps maps;
	uintptr_t lo = 0, hi = 0;
	int local;

	(void)state;
	assert_true(gr_mapping_of(&maps, (uintptr_t)&local, &lo, &hi));
	assert_true(lo <= (uintptr_t)&local && hi > (uintptr_t)&local);
	assert_false(gr_mapping_of(&maps, 1, &lo, &hi));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_is_the_same_as_the_loaders),
		cmocka_unit_test(vdso_is_a_module),
		cmocka_unit_test(program_has_its_build_id_and_file),
		cmocka_unit_test(dlopened_library_comes_and_goes),
		cmocka_unit_test(elf_file_mapped_as_data_is_no_module),
		cmocka_unit_test(replaced_file_is_not_taken_for_the_loaded_one),
		cmocka_unit_test(pipe_in_a_files_place_is_refused),
		cmocka_unit_test(peek_at_unmapped_memory_fails),
		cmocka_unit_test(mapping_of_a_local_variable_is_the_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
