// SPDX-License-Identifier: MIT
/*
 * monitor.c - the thread that watches the workers
 *
 * Idea       A goroutine that has had its P for 10 ms while others wait is asked
 *            to let go (preempt.h).
 *            Also: what nobody has the time to see: a goroutine made ready beside
 *            one that does not let go of its P, while another P is idle. The
 *            short path of the scheduler spares the wake-up (20 us of another
 *            CPU) since in most cases its own P comes to it within a
 *            microsecond; the monitor makes good the rest.
 * Pace       50 us when there was reason to act or somebody poked it, doubling
 *            to 10 ms while there is none, as Go's sysmon; and while every P
 *            sleeps, one look in two seconds, for the clock: what a core says
 *            of how long all have waited is as old as that.
 */
#include "monitor.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "blocking.h"
#include "futex.h"
#include "goro/goro.h"
#include "idle.h"
#include "leak/world.h"
#include "netpoll.h"
#include "options.h"
#include "preempt.h"
#include "runtime.h"
#include "schedtrace.h"
#include "sched.h"

enum {
	PACE_MIN_NS = 50000,
	PACE_MAX_NS = 10000000,
	PACE_STEADY = 5,  /* rounds at the same pace before it slows */
	IDLE_ROUNDS = 10, /* rounds at the slowest with all P idle */
	ASKS_FAST = 40,      /* times to ask it at the fastest pace */
};

#define STAMP_NS 2000000000ll

uint32_t gr_monitor_slow;
static uint32_t word; /* futex: 1 poked; [pair monitor] */
static bool running, stop;
static pthread_t thread;

void
gr_monitor_poke(void)
{
	/* [relaxed] two may poke; the second finds nobody to wake. */
	gr_store_rlx(&gr_monitor_slow, GR_MONITOR_AWAKE);
	if (!gr_xchg_acq_rel(&word, 1)) /* [pair monitor] */
		gr_futex_wake(&word, 1);
}

/* Is there anything that could run on this P if it were let go? */
static bool
anything_waits(struct gr_p *p, int64_t now_ns)
{
	/* [relaxed] hints, all of them. */
	return gr_load_rlx(&p->runq.next) || gr_runq_any(&p->runq) ||
	       gr_load_rlx(&p->timers.first_ns) <= now_ns ||
	       gr_globq_len() || gr_preempted_n();
}

/* CPU time of a thread: one that sleeps in the kernel is not disturbed. */
static int64_t
thread_cpu_ns(int32_t tid)
{
	/* As the kernel makes the id: CPUCLOCK_SCHED, per thread. */
	clockid_t id = (clockid_t)(~(unsigned)tid << 3 | 6);
	struct timespec t;

	if (clock_gettime(id, &t))
		return 0;
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/*
 * Its goroutine has had its share: ask it to stop, more and more rarely where
 * it cannot. Only a thread that has computed for at least half of the time
 * since the last look is sent a signal: one that sleeps in the kernel, now or
 * time and again, would have its system call interrupted. Returns how long to
 * wait before looking again.
 */
static int64_t
take_back(struct gr_p *p, int64_t now_ns)
{
	struct gr_m *m = gr_load_acq(&p->m); /* [pair p-thread] */
	int64_t cpu_ns = m ? thread_cpu_ns(gr_load_acq(&m->tid)) : 0;
	int64_t used_ns = cpu_ns - p->seen_cpu_ns;
	int64_t passed_ns = now_ns - p->seen_at_ns;
	bool first = p->seen_at_ns < p->seen_since_ns;

	p->seen_cpu_ns = cpu_ns;
	p->seen_at_ns = now_ns;
	/* [relaxed] a hint: who runs now may be another, about to sleep. */
	if (!first && 2 * used_ns >= passed_ns &&
	    (uint32_t)gr_load_rlx(&p->tick) == p->seen_tick) {
		p->asked++;
		gr_preempt_request(p);
	}
	return p->asked < ASKS_FAST ? PACE_MIN_NS : PACE_MAX_NS / 4;
}

/* Watch one P. Returns how long until it is to be looked at again. */
static int64_t
watch(struct gr_p *p, int64_t now_ns)
{
	/* [relaxed] all that is read here are hints. */
	uint32_t tick = (uint32_t)gr_load_rlx(&p->tick);
	uint32_t status = gr_load_rlx(&p->status);
	int64_t left_ns;

	if (status == GR_P_SYSCALL)
		return gr_blocking_watch(p, now_ns);
	if (status != GR_P_RUNNING || tick != p->seen_tick) {
		p->seen_tick = tick;
		p->seen_since_ns = now_ns;
		p->asked = 0;
		gr_store_rlx(&p->runq.next_for_all, false);
		left_ns = status == GR_P_IDLE ? gr_idle_watch(p, now_ns) :
						GORO_FOREVER;
		return GR_MIN(left_ns, gr_options.slice_us * 1000);
	}
	if (!anything_waits(p, now_ns))
		return PACE_MAX_NS;
	if (gr_load_rlx(&gr_idle_n)) {
		/* Somebody else has the time. */
		gr_store_rlx(&p->runq.next_for_all, true);
		gr_wake_one();
		return PACE_MIN_NS;
	}
	left_ns = p->seen_since_ns + gr_options.slice_us * 1000 - now_ns;
	if (left_ns > 0)
		return left_ns;
	/* Its timers are for whoever comes by: it may not let go. */
	gr_store_rlx(&p->runq.next_for_all, true);
	return take_back(p, now_ns);
}

static bool
all_idle(void)
{
	/* [pair idle] [pair procs] */
	return gr_load_sc(&gr_idle_n) >= gr_load_acq(&gr_procs_n) &&
	       !gr_idle_stranded();
}

static void *
monitor_main(void *arg)
{
	int64_t pace_ns = PACE_MIN_NS, recheck_ns = 0;
	int steady = 0, idle = 0;

	(void)arg;
	gr_world_own(GR_WORLD_OWN);
	while (!gr_load_acq(&stop)) { /* [pair monitor] */
		uint32_t n = gr_load_acq(&gr_procs_ever); /* [pair procs] */
		int64_t now_ns = gr_now_ns(), soon_ns = PACE_MAX_NS;
		int64_t trace_ns = gr_schedtrace(now_ns), until_ns, net_ns;
		int64_t trim_ns = gr_stack_trim(now_ns);
		bool asleep;

		for (uint32_t i = 0; i < n; i++) {
			int64_t ns = watch(gr_procs[i], now_ns);
			soon_ns = ns < soon_ns ? ns : soon_ns;
		}
		gr_clock_tick();
		net_ns = gr_netpoll_watch(now_ns);
		soon_ns = GR_MIN(soon_ns, net_ns);
		if (soon_ns <= PACE_MIN_NS) {
			soon_ns = PACE_MIN_NS;
			pace_ns = PACE_MIN_NS;
			steady = 0;
		} else if (++steady > PACE_STEADY && pace_ns < PACE_MAX_NS) {
			pace_ns *= 2;
		}
		idle = all_idle() ? idle + 1 : 0;
		asleep = idle > IDLE_ROUNDS && pace_ns >= PACE_MAX_NS;
		/* [pair monitor-sleep] sequentially consistent: this, then
		 * idle_n; who takes a P off the idle list does the reverse, so
		 * either we see that one is busy or it sees that we sleep. */
		gr_store_sc(&gr_monitor_slow,
			    asleep                    ? GR_MONITOR_ASLEEP :
			    pace_ns > PACE_MIN_NS * 16 ? GR_MONITOR_SLOW :
							GR_MONITOR_AWAKE);
		asleep = asleep && all_idle();
		if (!asleep)
			recheck_ns = 0;
		else if (now_ns >= recheck_ns)
			recheck_ns = gr_idle_recheck(now_ns);
		until_ns = asleep ? GR_MIN(recheck_ns, now_ns + STAMP_NS) :
				    now_ns + GR_MIN(soon_ns, pace_ns);
		until_ns = GR_MIN(until_ns, trim_ns);
		if (!gr_load_acq(&word)) /* [pair monitor] */
			gr_futex_wait(&word, 0, GR_MIN(until_ns, trace_ns));
		if (gr_xchg_acq_rel(&word, 0)) { /* [pair monitor] */
			pace_ns = PACE_MIN_NS;
			steady = 0;
		}
	}
	gr_world_own(GR_WORLD_LEAVE);
	return NULL;
}

/* 0 or -errno. */
int
gr_monitor_start(void)
{
	pthread_attr_t attr;
	int err;

	stop = false;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	err = pthread_create(&thread, &attr, monitor_main, NULL);
	pthread_attr_destroy(&attr);
	/* [pair monitor-runs] [relaxed] the monitor itself asks, perhaps before
	 * this. */
	gr_store_rlx(&running, !err);
	return -err;
}

void
gr_monitor_stop(void)
{
	gr_store_rel(&stop, true); /* [pair monitor] */
	gr_monitor_poke();
	pthread_join(thread, NULL);
	gr_store_rlx(&running, false); /* [pair monitor-runs] */
}

int
gr_monitor_threads(void)
{
	return gr_load_rlx(&running); /* [pair monitor-runs] */
}
