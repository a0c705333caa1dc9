/* SPDX-License-Identifier: MIT */
/*
 * profile_of.h - taking profiles in tests, and asking them questions
 *
 * Whatever is read was checked as strictly as pprof does, and more: see
 * tracer/profile.h.
 */
#ifndef PROFILE_OF_H
#define PROFILE_OF_H

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "code.h"
#include "goro/profile.h"
#include "test.h"
#include "tracer/profile.h"

static inline void
t_profile_read(int fd, struct gt_profile *ret)
{
	struct gt_error *err;

	lseek(fd, 0, SEEK_SET);
	err = gt_profile_read_fd(fd, ret);
	if (err)
		t_fail(__FILE__, __LINE__, err->text);
	close(fd);
}

/* goro_profile_write() and back. On a goroutine, or off. */
static inline void
t_profile(const char *kind, struct gt_profile *ret)
{
	int fd = memfd_create(kind, MFD_CLOEXEC);

	T_CHECK_EQ(goro_profile_write(kind, fd), 0);
	t_profile_read(fd, ret);
}

/* Is @function on the stack of @s? @leaf: as its innermost frame. */
static inline bool
t_profile_has(const struct gt_profile *p, const struct gt_profile_sample *s,
	      const char *function, bool leaf)
{
	for (uint32_t i = 0; i < (leaf ? 1 : s->frames_n); i++) {
		const struct gt_profile_location *l =
			&p->locations.at[p->frames.at[s->frame + i]];

		for (uint32_t k = 0; k < l->lines_n; k++)
			if (!strcmp(gt_profile_function_name(
					    p, &p->lines.at[l->line + k]),
				    function))
				return true;
	}
	return false;
}

/* The value of label @key of @s, or "". */
static inline const char *
t_profile_label(const struct gt_profile *p, const struct gt_profile_sample *s,
		const char *key)
{
	for (uint32_t i = 0; i < s->labels_n; i++) {
		const struct gt_profile_label *l = &p->labels.at[s->label + i];

		if (!strcmp(gt_profile_string(p, l->key), key))
			return gt_profile_string(p, l->str);
	}
	return "";
}

/* The sum of value @i over all stacks with @function; NULL: over all. */
static inline int64_t
t_profile_sum(const struct gt_profile *p, const char *function, unsigned i)
{
	int64_t sum = 0;

	for (size_t k = 0; k < p->samples.n; k++)
		if (!function ||
		    t_profile_has(p, &p->samples.at[k], function, false))
			sum += p->samples.at[k].value[i];
	return sum;
}

/* The stack that this runs on: under ThreadSanitizer nobody looks for it. */
static inline struct gr_own_stack
t_own_stack(void)
{
	pthread_attr_t attr;
	void *lo;
	size_t bytes;

	T_CHECK(!pthread_getattr_np(pthread_self(), &attr));
	T_CHECK(!pthread_attr_getstack(&attr, &lo, &bytes));
	pthread_attr_destroy(&attr);
	return (struct gr_own_stack){ (uintptr_t)lo, (uintptr_t)lo + bytes };
}

#endif
