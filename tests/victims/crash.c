// SPDX-License-Identifier: MIT
/*
 * crash.c - a program that ends badly, in its main goroutine
 *
 * Usage: crash panic|abort|segv|overflow|handler
 *
 * handler does not end: it says "ready" and stays in a signal handler, on the
 * alternate stack. The others are meant for GOROTRACEBACK=crash.
 */
#include <goro/goro.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAITERS = 3 };

#define NOINLINE __attribute__((noinline))

static struct goro_chan *never;
static volatile int zero;

NOINLINE static void
waiter(void *arg)
{
	(void)arg;
	goro_chan_recv(never, NULL);
	__asm__ volatile("");
}

NOINLINE static int
without_end(int n)
{
	volatile char frame[1000];

	frame[0] = (char)n;
	return n < 0 ? 0 : without_end(n + 1) + frame[0];
}

static void
stay(int sig)
{
	(void)sig;
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}

NOINLINE static int
end_badly(const char *how)
{
	if (strcmp(how, "panic") == 0)
		goro_panic("it was asked for");
	if (strcmp(how, "abort") == 0)
		abort();
	if (strcmp(how, "segv") == 0)
		*(volatile int *)(8l + zero) = 1;
	if (strcmp(how, "handler") == 0) {
		struct sigaction action = { .sa_handler = stay,
					    .sa_flags = SA_ONSTACK };

		sigaction(SIGUSR1, &action, NULL);
		raise(SIGUSR1);
	}
	return without_end(zero) + zero;
}

static int
program(void *arg)
{
	never = goro_chan_create(0, 0);
	for (int i = 0; i < WAITERS; i++)
		if (!goro_go(waiter, NULL))
			return 1;
	goro_sleep(10 * 1000 * 1000);
	return end_badly(arg);
}

int
main(int argc, char **argv)
{
	return argc > 1 ? goro_run(program, argv[1]) : 64;
}
