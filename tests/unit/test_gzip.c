// SPDX-License-Identifier: MIT
/*
 * test_gzip.c - zlib reads what gzip.c writes
 */
#include "gzip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "test.h"

static void
comes_back(const uint8_t *from, size_t n)
{
	struct gr_pb gz = { 0 };
	uint8_t *to = malloc(n + 1);
	z_stream z = { 0 };

	gr_gzip(from, n, &gz);
	assert_false(gz.failed);
	z.next_in = gz.bytes;
	z.avail_in = (uInt)gz.n;
	z.next_out = to;
	z.avail_out = (uInt)n + 1;
	assert_int_equal(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	assert_int_equal(z.total_out, n);
	assert_memory_equal(to, from, n);
	inflateEnd(&z);
	free(to);
	gr_pb_fini(&gz);
}

static void
gzip_of_nothing(void **state)
{
	(void)state;
	comes_back((const uint8_t *)"", 0);
	comes_back((const uint8_t *)"abc", 3);
}

static void
gzip_of_noise(void **state)
{
	enum { N = 100000 };
	uint8_t *bytes = malloc(N);
	uint32_t x = 1;

	(void)state;
	for (int i = 0; i < N; i++)
		bytes[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
	for (size_t n = 1; n < 300; n++)
		comes_back(bytes, n);
	comes_back(bytes, N);
	free(bytes);
}

/* Each length of a match, and each distance class with its extra bits. */
static void
gzip_of_repetitions(void **state)
{
	enum { N = 200000 };
	uint8_t *bytes = malloc(N);
	uint32_t x = 7;
	size_t at = 0;

	(void)state;
	for (; at < 40000; at++)
		bytes[at] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
	for (size_t length = 3; at + 400 < N; length = 3 + (length - 2) % 300) {
		x = x * 1664525 + 1013904223;
		memmove(bytes + at, bytes + at - length - (x >> 8) % 34000,
			length);
		at += length;
		bytes[at++] = (uint8_t)(x >> 24);
	}
	comes_back(bytes, at);
	memset(bytes, 'a', N);
	comes_back(bytes, N);
	free(bytes);
}

static void
gzip_makes_text_smaller(void **state)
{
	struct gr_pb gz = { 0 };
	char text[20000];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "goroutine 7 [chan receive]:\n"[i % 28];
	gr_gzip(text, sizeof(text), &gz);
	assert_true(gz.n < sizeof(text) / 10);
	gr_pb_fini(&gz);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gzip_of_nothing),
		cmocka_unit_test(gzip_of_noise),
		cmocka_unit_test(gzip_of_repetitions),
		cmocka_unit_test(gzip_makes_text_smaller),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
