// SPDX-License-Identifier: MIT
/*
 * progress.c - a line on stderr that says that work goes on
 */
#include "progress.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS UINT64_C(1000000)
#define AFTER (1000 * NS_PER_MS)
#define EVERY (100 * NS_PER_MS)

static uint64_t began, last;
static bool shown;

void
cli_progress(const char *format, ...)
{
	struct timespec ts;
	va_list args;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	uint64_t now = ts.tv_sec * 1000 * NS_PER_MS + ts.tv_nsec;
	if (!began)
		began = now;
	if (now - began < AFTER || now - last < EVERY || !isatty(STDERR_FILENO))
		return;
	last = now;
	shown = true;
	fprintf(stderr, "\r\033[K%s: ", program_invocation_short_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
}

void
cli_progress_end(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = false;
}
