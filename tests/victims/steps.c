// SPDX-License-Identifier: MIT
/*
 * steps.c - a walk through functions of all shapes, to be stepped through
 *
 * Between the two breakpoints are leaf functions, with their prologues and
 * epilogues, frames of a size that is not known before, calls through the PLT
 * (the first of which resolve their symbol), a callback from libc, a goroutine's
 * switch and back, and a signal handler with its return to where it came from.
 */
#include <goro/goro.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))
#define BREAK __asm__ volatile("int3")

static volatile int sink, zero;

NOINLINE static int
leaf(int a, int b)
{
	return a * b + 1;
}

NOINLINE static int
keeps_registers(int a, int b, int c, int d)
{
	int x = leaf(a, b), y = leaf(c, d), z = leaf(x, y);

	return leaf(x, z) + leaf(y, a) + leaf(b, z) + c + d;
}

NOINLINE static int
stack_arguments(int a, int b, int c, int d, int e, int f, int g, int h, int i)
{
	return keeps_registers(a, b, c, d) + e + f + g + h + i;
}

NOINLINE static int
variable_frame(int n)
{
	volatile char *p = __builtin_alloca(n);

	p[0] = (char)n;
	p[n - 1] = (char)leaf(n, 2);
	return p[0] + p[n - 1];
}

NOINLINE static int
realigned(int n)
{
	volatile int v[8] __attribute__((aligned(64)));

	v[n & 7] = n;
	return leaf(v[n & 7], n);
}

NOINLINE static int
recursive(int n)
{
	return n ? recursive(n - 1) + zero : leaf(n, n);
}

NOINLINE static int
early_return(const char *text)
{
	if (!text)
		return 0;
	return (int)strlen(text) + leaf((int)strnlen(text, 3), 2);
}

static int
compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void
on_signal(int sig)
{
	sink += leaf(sig, 2);
}

NOINLINE static void
walk(void)
{
	int numbers[] = { 3, 1, 2 };

	sink += leaf(1, 2);
	sink += keeps_registers(1, 2, 3, 4);
	sink += stack_arguments(1, 2, 3, 4, 5, 6, 7, 8, 9);
	sink += variable_frame(100 + sink % 2);
	sink += realigned(sink);
	sink += recursive(3);
	sink += early_return(NULL);
	sink += early_return("text");
	sink += getppid() > 0;
	qsort(numbers, 3, sizeof(numbers[0]), compare);
	sink += numbers[0];
}

static int
program(void *arg)
{
	(void)arg;
	BREAK;
	walk();
	goro_yield();
	BREAK;
	_exit(0);
}

int
main(int argc, char **argv)
{
	(void)argv;
	signal(SIGUSR1, on_signal);
	/* With an argument: on a goroutine's stack. */
	if (argc > 1)
		return goro_run(program, NULL);
	BREAK;
	walk();
	raise(SIGUSR1);
	BREAK;
	_exit(0);
}
