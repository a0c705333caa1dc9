/* SPDX-License-Identifier: MIT */
/*
 * fatal.h - the end of the program
 */
#ifndef GR_FATAL_H
#define GR_FATAL_H

#include "goro/goro.h"

/* "fatal error: @msg", the tracebacks of all goroutines, exit status 2. */
_Noreturn void gr_fatal(const char *msg);

/* The same from a signal handler on its alternate stack, for a fault of the
 * goroutine that @ucontext was taken from. */
_Noreturn void gr_fatal_sig(const char *msg, void *ucontext);

#endif
