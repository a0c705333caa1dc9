// SPDX-License-Identifier: MIT
/*
 * errgroup.c - a goroutine that waits for a group to fail
 *
 * It waits for the group's context to end, which the first error of any member
 * will bring about. There is no member yet; there is the group.
 *
 * Expect  leaked 1, uncancelled-context 1
 */
#include "leaks.h"

static struct goro_group *group;

static void
await_end(void *arg)
{
	struct goro_ctx *ctx = arg;

	goro_chan_recv(goro_ctx_done(ctx), NULL);
	goro_ctx_unref(ctx);
}

static int
failing(struct goro_ctx *ctx, void *arg)
{
	(void)ctx;
	(void)arg;
	return -5;
}

static void
start_group(void)
{
	group = goro_group_create(goro_ctx_background());
	goro_go(await_end, goro_ctx_ref(goro_group_ctx(group)));
	settle();
}

int
story(void)
{
	start_group();
	if (lost) {
		group = NULL;
		return 1;
	}
	check();
	goro_group_go(group, failing, NULL);
	if (goro_group_wait(group) != -5)
		fail("the group did not fail");
	goro_group_destroy(group);
	return 0;
}
