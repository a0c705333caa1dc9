// SPDX-License-Identifier: MIT
/*
 * gzip.c - compressing a profile, for want of zlib
 */
#include "gzip.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	WINDOW = 32768,
	MATCH_MIN = 4, /* the format would take 3 */
	MATCH_MAX = 258,
	HASH_BITS = 14,
	END_OF_BLOCK = 256,
	PIECE = 512, /* bytes collected before they are appended */
};

struct stream {
	struct gr_pb *to;
	uint64_t bits; /* not yet a byte, from the lowest on */
	unsigned bits_n;
	size_t n;
	uint8_t piece[PIECE];
};

static void
put_bits(struct stream *s, uint32_t v, unsigned n)
{
	s->bits |= (uint64_t)v << s->bits_n;
	for (s->bits_n += n; s->bits_n >= 8; s->bits_n -= 8) {
		s->piece[s->n++] = (uint8_t)s->bits;
		s->bits >>= 8;
		if (s->n == PIECE) {
			gr_pb_raw(s->to, s->piece, PIECE);
			s->n = 0;
		}
	}
}

/* A Huffman code goes from its highest bit on. */
static void
put_code(struct stream *s, uint32_t code, unsigned n)
{
	uint32_t turned = 0;

	for (unsigned i = 0; i < n; i++)
		turned |= (code >> i & 1) << (n - 1 - i);
	put_bits(s, turned, n);
}

/* A literal, the end, or a length's symbol. RFC 1951, 3.2.6. */
static void
put_symbol(struct stream *s, uint32_t symbol)
{
	if (symbol < 144)
		put_code(s, 0x30 + symbol, 8);
	else if (symbol < 256)
		put_code(s, 0x190 + symbol - 144, 9);
	else if (symbol < 280)
		put_code(s, symbol - 256, 7);
	else
		put_code(s, 0xc0 + symbol - 280, 8);
}

static unsigned
log2_of(uint32_t v)
{
	return 31 - (unsigned)__builtin_clz(v);
}

/*
 * Lengths from 3 and distances from 1 are numbered alike: the first ones have
 * a symbol each, then 2^@sub symbols share each power of two, the lower bits
 * following as they are. @v counts from 0.
 */
static uint32_t
symbol_of(uint32_t v, unsigned sub, unsigned *ret_extra)
{
	unsigned top;

	*ret_extra = 0;
	if (v < 2u << sub)
		return v;
	top = log2_of(v);
	*ret_extra = top - sub;
	return ((top - sub) << sub) + (v >> (top - sub));
}

static void
put_match(struct stream *s, uint32_t length, uint32_t distance)
{
	uint32_t v = length - 3;
	unsigned extra;
	uint32_t symbol = symbol_of(v, 2, &extra);

	if (length == MATCH_MAX) /* has a symbol of its own */
		put_symbol(s, 285);
	else {
		put_symbol(s, 257 + symbol);
		put_bits(s, v & ((1u << extra) - 1), extra);
	}
	v = distance - 1;
	put_code(s, symbol_of(v, 1, &extra), 5);
	put_bits(s, v & ((1u << extra) - 1), extra);
}

static uint32_t
load4(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static void
deflate(struct stream *s, const uint8_t *from, size_t n, size_t *last)
{
	size_t i = 0;

	put_bits(s, 1, 1); /* the last block */
	put_bits(s, 1, 2); /* of fixed codes */
	while (i < n) {
		size_t length = 0, at = 0, max = n - i;

		max = max < MATCH_MAX ? max : MATCH_MAX;
		if (max >= MATCH_MIN) {
			uint32_t four = load4(from + i);
			uint32_t h = four * 0x9e3779b1u >> (32 - HASH_BITS);

			at = last[h]; /* plus 1; 0: never seen */
			last[h] = i + 1;
			if (at && i - (at - 1) <= WINDOW &&
			    load4(from + at - 1) == four)
				for (length = MATCH_MIN; length < max; length++)
					if (from[at - 1 + length] !=
					    from[i + length])
						break;
		}
		if (length) {
			put_match(s, (uint32_t)length,
				  (uint32_t)(i - (at - 1)));
			i += length;
		} else {
			put_symbol(s, from[i++]);
		}
	}
	put_symbol(s, END_OF_BLOCK);
	put_bits(s, 0, (8 - s->bits_n % 8) % 8);
	gr_pb_raw(s->to, s->piece, s->n);
}

static uint32_t
crc32(const uint8_t *p, size_t n)
{
	uint32_t table[256], crc = ~0u;

	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i;
		for (int k = 0; k < 8; k++)
			table[i] = table[i] >> 1 ^
				   (table[i] & 1 ? 0xedb88320u : 0);
	}
	for (size_t i = 0; i < n; i++)
		crc = table[(crc ^ p[i]) & 255] ^ crc >> 8;
	return ~crc;
}

void
gr_gzip(const void *from, size_t n, struct gr_pb *to)
{
	/* Magic, deflate, no flags, no time, no hints, unknown system. */
	static const uint8_t header[10] = { 0x1f, 0x8b, 8, [9] = 255 };
	struct stream s = { .to = to };
	uint32_t crc = crc32(from, n), length = (uint32_t)n;
	size_t *last = calloc(1u << HASH_BITS, sizeof(*last));
	uint8_t trailer[8];

	if (!last) {
		to->failed = true;
		return;
	}
	gr_pb_raw(to, header, sizeof(header));
	deflate(&s, from, n, last);
	free(last);
	for (int i = 0; i < 4; i++) {
		trailer[i] = (uint8_t)(crc >> 8 * i);
		trailer[4 + i] = (uint8_t)(length >> 8 * i);
	}
	gr_pb_raw(to, trailer, sizeof(trailer));
}
