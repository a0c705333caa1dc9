/* SPDX-License-Identifier: MIT */
/*
 * pb.h - writing protocol buffers
 *
 * Idea       A message is bytes at the end of a growing buffer. One within
 *            another is written in place, behind room for its length, which
 *            is filled in, and moved up to, at its end: no tree in memory.
 * Failure    Short memory is remembered, and what follows does nothing; look
 *            at `failed` once, at the end.
 * Source     protobuf.dev/programming-guides/encoding
 */
#ifndef GR_PB_H
#define GR_PB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gr_pb {
	uint8_t *bytes; /* malloc'ed */
	size_t n, room;
	bool failed;
};

void gr_pb_fini(struct gr_pb *pb);
void gr_pb_raw(struct gr_pb *pb, const void *bytes, size_t n);
void gr_pb_varint(struct gr_pb *pb, uint64_t v);

/* A field; of value 0, none: that is the default. */
void gr_pb_uint(struct gr_pb *pb, uint32_t field, uint64_t v);
void gr_pb_bytes(struct gr_pb *pb, uint32_t field, const void *bytes, size_t n);

void gr_pb_fixed64(struct gr_pb *pb, uint32_t field, uint64_t v);

/* Around the fields of a message within: begin returns what end takes. */
size_t gr_pb_begin(struct gr_pb *pb, uint32_t field);
void gr_pb_end(struct gr_pb *pb, size_t begun);

#endif
