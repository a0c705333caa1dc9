// SPDX-License-Identifier: MIT
/*
 * idle.c - going to sleep and being woken; the argument is in idle.h
 *
 * Locks      idle.lock: the list of idle P. Never held over a system call.
 */
#include "idle.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "agent.h"
#include "blocking.h"
#include "fatal.h"
#include "futex.h"
#include "goro/goro.h"
#include "leak/tool.h"
#include "monitor.h"
#include "netpoll.h"
#include "preempt.h"
#include "rest.h"
#include "runtime.h"
#include "san.h"
#include "thread.h"
#include "trace.h"

#define RECHECK_MIN_NS 100000000ll
#define RECHECK_MAX_NS 10000000000ll

static struct {
	struct gr_lock lock;
	struct gr_p *first;
	uint64_t taken; /* how often a P was taken off the list */
} idle;

uint32_t gr_idle_n;
uint32_t gr_spinning;

static void
list_push(struct gr_p *p)
{
	gr_lock(&idle.lock);
	gr_store_rel(&p->status, GR_P_IDLE); /* [pair p-status] */
	p->idle_next = idle.first;
	idle.first = p;
	gr_add_sc(&gr_idle_n, 1); /* [pair idle] */
	gr_unlock(&idle.lock);
}

/* Take who stands at @at off the list, and unlock it. */
static struct gr_p *
take_unlock(struct gr_p **at)
{
	struct gr_p *p = *at;

	if (p) {
		*at = p->idle_next;
		idle.taken++;
		gr_add_sc(&gr_idle_n, -1);              /* [pair idle] */
		gr_store_rel(&p->status, GR_P_RUNNING); /* [pair p-status] */
	}
	gr_unlock(&idle.lock);
	/* [pair monitor-sleep] idle_n first, then this; see monitor.c. */
	if (p && gr_load_sc(&gr_monitor_slow) == GR_MONITOR_ASLEEP)
		gr_monitor_poke();
	return p;
}

/* Take @p, or any when NULL, off the list. */
static struct gr_p *
list_take(struct gr_p *p)
{
	struct gr_p **at = &idle.first;

	gr_lock(&idle.lock);
	while (*at && p && *at != p)
		at = &(*at)->idle_next;
	return take_unlock(at);
}

/* A P that no thread sleeps with, for a thread that has none. */
struct gr_p *
gr_idle_take_free(void)
{
	struct gr_p **at = &idle.first;

	if (!gr_load_sc(&gr_idle_n)) /* [pair idle] a hint: else by the queue */
		return NULL;
	gr_lock(&idle.lock);
	while (*at && gr_load_acq(&(*at)->m)) /* [pair p-thread] */
		at = &(*at)->idle_next;
	return take_unlock(at);
}

/* A P whose thread sleeps with it. */
static struct gr_p *
take_manned(void)
{
	struct gr_p **at = &idle.first;

	gr_lock(&idle.lock);
	while (*at && !gr_load_acq(&(*at)->m)) /* [pair p-thread] */
		at = &(*at)->idle_next;
	return take_unlock(at);
}

/* A P that no thread has yet. */
void
gr_idle_add(struct gr_p *p)
{
	list_push(p);
}

static void
wake(struct gr_m *m)
{
	/* [pair m-wake] release: the sleeper sees that its P is its own. */
	gr_store_sc(&m->wake, 1);
	gr_futex_wake(&m->wake, 1);
	gr_netpoll_break(m);
}

/* Start or wake the worker of a P that was taken off the list. */
static bool
send_off(struct gr_p *p, bool spinning)
{
	if (p->m) {
		p->m->spinning = spinning;
		wake(p->m);
		return true;
	}
	return gr_thread_start(p, spinning) == 0;
}

/* There is work for one more worker. */
void
gr_wake_one(void)
{
	struct gr_p *p, *manned;

	/* [pair idle] after the work was made visible. One that already looks
	 * will find it. [pair spinning] */
	if (!gr_load_sc(&gr_idle_n)) {
		/* [relaxed] a hint: a P that is SYSCALL may be had. */
		if (gr_load_rlx(&gr_monitor_slow))
			gr_monitor_poke();
		return;
	}
	if (gr_load_sc(&gr_spinning)) /* [pair spinning] */
		return;
	if (!gr_cas_acq_rel(&gr_spinning, 0u, 1u))
		return;
	p = list_take(NULL);
	if (p && send_off(p, true))
		return;
	/* No thread to be had: one that is there already, or as if never
	 * asked. */
	manned = p ? take_manned() : NULL;
	if (p)
		list_push(p);
	if (manned)
		send_off(manned, true);
	else
		gr_add_sc(&gr_spinning, -1); /* [pair spinning] */
}

/* There is something for this one alone: the timers on its heap. */
void
gr_wake_p(struct gr_p *p)
{
	if (list_take(p) && !send_off(p, false))
		list_push(p);
}

/* Everybody, to see that it is over or that the number of P has changed. */
void
gr_wake_all(void)
{
	struct gr_p *p, *keep = NULL;
	uint32_t n = gr_load_acq(&gr_procs_ever); /* [pair procs] */

	while ((p = list_take(NULL))) {
		if (p->m) {
			send_off(p, false);
		} else if (p->id >= gr_load_sc(&gr_procs_n)) {
			gr_store_sc(&p->status, GR_P_OFF); /* [pair p-status] */
		} else {
			p->idle_next = keep;
			keep = p;
		}
	}
	while ((p = keep)) {
		keep = p->idle_next;
		list_push(p);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct gr_m *m;

		p = gr_procs[i];
		m = gr_load_acq(&p->m); /* [pair p-thread] */
		/* [pair p-status] who turns it on wakes it. */
		if (m && gr_load_sc(&gr_stopping) &&
		    gr_cas_acq_rel(&p->status, GR_P_OFF, GR_P_RUNNING))
			wake(m);
	}
	if (gr_load_sc(&gr_stopping)) /* [pair stopping] */
		gr_rest_stop();
}

/* Is there anything that we could run? Looks after idle_n was raised. */
static bool
work_anywhere(struct gr_m *m)
{
	uint32_t n = gr_load_acq(&gr_procs_ever); /* [pair procs] */

	if (gr_globq_len() || gr_preempted_any(m) || gr_rest_wanted_n() ||
	    gr_load_sc(&gr_stopping)) /* [pair stopping] */
		return true;
	for (uint32_t i = 0; i < n; i++)
		if (gr_p_has_surplus(gr_procs[i]))
			return true;
	return false;
}

/* Does it lie idle with something to do, for want of a thread? */
static bool
is_stranded(const struct gr_p *p)
{
	/* [pair p-status] [pair p-thread] hints, as all that follows: who
	 * takes it off the list may be faster. */
	return gr_load_acq(&p->status) == GR_P_IDLE && !gr_load_acq(&p->m) &&
	       (gr_load_rlx(&p->runq.next) || gr_runq_any(&p->runq) ||
		gr_load_sc(&p->timers.first_ns) != GORO_FOREVER);
}

bool
gr_idle_stranded(void)
{
	uint32_t n = gr_load_acq(&gr_procs_ever); /* [pair procs] */

	for (uint32_t i = 0; i < n; i++)
		if (is_stranded(gr_procs[i]))
			return true;
	return false;
}

/*
 * The monitor's look at a P that is idle. What is stranded there is for all who
 * have a thread; or perhaps there is one to be had by now. Returns when to look
 * again.
 */
int64_t
gr_idle_watch(struct gr_p *p, int64_t now_ns)
{
	enum { RETRY_NS = 1000000 };
	int64_t timer_ns;

	if (!is_stranded(p))
		return GORO_FOREVER;
	timer_ns = gr_load_sc(&p->timers.first_ns); /* [pair timer-first] */
	/* [relaxed] hints, as above. */
	if (timer_ns > now_ns && !gr_load_rlx(&p->runq.next) &&
	    !gr_runq_any(&p->runq))
		return timer_ns - now_ns;
	gr_store_rlx(&p->runq.next_for_all, true);
	gr_wake_one();
	return RETRY_NS;
}

static bool
any_timer(void)
{
	for (uint32_t i = 0; i < gr_procs_ever; i++)
		if (gr_load_sc(&gr_procs[i]->timers.first_ns) != GORO_FOREVER)
			return true; /* [pair timer-first] */
	return false;
}

/*
 * ThreadSanitizer has threads of its own: one, or in a child process none or
 * two. They are known by blocking every signal that can be blocked.
 */
static bool
is_sanitizers(const char *tid)
{
#ifdef GR_TSAN
	const unsigned long long every = 0xfffffffe3ffbfeff;
	unsigned long long blocked = 0;
	char name[sizeof("/proc/self/task//status") + NAME_MAX], line[256];
	FILE *f;

	snprintf(name, sizeof(name), "/proc/self/task/%s/status", tid);
	f = fopen(name, "re");
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f) &&
	       sscanf(line, "SigBlk: %llx", &blocked) != 1)
		;
	fclose(f);
	return (blocked & every) == every;
#else
	(void)tid;
	return false;
#endif
}

uint32_t gr_service_threads;

/*
 * Threads that are not the runtime's may make goroutines ready too. A thread
 * that starts another and ends can escape who reads the directory name by
 * name; the kernel's own count of them is the number of its links.
 */
static bool
foreign_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *e;
	struct stat st;
	int ours = gr_threads_alive() + gr_monitor_threads() +
		   gr_agent_threads() +
		   (int)gr_load_rlx(&gr_service_threads) + 1;
	int all = 0;

	if (!dir)
		return true;
	while ((e = readdir(dir)))
		all += e->d_name[0] != '.' && !is_sanitizers(e->d_name);
#ifndef GR_TSAN
	if (!fstat(dirfd(dir), &st) && (int)st.st_nlink - 2 > ours)
		all = (int)st.st_nlink - 2;
#else
	(void)st;
#endif
	closedir(dir);
	return all > ours;
}

/* Does every worker sleep, without anything to wake it? */
static bool
all_asleep(uint64_t *ret_taken)
{
	uint32_t n = gr_load_acq(&gr_procs_ever); /* [pair procs] */
	bool asleep;

	gr_lock(&idle.lock);
	/* No goroutine runs, and each worker has looked for work after it got
	 * onto the list, or has handed over all that it had. */
	asleep = !gr_blocking_n() && !gr_globq_len() && !gr_preempted_n() &&
		 !gr_rest_wanted_n() && !any_timer() && !gr_netpoll_any() &&
		 !gr_idle_stranded() &&
		 !gr_load_acq(&gr_stopping); /* [pair stopping] */
	for (uint32_t i = 0; i < n && asleep; i++) {
		/* [pair p-status] OFF is what is beyond GOROMAXPROCS. */
		uint32_t status = gr_load_acq(&gr_procs[i]->status);

		asleep = status == GR_P_IDLE || status == GR_P_OFF;
	}
	*ret_taken = idle.taken;
	gr_unlock(&idle.lock);
	return asleep;
}

/*
 * Called by each worker that goes to sleep. When it is the last one, and
 * nothing can wake a goroutine any more, say so and end: Go's checkdead().
 * A foreign thread may wake one as its last deed and be gone when we look for
 * threads; so it counts only if no P was woken from before that to after it.
 *
 * @end  gr_fatal() or the like; it does not return
 */
static void
check_deadlock(void (*end)(const char *msg))
{
	uint64_t before, after;

	/* [pair idle] a hint, and the usual case: somebody is at work. */
	if (gr_load_sc(&gr_idle_n) < gr_load_sc(&gr_procs_n))
		return;
	if (!all_asleep(&before) || foreign_threads() || !all_asleep(&after) ||
	    after != before)
		return;
	gr_leak_tool_deadlock();
	if (goro_count())
		end("all goroutines are asleep - deadlock!");
	end("no goroutines (main called goro_exit) - deadlock!");
}

/*
 * A foreign thread may end without a word when all goroutines wait for it: the
 * monitor looks again, more and more rarely. Returns when it is to.
 */
int64_t
gr_idle_recheck(int64_t now_ns)
{
	static uint64_t taken_then; /* the monitor's own */
	static int64_t pause_ns;
	uint64_t taken;

	/* Before the first goroutine there is nobody who could be stuck. */
	if (!gr_threads_alive() || !all_asleep(&taken))
		return GORO_FOREVER;
	check_deadlock(gr_fatal_aside);
	pause_ns = taken == taken_then && pause_ns ?
			   GR_MIN(2 * pause_ns, RECHECK_MAX_NS) :
			   RECHECK_MIN_NS;
	taken_then = taken;
	return now_ns + pause_ns;
}

/*
 * A P whose thread cannot go on with it: to another thread, if there is
 * something to do for it now or later, or else to the idle ones.
 */
void
gr_idle_give(struct gr_p *p)
{
	gr_trace_worker(p, GR_TRACE_GIVEN, 0);
	gr_store_rel(&p->m, NULL);              /* [pair p-thread] */
	gr_store_rel(&p->status, GR_P_RUNNING); /* [pair p-status] */
	/* [relaxed] `next` is stable: the P is ours. A timer, or a descriptor,
	 * needs a thread that sleeps for it. */
	if (!gr_load_rlx(&p->runq.next) && !gr_runq_any(&p->runq) &&
	    p->id < gr_load_sc(&gr_procs_n) &&
	    gr_load_sc(&p->timers.first_ns) == GORO_FOREVER &&
	    !gr_netpoll_any()) {
		list_push(p);
		if (!work_anywhere(NULL) || !list_take(p)) {
			check_deadlock(gr_fatal);
			return;
		}
	}
	if (!send_off(p, false)) {
		list_push(p); /* stranded: the monitor sees to it */
		gr_monitor_poke();
	}
}

/*
 * Sleep with a P that is not wanted, until somebody raises GOMAXPROCS (which
 * makes it idle) and then wakes it, or all is over.
 */
void
gr_idle_off(struct gr_m *m)
{
	struct gr_p *p = m->p;

	gr_store_rlx(&m->wake, 0); /* [pair m-wake] as in gr_idle_sleep() */
	gr_store_sc(&p->status, GR_P_OFF);
	/* [pair p-status] wanted again, or over, since we looked? Whoever
	 * changes the status from OFF has the P. */
	if ((gr_load_sc(&gr_procs_n) > p->id || gr_load_sc(&gr_stopping)) &&
	    gr_cas_acq_rel(&p->status, GR_P_OFF, GR_P_RUNNING))
		return;
	check_deadlock(gr_fatal);
	while (!gr_load_acq(&m->wake)) /* [pair m-wake] */
		gr_futex_wait(&m->wake, 0, GORO_FOREVER);
}

/*
 * Sleep until there may be work for this worker: it was chosen, or a timer of
 * its P is due. Returns with the P in hand.
 */
void
gr_idle_sleep(struct gr_m *m)
{
	struct gr_p *p = m->p;
	bool spinning = m->spinning;
	int64_t deadline_ns;

	/* [pair m-wake] relaxed: nobody can wake us before the list says so. */
	gr_store_rlx(&m->wake, 0);
	m->spinning = false;
	list_push(p); /* from here on whoever takes it off sets `spinning` */
	if (spinning)
		gr_add_sc(&gr_spinning, -1); /* [pair spinning] */
	/* [pair procs] not wanted any more? Whoever lowers GOROMAXPROCS takes
	 * all off the list after that. */
	if ((p->id >= gr_load_sc(&gr_procs_n) || work_anywhere(m)) &&
	    list_take(p))
		return;
	/* [pair timer-first] only its own worker adds to a P's timers. */
	deadline_ns = gr_load_sc(&p->timers.first_ns);
	if (deadline_ns == GORO_FOREVER)
		check_deadlock(gr_fatal);
	/* [pair m-wake] acquire: see wake(). */
	while (!gr_load_acq(&m->wake)) {
		struct gr_glist ready = { 0 };

		if (!gr_netpoll_sleep(m, deadline_ns, &ready))
			gr_futex_wait(&m->wake, 0, deadline_ns);
		if (ready.n) {
			/* Ours to run, unless our P was taken meanwhile. */
			bool mine = list_take(p) != NULL;

			gr_ready_polled(mine ? m : NULL, &ready);
			if (mine)
				return;
		}
		if (deadline_ns != GORO_FOREVER && gr_now_ns() >= deadline_ns) {
			/* Off the list by ourselves, or else somebody has
			 * taken us off and the wake is on its way. */
			if (list_take(p))
				return;
			deadline_ns = GORO_FOREVER;
		}
	}
}

void
gr_idle_reset(void)
{
	idle.first = NULL;
	gr_idle_n = 0;
	gr_spinning = 0;
}
