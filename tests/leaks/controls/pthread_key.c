// SPDX-License-Identifier: MIT
/*
 * pthread_key.c - a handle that is a thread's specific data
 *
 * A thread that is not the runtime's keeps it under a key of pthreads.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

#include <pthread.h>
#include <semaphore.h>

static struct goro_chan *handed_over;
static pthread_key_t key;
static sem_t taken, go;

static __attribute__((noinline)) void
take(void)
{
	pthread_setspecific(key, lost ? NULL : handed_over);
	handed_over = NULL;
}

static void *
keep(void *arg)
{
	take();
	sem_post(&taken);
	while (sem_wait(&go) != 0)
		; /* interrupted by a signal */
	if (!lost)
		unpark(pthread_getspecific(key));
	return arg;
}

int
story(void)
{
	pthread_t thread;

	sem_init(&taken, 0, 0);
	sem_init(&go, 0, 0);
	pthread_key_create(&key, NULL);
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
