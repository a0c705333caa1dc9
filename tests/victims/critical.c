// SPDX-License-Identifier: MIT
/*
 * critical.c - at any moment one goroutine of a group at most is in critical()
 *
 * A mutex sees to that. So a dump with two of them inside is of two moments.
 * A goroutine's name is its group.
 * Says "ready" when all have begun; goes on until it is killed.
 *
 * Usage: critical [GOROUTINES]
 */
#include <goro/goro.h>
#include <stdio.h>
#include <stdlib.h>

enum { GROUPS = 100 };

static struct goro_waitgroup started;
static struct goro_mutex mutexes[GROUPS];
static char names[GROUPS][8];

/* It stays on the stack meanwhile. */
__attribute__((noinline)) static void
critical(void)
{
	goro_sleep(300 * 1000);
	__asm__ volatile("");
}

static void
worker(void *arg)
{
	int group = (int)(long)arg % GROUPS;

	goro_set_name(names[group]);
	goro_waitgroup_done(&started);
	for (;;) {
		goro_mutex_lock(&mutexes[group]);
		critical();
		goro_mutex_unlock(&mutexes[group]);
		goro_yield();
	}
}

static int
program(void *arg)
{
	int n = *(int *)arg;

	goro_waitgroup_add(&started, n);
	for (int i = 0; i < GROUPS; i++)
		snprintf(names[i], sizeof(names[i]), "%d", i);
	for (long i = 0; i < n; i++)
		if (!goro_go(worker, (void *)i))
			return 1;
	goro_waitgroup_wait(&started);
	puts("ready");
	fflush(stdout);
	goro_chan_recv(NULL, NULL);
	return 0;
}

int
main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 4000;

	return goro_run(program, &n);
}
