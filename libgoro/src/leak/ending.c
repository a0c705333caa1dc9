// SPDX-License-Identifier: MIT
/*
 * ending.c - a process that is told to end looks for leaks before it does
 */
#include "leak/ending.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include "agent.h"
#include "atomic.h"
#include "leak/tool.h"
#include "leak/world.h"

static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
enum {
	SIGNALS = sizeof(signals) / sizeof(*signals),
	STACK_BYTES = 256 << 10, /* sanitizers are hungry */
};

static struct {
	int32_t asked; /* [pair end-asked] a signal's number */
	int32_t told;  /* [pair end-told] there is nothing to add */
	pid_t pid;
	bool ours[SIGNALS];
	bool looking; /* only the agent, and who has waited for it */
	pthread_t thread;
} ending;

/* As if we had never been here; from a handler, once that returns. */
static void
end_by(int sig)
{
	signal(sig, SIG_DFL);
	kill(getpid(), sig);
}

static void
on_signal(int sig)
{
	int saved = errno;

	/* [pair end-told] [pair end-asked] one look, by the agent. */
	if (getpid() != ending.pid || gr_load_acq(&ending.told) ||
	    gr_xchg_acq_rel(&ending.asked, sig))
		end_by(sig);
	else
		gr_agent_wake_sig();
	errno = saved;
}

void
gr_leak_ending_install(void)
{
	struct sigaction ours = { .sa_handler = on_signal,
				  .sa_flags = SA_ONSTACK | SA_RESTART };

	ending.pid = getpid();
	ending.asked = ending.told = 0;
	for (int i = 0; i < SIGNALS; i++) {
		struct sigaction now;

		ending.ours[i] = !sigaction(signals[i], NULL, &now) &&
				 now.sa_handler == SIG_DFL &&
				 !sigaction(signals[i], &ours, NULL);
	}
}

void
gr_leak_ending_remove(void)
{
	for (int i = 0; i < SIGNALS; i++) {
		struct sigaction now;

		if (ending.ours[i] && !sigaction(signals[i], NULL, &now) &&
		    now.sa_handler == on_signal)
			signal(signals[i], SIG_DFL);
		ending.ours[i] = false;
	}
}

void
gr_leak_ending_told(void)
{
	gr_store_rel(&ending.told, 1); /* [pair end-told] */
}

static void *
look(void *arg)
{
	gr_world_own(GR_WORLD_ASIDE);
	gr_leak_tool_told_to_end();
	end_by(gr_load_acq(&ending.asked)); /* [pair end-asked] */
	gr_world_own(GR_WORLD_LEAVE);
	return arg;
}

void
gr_leak_ending_serve(void)
{
	int sig = gr_load_acq(&ending.asked); /* [pair end-asked] */
	pthread_attr_t attr;

	if (!sig || ending.looking)
		return;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	ending.looking = !pthread_create(&ending.thread, &attr, look, NULL);
	pthread_attr_destroy(&attr);
	if (!ending.looking)
		end_by(sig);
}

void
gr_leak_ending_wait(void)
{
	if (ending.looking)
		pthread_join(ending.thread, NULL);
	ending.looking = false;
}
