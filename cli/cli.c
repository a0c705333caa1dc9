// SPDX-License-Identifier: MIT
/*
 * cli.c - what the tools share
 */
#include "cli.h"
#include "progress.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One write a message, so that two tools do not mix their lines. */
static void
say(const char *tail, const char *format, va_list args)
{
	char text[1024];

	cli_progress_end();
	vsnprintf(text, sizeof(text), format, args);
	fprintf(stderr, "%s: %s%s\n", program_invocation_short_name, text,
		tail);
}

void
cli_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("", format, args);
	va_end(args);
}

void
cli_say_error(struct gt_error *err)
{
	if (err->hint[0])
		cli_say("%s: %s", err->text, err->hint);
	else
		cli_say("%s", err->text);
	gt_error_free(err);
}

int
cli_usage(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("; try --help", format, args);
	va_end(args);
	return CLI_USAGE;
}

int
cli_print(const char *text)
{
	errno = 0;
	fputs(text, stdout);
	if (!fflush(stdout) && !ferror(stdout))
		return CLI_OK;
	cli_say("cannot write: %s", strerror(errno));
	return CLI_FAILED;
}

bool
cli_parse_pid(const char *text, pid_t *ret)
{
	char *end;

	errno = 0;
	long pid = strtol(text, &end, 10);
	if (errno || end == text || *end || pid <= 0 || pid > INT_MAX)
		return false;
	*ret = (pid_t)pid;
	return true;
}

bool
cli_parse_duration(const char *text, uint64_t *ret_ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {
		{ "ns", 1 },  { "us", 1e3 }, { "ms", 1e6 },
		{ "s", 1e9 }, { "m", 6e10 }, { "h", 3.6e12 },
	};
	char *end;
	double value = strtod(text, &end);

	/* No sign, no hexadecimal, no infinity. */
	if (end == text || strspn(text, "0123456789.") != (size_t)(end - text))
		return false;
	if (!*end && value == 0) {
		*ret_ns = 0;
		return true;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		if (value * units[i].ns >= 1e19)
			return false;
		*ret_ns = (uint64_t)(value * units[i].ns);
		return true;
	}
	return false;
}
