// SPDX-License-Identifier: MIT
/*
 * stress_preempt.c - everything that preemption could corrupt, side by side
 *
 * Each goroutine computes something whose result it knows, in code that is
 * stopped at arbitrary instructions, and counts what came out wrong.
 *
 *   stress_preempt SECONDS
 *
 * Run it with GORODEBUG=slice=1000 to be stopped every millisecond.
 */
#include <errno.h>
#include <fenv.h>
#include <goro/goro.h>
#include <immintrin.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS = 10, EACH = 2 };

static volatile int stop;
static long wrong, rounds[KINDS];
static FILE *sink;

static void
expect(bool right, const char *what)
{
	if (right)
		return;
	__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
	fprintf(stderr, "stress_preempt: %s came out wrong\n", what);
}

static void
allocate(long seed)
{
	unsigned s = seed + 1;
	unsigned char *block[64] = { 0 };
	size_t bytes[64] = { 0 };

	while (!stop) {
		int i = (s = s * 1103515245 + 12345) >> 16 & 63;

		for (size_t k = 0; k < bytes[i]; k += 64)
			expect(block[i][k] == i, "a block of malloc's");
		free(block[i]);
		bytes[i] = (s >> 8) % 3000 + 1;
		block[i] = malloc(bytes[i]);
		memset(block[i], i, bytes[i]);
		rounds[0]++;
	}
	for (int i = 0; i < 64; i++)
		free(block[i]);
}

static void
format(long seed)
{
	for (long n = seed; !stop; n++) {
		char text[128];
		double d;
		long m;

		snprintf(text, sizeof(text), "%ld %.6f x", n, n * 1.5);
		expect(sscanf(text, "%ld %lf", &m, &d) == 2 && m == n &&
			       d == n * 1.5, "a number by way of stdio");
		fprintf(sink, "%s\n", text);
		rounds[1]++;
	}
}

static unsigned long
lcg(unsigned long x)
{
	for (int i = 0; i < 10000; i++)
		x = x * 6364136223846793005ul + 1;
	return x;
}

static void
integers(long seed)
{
	for (unsigned long x = seed; !stop; x++) {
		expect(lcg(x) == lcg(x), "an integer sequence");
		rounds[2]++;
	}
}

/* Four sums that live in vector registers all the time. */
__attribute__((target("avx2"))) static void
vectors(long seed)
{
	while (!stop) {
		__m256d v[4], one = _mm256_set1_pd(1);
		double sum[4];

		for (int i = 0; i < 4; i++)
			v[i] = _mm256_set1_pd(seed + i);
		for (int k = 0; k < 20000; k++) {
			for (int i = 0; i < 4; i++)
				v[i] = _mm256_add_pd(v[i], one);
			__asm__ volatile("" : "+x"(v[0]), "+x"(v[1]),
					      "+x"(v[2]), "+x"(v[3]));
		}
		for (int i = 0; i < 4; i++) {
			_mm256_storeu_pd(sum, v[i]);
			for (int k = 0; k < 4; k++)
				expect(sum[k] == seed + i + 20000, "AVX");
		}
		rounds[3]++;
	}
}

/* Small enough that its locals may lie in the red zone. */
__attribute__((noinline)) static long
leaf(long n)
{
	volatile long cell[12];
	long sum = 0;

	for (int i = 0; i < 12; i++)
		cell[i] = n + i;
	for (int k = 0; k < 200; k++)
		for (int i = 0; i < 12; i++)
			cell[i]++;
	for (int i = 0; i < 12; i++)
		sum += cell[i];
	return sum;
}

static void
red_zone(long seed)
{
	while (!stop) {
		expect(leaf(seed) == 12 * seed + 66 + 2400, "the red zone");
		rounds[4]++;
	}
}

static void
x87(long seed)
{
	static const int modes[] = { FE_TONEAREST, FE_UPWARD, FE_DOWNWARD,
				     FE_TOWARDZERO };
	int mode = modes[seed & 3];

	fesetround(mode);
	while (!stop) {
		long double x = 1;

		for (int i = 0; i < 2000; i++)
			x = x * 1.0000001L + 0.1L;
		expect(x > 1 && x < 1e6L, "x87");
		expect(fegetround() == mode, "the rounding mode");
		rounds[5]++;
	}
	fesetround(FE_TONEAREST);
}

static void
pause_a_while(void)
{
	for (volatile int i = 0; i < 3000; i++)
		;
}

static void
error_number(long seed)
{
	while (!stop) {
		errno = seed + 100;
		pause_a_while();
		__asm__ volatile("" ::: "memory");
		expect(errno == seed + 100, "errno");
		rounds[6]++;
	}
}

static __thread long local = 5;

__attribute__((noinline)) static long *
local_address(void)
{
	__asm__ volatile("");
	return &local;
}

static void
thread_local_address(long seed)
{
	(void)seed;
	while (!stop) {
		long *kept = local_address();

		pause_a_while();
		expect(kept == local_address(), "a thread-local's address");
		rounds[7]++;
	}
}

static int
compare(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

static void
sorting(long seed)
{
	unsigned long s = seed;
	long v[200];

	while (!stop) {
		for (int i = 0; i < 200; i++)
			v[i] = (s = s * 6364136223846793005ul + 1) >> 40;
		qsort(v, 200, sizeof(*v), compare);
		for (int i = 1; i < 200; i++)
			expect(v[i - 1] <= v[i], "sorting");
		rounds[8]++;
	}
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long guarded[2];

static void
locking(long seed)
{
	(void)seed;
	while (!stop) {
		pthread_mutex_lock(&mutex);
		guarded[0]++;
		pause_a_while();
		guarded[1]++;
		expect(guarded[0] == guarded[1], "what a mutex guards");
		pthread_mutex_unlock(&mutex);
		rounds[9]++;
	}
}

static void (*const kinds[KINDS])(long) = {
	allocate, format, integers, vectors, red_zone,
	x87, error_number, thread_local_address, sorting, locking,
};

static void
one(void *arg)
{
	long i = (long)arg;

	kinds[i % KINDS](i);
}

static int
run(void *arg)
{
	int64_t seconds = (long)arg;

	for (long i = 0; i < KINDS * EACH; i++)
		goro_go(one, (void *)i);
	goro_sleep(seconds * 1000000000);
	stop = 1;
	while (goro_count() > 1)
		goro_sleep(1000000);
	for (int i = 0; i < KINDS; i++) {
		printf("%ld ", rounds[i]);
		expect(rounds[i] > 0, "a goroutine's chance to run");
	}
	printf("rounds, %ld wrong\n", wrong);
	return wrong != 0;
}

int
main(int argc, char **argv)
{
	if (!__builtin_cpu_supports("avx2"))
		return 77;
	sink = fopen("/dev/null", "w");
	return goro_run(run, (void *)(argc > 1 ? atol(argv[1]) : 5));
}
