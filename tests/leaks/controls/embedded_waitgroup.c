// SPDX-License-Identifier: MIT
/*
 * embedded_waitgroup.c - a wait group in the middle of a block that is known by its beginning
 *
 * What the goroutine waits for is not what anybody points to: it is a part of
 * something larger, and who has that can get to it.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct service {
	char name[200];
	struct goro_waitgroup running;
	char motto[200];
};

static struct service *service;

static void
await(void *arg)
{
	goro_waitgroup_wait(arg);
}

static void
start_service(void)
{
	service = make(sizeof(*service));
	goro_waitgroup_add(&service->running, 1);
	goro_go(await, &service->running);
	settle();
}

int
story(void)
{
	start_service();
	if (lost) {
		service = NULL;
		return 1;
	}
	check();
	goro_waitgroup_done(&service->running);
	settle();
	free(service);
	return 0;
}
