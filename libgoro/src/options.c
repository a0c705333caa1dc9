// SPDX-License-Identifier: MIT
/*
 * options.c - reading GORODEBUG
 *
 * Unknown names are passed over, as in Go: one setting serves programs of
 * several versions.
 */
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "sigquit.h"
#include "stack.h"

struct gr_options gr_options;

static bool
is(const char *name, size_t bytes, const char *known)
{
	return strlen(known) == bytes && !memcmp(name, known, bytes);
}

static int
guard_kind(const char *value)
{
	if (!strncmp(value, "none", 4))
		return GR_GUARD_NONE;
	if (!strncmp(value, "mprotect", 8))
		return GR_GUARD_PROTECT;
	return GR_GUARD_INSTALL;
}

static int
sigquit_kind(const char *value)
{
	if (!strncmp(value, "continue", 8))
		return GR_SIGQUIT_CONTINUE;
	if (!strncmp(value, "off", 3))
		return GR_SIGQUIT_OFF;
	return GR_SIGQUIT_EXIT;
}

/* What is more than the rings hold is not asked for in vain. */
static int64_t
flight_ns(double seconds)
{
	return (int64_t)((seconds < 86400 ? seconds : 86400) * 1e9);
}

static void
set(const char *name, size_t bytes, const char *value)
{
	if (is(name, bytes, "asyncpreemptoff"))
		gr_options.async_preempt_off = atoi(value) != 0;
	else if (is(name, bytes, "slice") && atoll(value) > 0)
		gr_options.slice_us = atoll(value);
	else if (is(name, bytes, "schedtrace"))
		gr_options.schedtrace_ms = atoll(value);
	else if (is(name, bytes, "guard"))
		gr_options.guard = guard_kind(value);
	else if (is(name, bytes, "flightrec") && atof(value) > 0)
		gr_options.flight_ns = flight_ns(atof(value));
	else if (is(name, bytes, "sigsegv"))
		gr_options.sigsegv_off = !strncmp(value, "off", 3);
	else if (is(name, bytes, "sigquit"))
		gr_options.sigquit = sigquit_kind(value);
}

void
gr_options_read(void)
{
	const char *at = getenv("GORODEBUG");

	gr_options = (struct gr_options){
		.guard = GR_GUARD_INSTALL, .slice_us = 10000, /* as in Go */
	};
	while (at && *at) {
		size_t bytes = strcspn(at, ",");
		const char *equals = memchr(at, '=', bytes);

		if (equals)
			set(at, equals - at, equals + 1);
		at += bytes + (at[bytes] == ',');
	}
}

int64_t
gr_option_heap_rate(int64_t usual)
{
	static const char name[] = "memprofilerate=";
	const char *at = getenv("GORODEBUG");

	while (at && *at) {
		size_t bytes = strcspn(at, ",");

		if (!strncmp(at, name, sizeof(name) - 1))
			usual = atoll(at + sizeof(name) - 1);
		at += bytes + (at[bytes] == ',');
	}
	return usual;
}

enum gr_sigprof
gr_option_sigprof(void)
{
	const char *at = getenv("GORODEBUG");
	enum gr_sigprof value = GR_SIGPROF_ANY;

	while (at && *at) {
		size_t bytes = strcspn(at, ",");

		if (is(at, bytes, "sigprof=off"))
			value = GR_SIGPROF_OFF;
		if (is(at, bytes, "sigprof=timers"))
			value = GR_SIGPROF_TIMERS;
		at += bytes + (at[bytes] == ',');
	}
	return value;
}
