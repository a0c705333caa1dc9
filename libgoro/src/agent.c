// SPDX-License-Identifier: MIT
/*
 * agent.c - the thread that reports on the process from inside
 */
#include "agent.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>

#include "atomic.h"
#include "futex.h"
#include "goro/goro.h"
#include "sigquit.h"

enum {
	STACK_BYTES = 256 << 10, /* sanitizers are hungry */
};

static struct {
	uint32_t events; /* futex: how many; [pair agent] */
	bool stop;       /* [pair agent] */
	bool running;
	pthread_t thread;
} agent;

void
gr_agent_wake_sig(void)
{
	/* [pair agent] release: with it comes what there is to do. */
	gr_add_acq_rel(&agent.events, 1);
	gr_futex_wake(&agent.events, 1);
}

static void *
agent_main(void *arg)
{
	uint32_t seen = 0, events;

	/* Tools look for this name before they send a signal. */
	prctl(PR_SET_NAME, "goro-agent");
	for (;;) {
		events = gr_load_acq(&agent.events); /* [pair agent] */
		if (events == seen) {
			gr_futex_wait(&agent.events, seen, GORO_FOREVER);
			continue;
		}
		seen = events;
		gr_sigquit_serve();
		if (gr_load_acq(&agent.stop)) /* [pair agent] */
			return arg;
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

	if (!gr_sigquit_wanted())
		return; /* nobody could ever wake it */
	agent.events = 0;
	agent.stop = false;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	block_signals(&before);
	agent.running = !pthread_create(&agent.thread, &attr, agent_main, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (agent.running)
		gr_sigquit_install();
}

void
gr_agent_stop(void)
{
	if (!agent.running)
		return;
	gr_sigquit_remove();
	gr_store_rel(&agent.stop, true); /* [pair agent] */
	gr_agent_wake_sig();
	pthread_join(agent.thread, NULL);
	agent.running = false;
}

int
gr_agent_threads(void)
{
	return agent.running;
}
