// SPDX-License-Identifier: MIT
/*
 * out.c - buffered output to a descriptor
 */
#include "out.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

bool
gt_out_init(struct gt_out *out, int fd)
{
	*out = (struct gt_out){ .fd = fd, .buf = malloc(GT_OUT_BYTES) };
	return out->buf != NULL;
}

static void
write_all(struct gt_out *out, const char *p, size_t n)
{
	while (n && !out->error) {
		ssize_t done = write(out->fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0) {
			out->error = errno;
			return;
		}
		p += done;
		n -= done;
	}
}

void
gt_out_flush(struct gt_out *out)
{
	write_all(out, out->buf, out->n);
	out->n = 0;
}

int
gt_out_fini(struct gt_out *out)
{
	gt_out_flush(out);
	free(out->buf);
	out->buf = NULL;
	return out->error;
}

void
gt_out_large(struct gt_out *out, const void *p, size_t n)
{
	gt_out_flush(out);
	if (n > GT_OUT_BYTES) {
		write_all(out, p, n);
		return;
	}
	memcpy(out->buf, p, n);
	out->n = n;
}

void
gt_out_number(struct gt_out *out, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = '0' + value % 10;
	while (value /= 10);
	gt_out_bytes(out, digits + at, sizeof(digits) - at);
}

/* Bytes of the UTF-8 character at @s, or 0 when it is none that may be shown:
 * the control characters from U+0080 to U+009F are not. */
static size_t
utf8_bytes(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;

	if (p[0] < 0xc2 || p[0] > 0xf4 || (p[0] == 0xc2 && p[1] < 0xa0))
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

size_t
gt_clean(char *to, size_t max, const char *from, const char *deny)
{
	size_t at = 0;

	while (*from && at + 1 < max) {
		unsigned char c = *from;
		size_t wide = c >= 0x80 ? utf8_bytes(from) : 0;

		if (wide) {
			if (at + wide >= max)
				break;
			memcpy(to + at, from, wide);
			at += wide;
			from += wide;
			continue;
		}
		to[at++] = c < ' ' || c >= 0x7f ? '?' :
			   strchr(deny, c)      ? '_' :
						  c;
		from++;
	}
	to[at] = '\0';
	return at;
}
