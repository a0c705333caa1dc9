// SPDX-License-Identifier: MIT
/*
 * heapprof.c - libgoro-heapprof: glibc's malloc(), with samples taken
 *
 * To be preloaded by programs that want heap profiles. See heap_sampler.h. The
 * forms that are made of these: forms.c.
 *
 * Order      A sample is forgotten before it is freed: afterwards its address
 *            may be another's at once. A realloc() that fails, of a sample,
 *            leaves a block that counts as freed.
 * realloc()  is an allocation of the new size, and the end of the old block,
 *            whether it moves or not.
 * Cost       A comparison and a subtraction for a block, and for one of 128
 *            a look-up when it is freed.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap_sampler.h"

#define EXPORT __attribute__((visibility("default")))
#define likely(x) __builtin_expect(!!(x), 1)

enum {
	PAGE = 4096,
	LARGE = 128 << 10, /* glibc may map such a block: it is zero then */
};

/* glibc's own, under the names that nobody interposes. */
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t n, size_t bytes);
extern void *__libc_memalign(size_t alignment, size_t bytes);
extern void *__libc_realloc(void *p, size_t bytes);
extern void __libc_free(void *p);

static struct goro_sampler sampler = {
	.version = GORO_SAMPLER_VERSION,
	.text = (uintptr_t)malloc,
};

/* Preloaded, so there is room in the static block: no call to find it, which
 * might ask for memory. */
static __thread struct goro_sampler_thread self __attribute__((tls_model("initi"
									 "al-"
									 "exe"
									 "c")));

static const struct goro_sampler_hooks *
hooks(void)
{
	/* [pair sampler] acquire: what they use is there. */
	return __atomic_load_n(&sampler.hooks, __ATOMIC_ACQUIRE);
}

static __attribute__((noinline, cold)) bool
used_up(size_t bytes)
{
	const struct goro_sampler_hooks *h = hooks();

	return h && h->due(&self, bytes);
}

static inline bool
is_due(size_t bytes)
{
	if (likely(bytes < self.left)) {
		self.left -= bytes;
		return false;
	}
	return used_up(bytes);
}

/* Only what is due comes here: there are hooks. */
static __attribute__((noinline)) void *
sample(void *p, size_t bytes)
{
	if (p)
		hooks()->allocated(&self, p, bytes);
	return p;
}

static bool
may_be_sample(const void *p)
{
	return !((uintptr_t)p & GORO_SAMPLER_MASK);
}

static inline void
forget(void *p)
{
	const struct goro_sampler_hooks *h;

	if (likely(!may_be_sample(p)))
		return;
	h = hooks();
	if (h && p)
		h->freed(p);
}

EXPORT void *
malloc(size_t bytes)
{
	if (likely(!is_due(bytes)))
		return __libc_malloc(bytes);
	return sample(__libc_memalign(PAGE, bytes), bytes);
}

/* What was mapped for it stays untouched: a large table may be sparse. */
static __attribute__((noinline)) void *
sample_zeroed(size_t bytes)
{
	void *p = bytes >= LARGE ? __libc_calloc(1, bytes) : NULL;

	if (!p || !may_be_sample(p)) {
		__libc_free(p);
		p = __libc_memalign(PAGE, bytes);
		if (p)
			memset(p, 0, bytes);
	}
	return sample(p, bytes);
}

EXPORT void *
calloc(size_t n, size_t bytes)
{
	size_t all;

	if (__builtin_mul_overflow(n, bytes, &all) || likely(!is_due(all)))
		return __libc_calloc(n, bytes);
	return sample_zeroed(all);
}

EXPORT void
free(void *p)
{
	forget(p);
	__libc_free(p);
}

EXPORT void *
realloc(void *p, size_t bytes)
{
	size_t usable;
	void *new;

	if (!p)
		return malloc(bytes);
	if (!bytes) {
		free(p);
		return NULL;
	}
	if (likely(!is_due(bytes))) {
		forget(p);
		return __libc_realloc(p, bytes);
	}
	new = sample(__libc_memalign(PAGE, bytes), bytes);
	if (!new)
		return NULL;
	usable = malloc_usable_size(p);
	memcpy(new, p, usable < bytes ? usable : bytes);
	free(p);
	return new;
}

EXPORT void *
memalign(size_t alignment, size_t bytes)
{
	if (likely(!is_due(bytes)))
		return __libc_memalign(alignment, bytes);
	return sample(__libc_memalign(alignment < PAGE ? PAGE : alignment,
				      bytes),
		      bytes);
}

/* Where we are; see heap_sampler.h. Other options mean what they did. */
EXPORT int
malloc_info(int options, FILE *to)
{
	int (*next)(int, FILE *);

	if (options == GORO_SAMPLER_OPTIONS) {
		*(struct goro_sampler **)to = &sampler;
		return 0;
	}
	next = (int (*)(int, FILE *))dlsym(RTLD_NEXT, "malloc_info");
	return next ? next(options, to) : EINVAL;
}
