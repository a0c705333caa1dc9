// SPDX-License-Identifier: MIT
/*
 * runtime.c - a run of goroutines from its start to its end
 *
 * Idea       goro_run() sets up as many P as GOROMAXPROCS says, puts the main
 *            goroutine into the global queue, starts one thread and waits.
 *            When main returns, `gr_stopping` sends each thread home at its
 *            next scheduling point; then all stacks are unmapped, so that a
 *            later run starts as the first one did.
 * Left over  A goroutine that waits when main returns is dropped where it is;
 *            its waiters leave the queues they are in. One that does not let
 *            go of its thread keeps the stacks mapped, and the runtime busy
 *            until it does.
 */
#include "runtime.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent.h"
#include "barrier.h"
#include "blocking.h"
#include "fatal.h"
#include "futex.h"
#include "goro/goro.h"
#include "idle.h"
#include "leak/test.h"
#include "leak/tool.h"
#include "monitor.h"
#include "netpoll.h"
#include "options.h"
#include "overflow.h"
#include "preempt.h"
#include "profile.h"
#include "rest.h"
#include "san.h"
#include "sigquit.h"
#include "sync.h"
#include "thread.h"
#include "trace.h"
#include "waitq.h"

struct gr_p *gr_procs[GR_MAX_PROCS];
uint32_t gr_procs_n, gr_procs_ever;
uint32_t gr_stopping;
unsigned gr_default_class;

enum {
	END_MS = 100,   /* how long goro_run() waits for goroutines to let go */
	BUSY_MS = 2000, /* and the next one for those of the last */
};

static uint32_t busy;  /* [pair run] a run is under way */
static bool left_over; /* threads of the last one, that is over; [pair run] */
static uint32_t ended; /* 1 when main has returned; [pair run] */
static uint32_t news;  /* futex: there is something to look at; [pair news] */
static struct {
	int (*fn)(void *arg);
	void *arg;
	int result;
} program;

void
gr_run_wake_sig(void)
{
	gr_add_acq_rel(&news, 1); /* [pair news] */
	gr_futex_wake(&news, 1);
}

static void
main_goroutine(void *arg)
{
	(void)arg;
	program.result = program.fn(program.arg);
	gr_m_check_returned(gr_m_self());
	gr_leak_main_ended();
	/* [pair stopping] release */
	gr_store_sc(&gr_stopping, 1);
	gr_store_rel(&ended, 1); /* [pair run] */
	gr_run_wake_sig();
}

static long
env_number(const char *name, long otherwise)
{
	const char *text = getenv(name);
	char *end;
	long n;

	if (!text || !*text)
		return otherwise;
	n = strtol(text, &end, 10);
	return *end || n <= 0 ? otherwise : n;
}

static int
cpus(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	return CPU_COUNT(&set);
}

/* Have @n P; those beyond are turned off by their own workers. */
static int
set_procs(uint32_t n)
{
	for (uint32_t i = gr_procs_ever; i < n; i++) {
		/* C11 asks for a multiple of the alignment. */
		struct gr_p *p = aligned_alloc(64,
					       (sizeof(*p) + 63) & ~(size_t)63);

		if (!p)
			return -ENOMEM;
		*p = (struct gr_p){
			.id = i,
			.status = GR_P_OFF,
			.random = (i + 1) * 0x9e3779b97f4a7c15ull ^ gr_now_ns(),
			.timer_cycles = UINT64_MAX,
			.grain = UINT32_MAX, /* not known: any is worth it */
			.seen_since_ns = gr_now_ns(),
		};
		if (gr_timer_heap_init(&p->timers)) {
			free(p);
			return -ENOMEM;
		}
		gr_procs[i] = p;
		/* [pair procs] release: it is whole before it is counted. */
		gr_store_rel(&gr_procs_ever, i + 1);
	}
	if (gr_profile_wants(GR_EVENTS_TRACE))
		gr_trace_more(); /* without memory they are not in it */
	gr_store_sc(&gr_procs_n, n); /* [pair procs] */
	for (uint32_t i = 0; i < n; i++)
		/* [pair p-status] who turns it on adds it. */
		if (gr_cas_acq_rel(&gr_procs[i]->status, GR_P_OFF, GR_P_IDLE))
			gr_idle_add(gr_procs[i]);
	return 0;
}

static int
start_main(void)
{
	struct gr_g *g = gr_g_create(NULL, gr_stack_class(GR_STACK_MAIN_BYTES),
				     main_goroutine, NULL, 0, 0);

	if (!g)
		return -ENOMEM;
	gr_ready(NULL, g); /* wakes a P, and so starts its thread */
	/* [pair run] ended: it was quick, and the thread is gone again. */
	return gr_threads_alive() || gr_load_acq(&ended) ? 0 : -EAGAIN;
}

/* One that was still there when main returned. */
static bool
drop(struct gr_g *g, uint64_t word, void *arg)
{
	(void)arg;
	if (GORO_ABI_STATE(word) == GORO_ABI_SYSCALL)
		return true; /* abandoned: its thread sees to it */
	/* A runnable one too: woken by one case of a select, say, it is still
	 * in the queues of the others. */
	gr_g_forget(g);
	gr_holds_forget(g);
	gr_g_fini(g);
	return true;
}

/* After all threads have ended: as if there had been no run. */
static void
clean_up(void)
{
	gr_leak_run_ended();
	gr_g_each(drop, NULL);
	gr_globq_drop();
	gr_preempted_drop();
	gr_netpoll_fini();
	for (uint32_t i = 0; i < gr_procs_ever; i++) {
		gr_timer_heap_fini(&gr_procs[i]->timers);
		free(gr_procs[i]);
		gr_procs[i] = NULL;
	}
	gr_procs_ever = gr_procs_n = 0;
	gr_idle_reset();
	gr_rest_reset();
	gr_blocking_reset();
	gr_count_reset();
	gr_stack_release_all();
}

static void
wait_for_end(void)
{
	for (;;) {
		/* [pair news] acquire: sees why it was raised. */
		uint32_t seen = gr_load_acq(&news);
		int64_t until_ns = gr_sigquit_watch();

		if (gr_load_acq(&ended)) /* [pair run] */
			return;
		gr_futex_wait(&news, seen,
			      GR_MIN(until_ns, gr_san_take_signals()));
	}
}

static int
run(void)
{
	int err;

	/* A static program must not be linked without its debug table. */
	__asm__ volatile("" : : "r"(&gr_abi_table));
	gr_clock_init();
	gr_barrier_init();
	gr_options_read();
	gr_guard_init(gr_options.guard);
	gr_default_class = gr_stack_class(
		GR_MAX(env_number("GOROSTACK", GR_STACK_DEFAULT_BYTES),
		       1l << GR_STACK_MIN_LOG2));
	gr_overflow_install();
	gr_preempt_install();
	err = set_procs(
		GR_MIN(env_number("GOROMAXPROCS", cpus()), (long)GR_MAX_PROCS));
	if (!err)
		err = gr_monitor_start();
	if (err)
		return err;
	gr_flight_start();
	gr_agent_start();
	gr_leak_tool_start();
	err = start_main();
	if (!err)
		wait_for_end();
	gr_store_sc(&gr_stopping, 1); /* [pair stopping] */
	gr_agent_stop();
	gr_flight_stop();
	gr_monitor_stop();
	gr_wake_all();
	return err;
}

/* Wait for the threads of a run, then clean up. False: there is one left. */
static bool
end_run(int patience_ms)
{
	gr_profile_guard(); /* nobody is looking at goroutines */
	left_over = !gr_threads_end(patience_ms);
	gr_fatal_wait(); /* a report is not to be cut off by our return */
	/* [pair visitors] */
	for (int tries = 0; gr_load_acq(&gr_visitors); tries++)
		gr_back_off(tries);
	if (!left_over)
		clean_up();
	gr_profile_unguard();
	return !left_over;
}

int
goro_run(int (*main_fn)(void *arg), void *arg)
{
	int err;

	if (gr_xchg_acq_rel(&busy, 1)) /* [pair run] */
		return -EBUSY;
	if (left_over && !end_run(BUSY_MS)) {
		gr_store_rel(&busy, 0); /* [pair run] */
		return -EBUSY;
	}
	program.fn = main_fn;
	program.arg = arg;
	ended = 0;
	gr_stopping = 0;
	err = run();
	end_run(END_MS);
	gr_preempt_remove();
	gr_overflow_remove();
	gr_store_rel(&busy, 0); /* [pair run] */
	return err ? err : program.result;
}

int
goro_maxprocs(int n)
{
	int before = gr_load_acq(&gr_procs_n); /* [pair procs] */

	if (!before)
		return GR_MIN(env_number("GOROMAXPROCS", cpus()),
			      (long)GR_MAX_PROCS);
	if (n > 0 && n != before && !set_procs(GR_MIN(n, (int)GR_MAX_PROCS)))
		gr_wake_all();
	return before;
}

/*
 * This worker's P is beyond GOROMAXPROCS: give its work to all and sleep until
 * it is wanted again, or all is over.
 */
void
gr_p_hand_over(struct gr_m *m)
{
	struct gr_p *p = m->p;
	struct gr_glist all = { 0 };
	struct gr_g *g = gr_runq_get_next(&p->runq);

	if (g)
		gr_runq_put(&p->runq, g, false);
	gr_runq_drain(&p->runq, GR_RUNQ_SLOTS, &all);
	if (all.n) {
		gr_globq_put(&all);
		gr_wake_one();
	}
	gr_timer_move(&p->timers, &gr_procs[0]->timers);
	/* P 0 has not looked at these: at its next switch, or now. */
	gr_store_rel(&gr_procs[0]->attention, 1); /* [pair attention] */
	gr_wake_p(gr_procs[0]);
	gr_idle_off(m);
}
