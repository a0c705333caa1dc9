/* SPDX-License-Identifier: MIT */
/*
 * out.h - buffered output to a descriptor, or to memory
 *
 * A dump is tens of megabytes of small pieces: they are put together in one
 * buffer and written when it is full. The first failure is kept; what comes
 * after it is dropped.
 */
#ifndef GT_OUT_H
#define GT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { GT_OUT_BYTES = 256 << 10 };

struct gt_out {
	int fd;
	int error; /* errno of the first write that failed, or 0 */
	size_t n, room;
	char *buf;
	uint64_t written;
	/* Called whenever the buffer has been written; or NULL. */
	void (*progress)(const struct gt_out *out);
};

/* @fd -1 only gathers: all that was put is buf[0..n). False when memory is
 * short. */
bool gt_out_init(struct gt_out *out, int fd);
/* Write what is left; the errno of the first failure, or 0. */
int gt_out_fini(struct gt_out *out);
void gt_out_flush(struct gt_out *out);

/* The slow half of gt_out_bytes(). */
void gt_out_large(struct gt_out *out, const void *p, size_t n);

static inline void
gt_out_bytes(struct gt_out *out, const void *p, size_t n)
{
	if (n > out->room - out->n) {
		gt_out_large(out, p, n);
		return;
	}
	memcpy(out->buf + out->n, p, n);
	out->n += n;
}

static inline void
gt_out_string(struct gt_out *out, const char *s)
{
	gt_out_bytes(out, s, strlen(s));
}

void gt_out_number(struct gt_out *out, uint64_t value);
__attribute__((format(printf, 2, 3))) void
gt_out_format(struct gt_out *out, const char *format, ...);

/* A duration as people write it, of two units at most: "3m4s", "1.25s". */
void gt_out_duration(struct gt_out *out, uint64_t ns);

/*
 * Copy a string that came from the target or from a file of it, and make it
 * harmless: control characters and what is not UTF-8 become '?', characters
 * in @deny '_'. At most @max bytes with the end; returns the length.
 */
size_t gt_clean(char *to, size_t max, const char *from, const char *deny);

#endif
