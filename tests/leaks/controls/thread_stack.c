// SPDX-License-Identifier: MIT
/*
 * thread_stack.c - a handle on the stack of a thread that is not the runtime's
 *
 * A library has a thread of its own that calls back. It sleeps, and what it
 * will call back with is in a variable of its own.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

#include <pthread.h>
#include <semaphore.h>

static struct goro_chan *handed_over;
static sem_t taken, go;

static void *
keep(void *arg)
{
	struct goro_chan *volatile kept = lost ? NULL : handed_over;

	handed_over = NULL;
	sem_post(&taken);
	while (sem_wait(&go) != 0)
		; /* interrupted by a signal */
	if (kept)
		unpark(kept);
	return arg;
}

int
story(void)
{
	pthread_t thread;

	sem_init(&taken, 0, 0);
	sem_init(&go, 0, 0);
	handed_over = park();
	pthread_create(&thread, NULL, keep, NULL);
	while (sem_wait(&taken) != 0)
		;
	if (!lost)
		check();
	sem_post(&go);
	pthread_join(thread, NULL);
	return lost ? 1 : 0;
}
