// SPDX-License-Identifier: MIT
/*
 * burn.c - what a profile must find: work in two functions, and a wait
 *
 * "ready" says that all of it goes on. An argument is an address to serve
 * /metrics at, with all waits recorded.
 */
#include <goro/goro.h>
#include <goro/profile.h>
#include <stdio.h>

#define NOINLINE __attribute__((noinline))

static struct goro_chan *never;

static inline __attribute__((always_inline)) void
inlined_work(int n)
{
	for (volatile int i = 0; i < n; i++)
		;
}

static NOINLINE void
much_work(void)
{
	inlined_work(700000);
	__asm__ volatile("# much");
}

static NOINLINE void
some_work(void)
{
	inlined_work(300000);
	__asm__ volatile("# some");
}

static void
worker(void *arg)
{
	(void)arg;
	for (;;) {
		much_work();
		some_work();
	}
}

static void
waiter(void *arg)
{
	goro_label_set("role", "waiter");
	goro_set_name(arg);
	goro_chan_recv(never, NULL);
	__asm__ volatile("");
}

static int
program(void *arg)
{
	if (arg && (goro_debug_serve(arg) != 0))
		return 1;
	if (arg)
		goro_profile_block_rate(1);
	never = goro_chan_create(0, 0);
	for (int i = 0; i < 6; i++)
		goro_go(waiter, NULL);
	goro_go(waiter, (void *)"last");
	goro_go(worker, NULL);
	goro_sleep(10000000);
	puts("ready");
	fflush(stdout);
	for (;;)
		goro_sleep(1000000);
	return 0;
}

int
main(int argc, char **argv)
{
	return goro_run(program, argc > 1 ? argv[1] : NULL);
}
