// SPDX-License-Identifier: MIT
/*
 * agent.c - the thread that reports on the process from inside
 */
#include "agent.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"
#include "atomic.h"
#include "leak/ending.h"
#include "leak/world.h"
#include "sigquit.h"

enum {
	STACK_BYTES = 256 << 10, /* sanitizers are hungry */
};

static struct {
	int32_t tid; /* [pair agent] */
	bool stop;   /* [pair agent] */
	bool running;
	pthread_t thread;
} agent;

void
gr_agent_wake_sig(void)
{
	/* [pair agent] sequentially consistent: the reason was stored before,
	 * the agent stores its id and then looks for reasons. */
	int32_t tid = gr_load_sc(&agent.tid);

	if (tid)
		syscall(SYS_tgkill, getpid(), tid, SIGURG);
}

/* Sleep until there is a signal; one that was sent meanwhile is there too. */
static void
wait_for_signal(siginfo_t *ret)
{
	uint64_t set = 1ull << (SIGURG - 1);

	/* Not by libc: ThreadSanitizer knows of sigwaitinfo(). */
	while (syscall(SYS_rt_sigtimedwait, &set, ret, NULL, sizeof(set)) < 0)
		; /* EINTR, of a debugger */
}

static void *
agent_main(void *arg)
{
	siginfo_t info;

	gr_world_own(GR_WORLD_ASIDE);
	/* [pair agent] */
	gr_store_sc(&agent.tid, (int32_t)syscall(SYS_gettid));
	for (;;) {
		gr_sigquit_serve();
		gr_leak_ending_serve();
		if (gr_load_sc(&agent.stop)) { /* [pair agent] */
			gr_world_own(GR_WORLD_LEAVE);
			return arg;
		}
		wait_for_signal(&info);
		if (info.si_code == SI_QUEUE && info.si_value.sival_ptr)
			gr_ask_serve((uintptr_t)info.si_value.sival_ptr);
	}
}

/* All signals are for others; a blocked fault would be the end. */
static void
block_signals(sigset_t *ret_before)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE };
	sigset_t all;

	sigfillset(&all);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		sigdelset(&all, faults[i]);
	pthread_sigmask(SIG_SETMASK, &all, ret_before);
}

void
gr_agent_start(void)
{
	pthread_attr_t attr;
	sigset_t before;
	bool wanted = gr_sigquit_wanted();

	agent.stop = false;
	agent.tid = 0;
	gr_ask_start();
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	block_signals(&before);
	gr_store_rlx(&agent.running,
		     !pthread_create(&agent.thread, &attr, agent_main, NULL));
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	/* Tools look for the name, from the first goroutine on. */
	if (agent.running)
		pthread_setname_np(agent.thread, GR_AGENT_NAME);
	if (agent.running && wanted)
		gr_sigquit_install();
}

void
gr_agent_stop(void)
{
	if (!agent.running)
		return;
	gr_leak_ending_remove();
	gr_sigquit_remove();
	gr_store_sc(&agent.stop, true); /* [pair agent] */
	gr_agent_wake_sig();
	gr_ask_stop();
	pthread_join(agent.thread, NULL);
	gr_leak_ending_wait();
	gr_store_rlx(&agent.running, false); /* [relaxed] as read below */
}

int64_t
gr_agent_cpu_ns(void)
{
	struct timespec t;
	clockid_t id;

	if (pthread_getcpuclockid(agent.thread, &id) || clock_gettime(id, &t))
		return 0;
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

int
gr_agent_threads(void)
{
	/* [relaxed] who counts threads while it ends looks at `stopping`, too */
	return gr_load_rlx(&agent.running) + gr_ask_threads();
}
