// SPDX-License-Identifier: MIT
/*
 * test_profile_heap.c - samples of memory, and what they say of all of it
 *
 * First what the sampler is told, without a malloc() that tells it; then, where
 * libgoro-heapprof is preloaded, its malloc() in all its forms.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "goro/goro.h"
#include "heap_sampler.h"
#include "profile_heap.h"
#include "profile_of.h"

enum { RATE = 4096, THREADS = 4, MIB = 1 << 20 };

static struct goro_sampler *sampler; /* NULL: malloc() is the usual one */

/* What the library does for a block of @bytes at @p. */
static void
pretend(struct goro_sampler_thread *t, uintptr_t p, size_t bytes)
{
	if (bytes < t->left)
		t->left -= bytes;
	else if (gr_profile_heap_hooks.due(t, bytes))
		gr_profile_heap_hooks.allocated(t, (void *)p, bytes);
}

/* Blocks of @bytes, @n of them, at addresses that nobody else has. */
#define ALLOCATOR(name)                                                        \
	__attribute__((noinline)) static void name(                            \
		struct goro_sampler_thread *t, uintptr_t at, size_t bytes,     \
		unsigned n)                                                    \
	{                                                                      \
		for (unsigned i = 0; i < n; i++)                               \
			pretend(t, at + i * (bytes + 16 - bytes % 16), bytes); \
		__asm__ volatile("# " #name);                                  \
	}
ALLOCATOR(small_ones)
ALLOCATOR(middling_ones)
ALLOCATOR(large_ones)
ALLOCATOR(freed_ones)
ALLOCATOR(threads_ones)

/* Within 8 %: five standard deviations and more, of what is drawn here. */
static void
check_about(int64_t is, int64_t should_be)
{
	if (llabs(is - should_be) > should_be / 12)
		fprintf(stderr, "%lld, not about %lld\n", (long long)is,
			(long long)should_be);
	T_CHECK(llabs(is - should_be) <= should_be / 12);
}

static void
samples_tell_of_all_blocks(void **state)
{
	struct goro_sampler_thread t = { .stack = t_own_stack() };
	struct gt_profile p;

	(void)state;
	small_ones(&t, 1ul << 32, 40, 16 * MIB / 40);
	middling_ones(&t, 2ul << 32, 5000, 16 * MIB / 5000);
	large_ones(&t, 3ul << 32, MIB, 16);
	freed_ones(&t, 4ul << 32, 240, 16 * MIB / 240);
	for (unsigned i = 0; i < 16 * MIB / 240; i++)
		gr_profile_heap_hooks.freed((void *)((4ul << 32) + i * 256));
	/* What it has nothing of is no concern of its. */
	gr_profile_heap_hooks.freed((void *)(5ul << 32));

	t_profile("heap", &p);
	assert_int_equal(p.types_n, 4);
	assert_string_equal(gt_profile_string(&p, p.type[3].type), "inuse_"
								   "space");
	assert_string_equal(gt_profile_string(&p, p.type[3].unit), "bytes");
	assert_string_equal(gt_profile_string(&p, p.period_type.type), "space");
	if (!sampler)
		assert_int_equal(p.period, RATE);
	check_about(t_profile_sum(&p, "small_ones", 0), 16 * MIB / 40);
	check_about(t_profile_sum(&p, "small_ones", 1), 16 * MIB);
	check_about(t_profile_sum(&p, "small_ones", 3), 16 * MIB);
	check_about(t_profile_sum(&p, "middling_ones", 2), 16 * MIB / 5000);
	check_about(t_profile_sum(&p, "middling_ones", 3), 16 * MIB);
	check_about(t_profile_sum(&p, "large_ones", 3), 16 * MIB);
	assert_int_equal(t_profile_sum(&p, "large_ones", 2), 16);
	check_about(t_profile_sum(&p, "freed_ones", 1), 16 * MIB);
	assert_int_equal(t_profile_sum(&p, "freed_ones", 2), 0);
	assert_int_equal(t_profile_sum(&p, "freed_ones", 3), 0);
	gt_profile_fini(&p);

	t_profile("allocs", &p);
	assert_string_equal(gt_profile_string(&p, p.default_type), "alloc_"
								   "space");
	gt_profile_fini(&p);
}

/* Each frees what the one before it has allocated, as it goes. */
static void *
thread(void *arg)
{
	struct goro_sampler_thread t = { .stack = t_own_stack() };
	uintptr_t at = (16 + (uintptr_t)arg) << 32;

	threads_ones(&t, at, 1000, 4 * MIB / 1000);
	for (unsigned i = 0; i < 4 * MIB / 1000; i++)
		gr_profile_heap_hooks.freed((void *)(at + i * 1008));
	return NULL;
}

static void
threads_sample_each_by_itself(void **state)
{
	pthread_t threads[THREADS];
	struct gt_profile p;

	(void)state;
	for (intptr_t i = 0; i < THREADS; i++)
		T_CHECK_EQ(pthread_create(&threads[i], NULL, thread, (void *)i),
			   0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	t_profile("heap", &p);
	check_about(t_profile_sum(&p, "threads_ones", 1), THREADS * 4 * MIB);
	assert_int_equal(t_profile_sum(&p, "threads_ones", 3), 0);
	gt_profile_fini(&p);
}

/* --- Where there is a malloc() that tells ---------------------------------- */

static bool
is_zero(const char *p, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (p[i])
			return false;
	return true;
}

static void *
volatile_malloc(size_t bytes)
{
	void *p = malloc(bytes);

	__asm__ volatile("" : "+r"(p));
	return p;
}

static void
each_form_of_malloc_does_what_it_did(void **state)
{
	static const size_t sizes[] = { 0,    1,      15,      16,  24,
					4080, 200000, 5000000, 100, 1000 };
	volatile size_t half = SIZE_MAX / 2; /* no warning */
	char *p, *q, *volatile none; /* clang takes calloc() to succeed */

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		p = volatile_malloc(sizes[i]);
		T_CHECK(malloc_usable_size(p) >= sizes[i]);
		memset(p, 0x55, sizes[i]);
		free(p);
		p = calloc(1, sizes[i]);
		T_CHECK(is_zero(p, sizes[i]));
		if (sizes[i])
			memset(p, 'a', sizes[i]);
		p = realloc(p, sizes[i] + 10000);
		T_CHECK(!sizes[i] || (p[0] == 'a' && p[sizes[i] - 1] == 'a'));
		p = realloc(p, 8);
		T_CHECK(!sizes[i] || p[0] == 'a');
		free(p);
		for (size_t a = 16; a <= 65536; a *= 16) {
			q = memalign(a, sizes[i]);
			T_CHECK_EQ((uintptr_t)q % a, 0);
			free(q);
			T_CHECK_EQ(posix_memalign((void **)&q, a, sizes[i]), 0);
			T_CHECK_EQ((uintptr_t)q % a, 0);
			free(q);
		}
	}
	free(NULL);
	none = calloc(half, 3);
	T_CHECK(!none);
	T_CHECK(!volatile_malloc(half));
	none = reallocarray(NULL, half, 3);
	T_CHECK(!none);
}

__attribute__((noinline)) static void *
asks_for_it(void)
{
	return volatile_malloc(3 * MIB);
}

/* With a rate of 1: exactly. */
static void
malloc_is_in_the_profile(void **state)
{
	struct gt_profile p;
	void *block;

	(void)state;
	if (!sampler)
		skip();
	block = asks_for_it();
	t_profile("heap", &p);
	assert_int_equal(t_profile_sum(&p, "asks_for_it", 2), 1);
	assert_int_equal(t_profile_sum(&p, "asks_for_it", 3), 3 * MIB);
	gt_profile_fini(&p);
	block = realloc(block, MIB);
	free(block);
	t_profile("heap", &p);
	assert_int_equal(t_profile_sum(&p, "asks_for_it", 0), 1);
	assert_int_equal(t_profile_sum(&p, "asks_for_it", 3), 0);
	gt_profile_fini(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_tell_of_all_blocks),
		cmocka_unit_test(threads_sample_each_by_itself),
	};
	const struct CMUnitTest with_malloc[] = {
		cmocka_unit_test(each_form_of_malloc_does_what_it_did),
		cmocka_unit_test(malloc_is_in_the_profile),
	};

	if (malloc_info(GORO_SAMPLER_OPTIONS, (FILE *)&sampler) == 0 && sampler)
		return cmocka_run_group_tests(with_malloc, NULL, NULL);
	T_CHECK_EQ(goro_profile_write("heap", -1), -ENODATA);
	T_CHECK(gr_profile_heap_prepare(RATE));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
