/* SPDX-License-Identifier: MIT */
/*
 * out.h - writing text when nothing else may be relied upon
 *
 * Idea       stdio takes locks and memory; this takes a buffer. A report of a
 *            million goroutines is half a gigabyte, so it goes out in pieces
 *            of 64 KiB, not by the line.
 * Failure    A descriptor that takes nothing more is given up: the rest of the
 *            report is dropped, and the program still ends as it should.
 * Signals    Safe in a handler. One struct is written by one thread.
 */
#ifndef GR_OUT_H
#define GR_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GR_OUT_BUF = 64 * 1024,
};

struct gr_out {
	int fd;
	bool failed;
	bool writing; /* [relaxed] at this moment: who waits may not be stuck */
	size_t n;
	char buf[GR_OUT_BUF];
};

void gr_out_flush(struct gr_out *o);
void gr_out_bytes(struct gr_out *o, const char *s, size_t n);
void gr_out_str(struct gr_out *o, const char *s);
void gr_out_dec(struct gr_out *o, uint64_t v);
void gr_out_hex(struct gr_out *o, uint64_t v); /* with 0x */

#endif
