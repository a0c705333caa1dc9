/* SPDX-License-Identifier: MIT */
/*
 * gzip.h - compressing a profile, for want of zlib
 *
 * Idea       pprof asks for gzip on disk, and libgoro links nothing but libc.
 *            Of deflate we need the half that writes, and of that one way:
 *            repetitions found through a table of the last place of each four
 *            bytes, in one block with the codes that the format itself fixes.
 *            A profile shrinks to a third, of which zlib would make a fourth.
 * Source     RFC 1951, RFC 1952
 */
#ifndef GR_GZIP_H
#define GR_GZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "pb.h"

/* Append @n bytes at @from, compressed, to @to; see gr_pb.failed. */
void gr_gzip(const void *from, size_t n, struct gr_pb *to);

#endif
