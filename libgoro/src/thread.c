// SPDX-License-Identifier: MIT
/*
 * thread.c - starting and ending the runtime's threads
 *
 * Idea       A thread is started when a P has work and no thread, and none is
 *            spare (rest.h), and lives until goro_run() returns. The calling
 *            thread of goro_run() runs no goroutine: it waits, so it can
 *            return even when one never lets go of its thread.
 * Ends       before that   one whose goroutine ended while locked to it; its
 *                          record serves the next thread
 *            after that    one that was inside a blocking section: abandoned,
 *                          it owns its record and its stack, and frees both
 * Signals    A thread inherits the mask of its starter. Each has an alternate
 *            stack: a goroutine's own may be the one that has run out.
 */
#include "thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "blocking.h"
#include "eh.h"
#include "futex.h"
#include "goro/goro.h"
#include "preempt.h"
#include "profile.h"
#include "rest.h"
#include "san.h"

enum {
	THREAD_STACK = 256 << 10, /* the scheduler's; sanitizers are hungry */
	ALTSTACK = 64 << 10,      /* a signal frame alone may be 12 KiB */
	ROUND_MS = 5,             /* between two looks at who has not ended */
};

struct gr_m *gr_threads;
static int alive; /* [pair thread-end] threads that may touch the runtime */

/* Records of threads that ended early. */
static struct {
	struct gr_lock lock;
	struct gr_m *first; /* by rest_next */
} ended;

static void
altstack_create(struct gr_m *m)
{
	void *p = mmap(NULL, ALTSTACK, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return; /* an overflow will then end without a report */
	m->altstack = p;
	sigaltstack(&(stack_t){ .ss_sp = p, .ss_size = ALTSTACK }, NULL);
}

static void
altstack_destroy(struct gr_m *m)
{
	if (!m->altstack)
		return;
	sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL);
	munmap(m->altstack, ALTSTACK);
	m->altstack = NULL;
}

/* Nobody needs this record any more; its thread, if there is one, least. */
static void
record_keep(struct gr_m *m)
{
	m->detached = true;
	gr_lock(&ended.lock);
	m->rest_next = ended.first;
	ended.first = m;
	gr_unlock(&ended.lock);
}

/* The goroutine that we were locked to has ended; the run goes on. */
static void
end_early(struct gr_m *m)
{
	pthread_detach(pthread_self());
	record_keep(m);
}

static void *
thread_main(void *arg)
{
	struct gr_m *m = arg;

	gr_m_set_self(m);
	/* [pair threads] the tracer reads it to find the thread. */
	gr_store_rel(&m->tid, (int32_t)syscall(SYS_gettid));
	altstack_create(m);
	/* A sleep of 1 ms that comes 50 us late by the kernel's leave. */
	prctl(PR_SET_TIMERSLACK, 1000ul);
	gr_preempt_thread_init(m);
	gr_eh_thread_init(m);
	gr_san_m_start(m);
	gr_profile_cpu_thread(m->tid);
	gr_schedule(m);
	altstack_destroy(m);
	gr_m_set_self(NULL);
	gr_store_rel(&m->tid, 0); /* [pair threads] */
	/* [pair section] [relaxed] only we write it, if it is that. */
	if (gr_load_rlx(&m->section) == GR_SECTION_ABANDONED) {
		pthread_detach(pthread_self());
		free(m);
		return NULL;
	}
	if (m->p)
		gr_store_rel(&m->p->m, NULL); /* [pair p-thread] */
	if (m->locked && !gr_load_acq(&gr_stopping)) /* [pair stopping] */
		end_early(m);
	/* [pair thread-end] release: after this the runtime may be unmapped. */
	gr_add_acq_rel(&alive, -1);
	gr_futex_wake((uint32_t *)&alive, 1);
	return NULL;
}

/* A record for a new thread, in the list of them. */
static struct gr_m *
record(void)
{
	struct gr_m *m;

	gr_lock(&ended.lock);
	m = ended.first;
	if (m)
		ended.first = m->rest_next;
	gr_unlock(&ended.lock);
	if (m || !(m = calloc(1, sizeof(*m))))
		return m;
	/* [pair threads] release: whoever walks the list finds it whole. */
	do
		m->next = gr_load_acq(&gr_threads);
	while (!gr_cas_acq_rel(&gr_threads, m->next, m));
	return m;
}

static void
say_no_thread(int err)
{
	static bool said; /* [relaxed] twice would be no harm */

	if (gr_load_rlx(&said))
		return;
	gr_store_rlx(&said, true);
	dprintf(STDERR_FILENO,
		"runtime: no new thread (%d are running): %s; "
		"going on with these\n",
		gr_threads_alive(), strerror(err));
}

/* A thread for @p, which has none. 0 or -errno. */
int
gr_thread_start(struct gr_p *p, bool spinning)
{
	struct gr_m *m;
	pthread_attr_t attr;
	int err;

	if (gr_rest_start(p, spinning))
		return 0;
	m = record();
	if (!m)
		return -ENOMEM;
	m->p = p;
	m->spinning = spinning;
	m->locked = NULL;
	m->detached = false;
	/* [pair p-thread] release: who sees it from outside sees it whole. */
	gr_store_rel(&p->m, m);
	gr_add_acq_rel(&alive, 1); /* [pair thread-end] */
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	err = pthread_create(&m->thread, &attr, thread_main, m);
	pthread_attr_destroy(&attr);
	if (err) {
		gr_add_acq_rel(&alive, -1);
		gr_store_rel(&p->m, NULL); /* [pair p-thread] */
		record_keep(m);
		say_no_thread(err);
		return -err;
	}
	return 0;
}

int
gr_threads_alive(void)
{
	return gr_load_acq(&alive); /* [pair thread-end] */
}

/* Ask each goroutine that is on a thread to let go of it. False when there is
 * none: a thread without one is on its way home. */
static bool
any_holds_on(void)
{
	uint32_t n = gr_load_acq(&gr_procs_ever); /* [pair procs] */
	bool any = false;

	for (uint32_t i = 0; i < n; i++) {
		struct gr_m *m = gr_load_acq(&gr_procs[i]->m); /* [pair p-thread] */

		/* [relaxed] looked at again and again. */
		if (!m || !gr_load_rlx(&m->g))
			continue;
		gr_preempt_request(gr_procs[i]);
		any = true;
	}
	return any;
}

/* Take @m off the list; only the thread that ends the run does. */
static void
unlist(struct gr_m *m, struct gr_m *next)
{
	struct gr_m **at = &gr_threads;

	/* [pair threads] others may still put new ones before the first. */
	if (gr_cas_acq_rel(&gr_threads, m, next))
		return;
	while (gr_load_acq(at) != m)
		at = &gr_load_acq(at)->next;
	gr_store_rel(at, next);
}

/* Who is inside a blocking section need not be waited for. */
static void
abandon_blocked(void)
{
	struct gr_m *m = gr_load_acq(&gr_threads), *next; /* [pair threads] */

	for (; m; m = next) {
		next = m->next; /* once we have parted it may be gone */
		if (!gr_blocking_abandon(m))
			continue;
		unlist(m, next);
		gr_blocking_part(m);
		gr_add_acq_rel(&alive, -1); /* [pair thread-end] */
	}
}

/*
 * Wait for all threads to end, after gr_stopping was set and everybody woken.
 * False: some goroutine does not let go of its thread within @patience_ms.
 */
bool
gr_threads_end(int patience_ms)
{
	int64_t start_ns = gr_now_ns(), now_ns = start_ns;
	struct gr_m *m, *next;
	int n;

	while (abandon_blocked(), (n = gr_threads_alive()) > 0) {
		if (any_holds_on() && now_ns - start_ns >= patience_ms * 1000000ll)
			return false;
		gr_futex_wait((uint32_t *)&alive, n,
			      now_ns + ROUND_MS * 1000000ll);
		now_ns = gr_now_ns();
	}
	for (m = gr_load_acq(&gr_threads); m; m = next) { /* [pair threads] */
		next = m->next;
		if (!m->detached)
			pthread_join(m->thread, NULL);
		free(m);
	}
	gr_store_rel(&gr_threads, NULL);
	ended.first = NULL;
	return true;
}
