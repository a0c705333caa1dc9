// SPDX-License-Identifier: MIT
/*
 * blocking_section.c - a handle with a goroutine that blocks its thread
 *
 * The goroutine that will wake the other one sits in a system call, inside a
 * blocking section: it is on no queue, its registers are in the kernel, and it
 * has the handle on its stack.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

#include <semaphore.h>

static struct goro_chan *handed_over;
static sem_t go;

static void
block_thread(void *arg)
{
	struct goro_chan *volatile kept = handed_over;

	(void)arg;
	__atomic_store_n(&handed_over, NULL, __ATOMIC_RELEASE);
	goro_blocking_begin();
	while (sem_wait(&go) != 0)
		; /* interrupted by a signal */
	goro_blocking_end();
	unpark(kept);
}

int
story(void)
{
	sem_init(&go, 0, 0);
	handed_over = park();
	if (lost) {
		handed_over = NULL;
		return 1;
	}
	goro_go(block_thread, NULL);
	while (__atomic_load_n(&handed_over, __ATOMIC_ACQUIRE))
		goro_yield();
	check();
	sem_post(&go);
	return 0;
}
