/* SPDX-License-Identifier: MIT */
/*
 * traceback.h - printing goroutines' stacks, in Go's words
 *
 * Grammar    Go's, so that what reads Go's tracebacks reads these. The rules
 *            that panicparse and gostackparse enforce, and what follows:
 *            - each function is followed by a line "\tFILE:LINE +0xOFF", and
 *              FILE is "??" or ends in .c, .go or .s. What has no lines
 *              (lines.h), or another name, is "??:0": what addr2line and cgo
 *              say too. A module's name there would be refused. Where it
 *              matters, in a function without a name, it is in the name:
 *              libfoo.so+0x1234. The addresses follow behind the last
 *              goroutine, where parsers have stopped, as commands for
 *              addr2line, which knows inlined functions and C++'s files.
 *            - arguments are numbers or "...": they are always "...".
 *            - a goroutine without any frame ends panicparse: never printed.
 *            - a name, as Go's labels, goes behind the state, where both
 *              parsers take it for a part of that.
 *            - "...additional frames elided..." is the one form that both
 *              know; here it also says that the walk could not go on.
 * Hidden     The runtime's own functions, unless asked for: all text of
 *            libgoro that is not called goro_*.
 * True       A goroutine that is not running is walked where it lies; its
 *            state word, read before and after, tells whether it stayed so.
 * Memory     Three static workspaces of about 900 KiB, untouched until needed:
 *            one for whoever ends the program (one thread, see fatal.c), one
 *            for the agent, which may be at work just then, and one for who
 *            stands in for it; 2 MiB of address space for lines meanwhile.
 * Signals    Safe in a handler: no lock, no malloc.
 */
#ifndef GR_TRACEBACK_H
#define GR_TRACEBACK_H

#include <stdbool.h>

#include "arch/regs.h"
#include "out.h"

/* GOROTRACEBACK; each includes those before it. */
enum gr_traceback_level {
	GR_TRACEBACK_NONE,   /* the message alone */
	GR_TRACEBACK_SINGLE, /* the goroutine concerned: the default */
	GR_TRACEBACK_ALL,    /* all that are the program's */
	GR_TRACEBACK_SYSTEM, /* the runtime's functions and goroutines too */
	GR_TRACEBACK_CRASH,  /* then a core dump */
};
enum gr_traceback_level gr_traceback_level(void);

/* Where the calling thread was when something happened to it. */
struct gr_here {
	struct gr_regs regs;
	bool exact;    /* see struct gr_unwind */
	unsigned skip; /* frames that are about the report itself */
	bool aside;    /* on a thread of the runtime's: nothing to see */
};

void gr_traceback(struct gr_out *o, const struct gr_here *here,
		  enum gr_traceback_level level);
void gr_traceback_living(struct gr_out *o, enum gr_traceback_level level,
			 bool ending);

/* The same beside an agent that has got stuck: without names, which are what
 * it may be stuck at, and without those on threads. */
void gr_traceback_bare(struct gr_out *o, enum gr_traceback_level level);

/* Is the agent waiting for the reader of its report? */
bool gr_traceback_writes(void);

#endif
