// SPDX-License-Identifier: MIT
/*
 * out.c - buffered output to a descriptor, or to memory
 */
#include "out.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool
gt_out_init(struct gt_out *out, int fd)
{
	*out = (struct gt_out){
		.fd = fd,
		.room = fd < 0 ? 4096 : GT_OUT_BYTES,
	};
	out->buf = malloc(out->room);
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
		out->written += done;
	}
	if (out->progress)
		out->progress(out);
}

void
gt_out_flush(struct gt_out *out)
{
	if (out->fd < 0)
		return;
	write_all(out, out->buf, out->n);
	out->n = 0;
}

static bool
grow(struct gt_out *out, size_t n)
{
	size_t room = out->room * 2;

	while (room < out->n + n)
		room *= 2;
	char *buf = realloc(out->buf, room);
	if (!buf)
		return false;
	out->buf = buf;
	out->room = room;
	return true;
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
	if (out->fd < 0 && !grow(out, n)) {
		out->error = ENOMEM;
		return;
	}
	gt_out_flush(out);
	if (n > out->room - out->n) {
		write_all(out, p, n);
		return;
	}
	memcpy(out->buf + out->n, p, n);
	out->n += n;
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

void
gt_out_format(struct gt_out *out, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n > 0)
		gt_out_bytes(out, text,
			     (size_t)n < sizeof(text) ? (size_t)n :
							sizeof(text) - 1);
}

void
gt_out_duration(struct gt_out *out, uint64_t ns)
{
	uint64_t s = ns / 1000000000;

	if (ns < 1000)
		gt_out_format(out, "%" PRIu64 "ns", ns);
	else if (ns < 1000000)
		gt_out_format(out, "%.3gus", (double)ns / 1e3);
	else if (s == 0)
		gt_out_format(out, "%.3gms", (double)ns / 1e6);
	else if (s < 60)
		gt_out_format(out, "%.3gs", (double)ns / 1e9);
	else if (s < 3600)
		gt_out_format(out, "%" PRIu64 "m%" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		gt_out_format(out, "%" PRIu64 "h%" PRIu64 "m", s / 3600,
			      s / 60 % 60);
	else
		gt_out_format(out, "%" PRIu64 "d%" PRIu64 "h", s / 86400,
			      s / 3600 % 24);
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
