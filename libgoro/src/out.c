// SPDX-License-Identifier: MIT
/*
 * out.c - writing text when nothing else may be relied upon
 */
#include "out.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "atomic.h"

enum {
	STUCK_MS = 5000, /* how long a full, non-blocking pipe is waited for */
};

void
gr_out_flush(struct gr_out *o)
{
	size_t done = 0;

	while (done < o->n && !o->failed) {
		ssize_t n;
		struct pollfd p = { .fd = o->fd, .events = POLLOUT };

		gr_store_rlx(&o->writing, true); /* [relaxed] see out.h */
		n = write(o->fd, o->buf + done, o->n - done);
		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			o->failed = poll(&p, 1, STUCK_MS) == 0;
		else if (n == 0 || errno != EINTR)
			o->failed = true;
	}
	gr_store_rlx(&o->writing, false);
	o->n = 0;
}

void
gr_out_bytes(struct gr_out *o, const char *s, size_t n)
{
	while (n) {
		size_t room = sizeof(o->buf) - o->n;
		size_t part = n < room ? n : room;

		memcpy(o->buf + o->n, s, part);
		o->n += part;
		s += part;
		n -= part;
		if (o->n == sizeof(o->buf))
			gr_out_flush(o);
	}
}

void
gr_out_str(struct gr_out *o, const char *s)
{
	gr_out_bytes(o, s, strlen(s));
}

static void
number(struct gr_out *o, uint64_t v, unsigned base)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	gr_out_bytes(o, digits + at, sizeof(digits) - at);
}

void
gr_out_dec(struct gr_out *o, uint64_t v)
{
	number(o, v, 10);
}

void
gr_out_hex(struct gr_out *o, uint64_t v)
{
	gr_out_bytes(o, "0x", 2);
	number(o, v, 16);
}
