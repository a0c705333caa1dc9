// SPDX-License-Identifier: MIT
/*
 * fatal.c - panics and fatal errors
 */
#include "fatal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void
gr_fatal(const char *msg)
{
	dprintf(STDERR_FILENO, "fatal error: %s\n", msg);
	_exit(2);
}

void
gr_fatal_sig(const char *msg, void *ucontext)
{
	(void)ucontext;
	gr_fatal(msg);
}

void
goro_panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	dprintf(STDERR_FILENO, "panic: ");
	vdprintf(STDERR_FILENO, format, args);
	dprintf(STDERR_FILENO, "\n");
	va_end(args);
	_exit(2);
}
