// SPDX-License-Identifier: MIT
/*
 * bench_room.c - how much stack the things take that any C function does
 *
 * Why there are no stacks of 2 KiB: docs/BENCHMARKS.md. Each is done on a
 * painted stack of its own, and what is no longer paint was written to. Prints
 * bytes; the frame of a signal depends on the processor, so it is measured here.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

enum { BYTES = 256 << 10, PAINT = 0x5a };

static ucontext_t back, there;
static void (*deed)(void);

static void
nothing(void)
{
}

static void
handle(int sig)
{
	(void)sig;
}

/* As a program does that knows of no other stack. */
static void
take_signal(void)
{
	signal(SIGUSR1, handle);
	raise(SIGUSR1);
}

static void
print_number(void)
{
	char text[32];

	snprintf(text, sizeof(text), "%d", 12345);
}

static void
allocate(void)
{
	void *volatile p = malloc(100);

	free(p);
}

/* One that nobody has called before: the loader looks it up. */
static void
call_first(void)
{
	ctermid(NULL);
}

static void
on_other_stack(void)
{
	deed();
}

static size_t
measure(void (*fn)(void))
{
	static unsigned char stack[BYTES] __attribute__((aligned(64)));
	size_t i;

	memset(stack, PAINT, sizeof(stack));
	deed = fn;
	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof(stack);
	there.uc_link = &back;
	makecontext(&there, on_other_stack, 0);
	swapcontext(&back, &there);
	for (i = 0; i < sizeof(stack) && stack[i] == PAINT; i++)
		;
	return sizeof(stack) - i;
}

int
main(void)
{
	size_t floor = measure(nothing);

	printf("signal %zu B\n", measure(take_signal) - floor);
	printf("signal-may-take %lu B\n", getauxval(AT_MINSIGSTKSZ));
	printf("first-call %zu B\n", measure(call_first) - floor);
	printf("malloc-first %zu B\n", measure(allocate) - floor);
	printf("malloc %zu B\n", measure(allocate) - floor);
	printf("snprintf %zu B\n", measure(print_number) - floor);
	printf("snprintf-again %zu B\n", measure(print_number) - floor);
	return 0;
}
