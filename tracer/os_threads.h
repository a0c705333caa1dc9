/* SPDX-License-Identifier: MIT */
/*
 * os_threads.h - the threads below the goroutines
 *
 * The runtime's own list says which goroutine each of its threads runs; /proc
 * says what the kernel knows of every thread, the program's own among them.
 */
#ifndef GT_OS_THREADS_H
#define GT_OS_THREADS_H

#include "model.h"

struct gt_os_thread {
	int tid; /* as the target itself knows it */
	char name[16];
	char state;         /* as in proc(5): R, S, D ...; '?': not known */
	bool worker;        /* one of those that run goroutines */
	uint64_t goroutine; /* the id of the one on it, or 0 */
	uint64_t cpu_ns;    /* that it has used since its start */
	char wchan[32];     /* where it sleeps in the kernel, or empty */
};

struct gt_os_threads {
	struct gt_os_thread *v;
	size_t n;
};

/* @model is filled: its goroutines are found by their records. Where there is
 * no process any more (@live false) the runtime's list is all. free(ret->v) in
 * any case. */
struct gt_error *gt_os_threads(struct gt_target *t,
			       const struct gt_model *model, bool live,
			       struct gt_os_threads *ret);

#endif
