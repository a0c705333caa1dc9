// SPDX-License-Identifier: MIT
/*
 * pb.c - writing protocol buffers
 */
#include "pb.h"

#include <stdlib.h>
#include <string.h>

enum {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	VARINT_MAX_BYTES = 10,
	LENGTH_ROOM = 1, /* of a message within; most are below 128 bytes */
};

void
gr_pb_fini(struct gr_pb *pb)
{
	free(pb->bytes);
	*pb = (struct gr_pb){ 0 };
}

/* Have room for @n more bytes. */
static bool
reserve(struct gr_pb *pb, size_t n)
{
	size_t room = pb->room ? pb->room : 4096;
	uint8_t *bytes;

	if (pb->failed)
		return false;
	if (pb->room - pb->n >= n)
		return true;
	while (room - pb->n < n)
		room *= 2;
	bytes = realloc(pb->bytes, room);
	if (!bytes) {
		pb->failed = true;
		return false;
	}
	pb->bytes = bytes;
	pb->room = room;
	return true;
}

void
gr_pb_raw(struct gr_pb *pb, const void *bytes, size_t n)
{
	if (!n || !reserve(pb, n))
		return;
	memcpy(pb->bytes + pb->n, bytes, n);
	pb->n += n;
}

static size_t
put_varint(uint8_t *to, uint64_t v)
{
	size_t n = 0;

	for (; v >= 128; v >>= 7)
		to[n++] = (uint8_t)(v | 128);
	to[n++] = (uint8_t)v;
	return n;
}

void
gr_pb_varint(struct gr_pb *pb, uint64_t v)
{
	if (reserve(pb, VARINT_MAX_BYTES))
		pb->n += put_varint(pb->bytes + pb->n, v);
}

static void
tag(struct gr_pb *pb, uint32_t field, unsigned wire)
{
	gr_pb_varint(pb, (uint64_t)field << 3 | wire);
}

void
gr_pb_uint(struct gr_pb *pb, uint32_t field, uint64_t v)
{
	if (!v)
		return;
	tag(pb, field, WIRE_VARINT);
	gr_pb_varint(pb, v);
}

void
gr_pb_bytes(struct gr_pb *pb, uint32_t field, const void *bytes, size_t n)
{
	tag(pb, field, WIRE_BYTES);
	gr_pb_varint(pb, n);
	gr_pb_raw(pb, bytes, n);
}

void
gr_pb_fixed64(struct gr_pb *pb, uint32_t field, uint64_t v)
{
	tag(pb, field, WIRE_FIXED64);
	gr_pb_raw(pb, &v, sizeof(v)); /* little-endian, as all that we run on */
}

size_t
gr_pb_begin(struct gr_pb *pb, uint32_t field)
{
	tag(pb, field, WIRE_BYTES);
	if (reserve(pb, LENGTH_ROOM))
		pb->n += LENGTH_ROOM;
	return pb->n;
}

void
gr_pb_end(struct gr_pb *pb, size_t begun)
{
	uint8_t length[VARINT_MAX_BYTES];
	size_t bytes = pb->n - begun, n = put_varint(length, bytes);

	if (!reserve(pb, VARINT_MAX_BYTES))
		return;
	memmove(pb->bytes + begun + n - LENGTH_ROOM, pb->bytes + begun, bytes);
	memcpy(pb->bytes + begun - LENGTH_ROOM, length, n);
	pb->n += n - LENGTH_ROOM;
}
