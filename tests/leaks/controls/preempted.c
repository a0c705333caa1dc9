// SPDX-License-Identifier: MIT
/*
 * preempted.c - a handle in a register of one who was interrupted
 *
 * A goroutine computes without ever calling the runtime. It runs on another
 * thread while the check runs, or with one worker it has been preempted in the
 * middle of its loop; it has the handle in a register, or wherever the compiler
 * puts what a loop without calls needs after its end.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

static struct goro_chan *handed_over;
static bool enough;

static void
compute(void *arg)
{
	struct goro_chan *kept = handed_over;
	unsigned long n = 0;

	(void)arg;
	__atomic_store_n(&handed_over, NULL, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&enough, __ATOMIC_RELAXED))
		n++;
	if (n)
		unpark(kept);
}

int
story(void)
{
	handed_over = park();
	if (lost) {
		handed_over = NULL;
		return 1;
	}
	goro_go(compute, NULL);
	while (__atomic_load_n(&handed_over, __ATOMIC_ACQUIRE))
		goro_yield();
	check();
	__atomic_store_n(&enough, true, __ATOMIC_RELAXED);
	settle();
	return 0;
}
