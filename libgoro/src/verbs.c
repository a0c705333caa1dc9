// SPDX-License-Identifier: MIT
/*
 * verbs.c - what the process can be asked
 */
#include <string.h>

#include "ask.h"
#include "traceback.h"

/* "dump", "dump all", "dump system": as kill -QUIT prints it. */
static const char *
dump(struct gr_question *q)
{
	static struct gr_out out;
	enum gr_traceback_level level = GR_TRACEBACK_ALL;

	if (!strcmp(q->args, "system"))
		level = GR_TRACEBACK_SYSTEM;
	else if (*q->args && strcmp(q->args, "all"))
		return "a dump is of all or system";
	out.fd = q->data;
	out.failed = false;
	gr_traceback_living(&out, level, false);
	gr_out_flush(&out);
	return out.failed ? "the answer was not read" : NULL;
}

const struct gr_verb gr_verbs[] = {
	{ "dump", dump, .lasting = false },
	{ 0 },
};
