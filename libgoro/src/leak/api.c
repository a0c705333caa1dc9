// SPDX-License-Identifier: MIT
/*
 * api.c - checks that the program asks for itself
 */
#include <errno.h>

#include "atomic.h"
#include "goro/leak.h"
#include "leak/leak.h"

static int counts[GR_LEAK_KINDS]; /* [relaxed] of the last check */

/* Say and remember what was found, and free it. How many, or -errno. */
int
gr_leak_conclude(struct gr_leak *l, FILE *report)
{
	int ret = 0;

	for (int i = 0; i < GR_LEAK_KINDS; i++)
		gr_store_rlx(&counts[i], l && !l->err ? l->count[i] : 0);
	if (!l)
		return -ENOMEM;
	for (int i = 0; i < GR_LEAK_KINDS; i++)
		ret += gr_leak_is_hint(i) ? 0 : l->count[i];
	if (l->err)
		ret = l->err;
	else if (report && (l->group.n || l->unsound))
		gr_leak_report(l, report);
	if (!ret && l->unsound)
		ret = -ENOTRECOVERABLE;
	gr_leak_free(l);
	return ret;
}

int
goro_leak_check(FILE *report)
{
	return gr_leak_conclude(
		gr_leak_run(&(struct gr_leak_ask){ .when = "asked" }), report);
}

int
goro_leak_count(enum goro_leak_kind kind)
{
	if ((unsigned)kind >= GR_LEAK_KINDS)
		return 0;
	return gr_load_rlx(&counts[kind]); /* [relaxed] a number to read */
}
