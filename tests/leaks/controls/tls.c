// SPDX-License-Identifier: MIT
/*
 * tls.c - a handle in a thread-local variable
 *
 * Of a thread that is not the runtime's, and of no other.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

#include <pthread.h>
#include <semaphore.h>

static struct goro_chan *handed_over;
static _Thread_local struct goro_chan *kept;
static sem_t taken, go;

static __attribute__((noinline)) void
take(void)
{
	kept = lost ? NULL : handed_over;
	handed_over = NULL;
}

static void *
keep(void *arg)
{
	take();
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
