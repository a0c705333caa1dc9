// SPDX-License-Identifier: MIT
/*
 * cockroach_13755.c - rows of a query that are never closed
 *
 * A query hands out rows and starts a goroutine that frees them when their
 * context ends. The caller reads one row, has what it wants, and forgets to
 * close. Fixed: it closes the rows.
 *
 * Shape   cockroach#13755, communication (channel and context)
 * Expect  leaked 1, uncancelled-context 1
 */
#include "leaks.h"

#include <stdlib.h>

struct rows {
	struct goro_ctx *ctx; /* one reference for the goroutine, one for us */
	int next, values[3];
};

static const char key;

static void
await_done(void *arg)
{
	struct rows *rows = arg;

	goro_chan_recv(goro_ctx_done(rows->ctx), NULL);
	rows->next = 3; /* no more */
	goro_ctx_unref(rows->ctx);
}

static struct rows *
query(void)
{
	static int user = 42;
	struct goro_ctx *request = goro_ctx_with_value(goro_ctx_background(),
						       &key, &user);
	struct rows *rows = make(sizeof(*rows));

	rows->ctx = goro_ctx_ref(goro_ctx_with_cancel(request));
	goro_ctx_unref(request);
	for (int i = 0; i < 3; i++)
		rows->values[i] = i + 1;
	goro_go(await_done, rows);
	return rows;
}

int
story(void)
{
	struct rows *rows = query();
	int first = rows->values[rows->next++];

	settle();
	if (first != 1)
		fail("the first row is not the first");
	if (!fixed)
		return 1;
	goro_ctx_cancel(rows->ctx);
	settle();
	goro_ctx_unref(rows->ctx);
	free(rows);
	return 0;
}
