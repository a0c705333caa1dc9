// SPDX-License-Identifier: MIT
/*
 * sigquit.c - kill -QUIT: what is everyone doing?
 */
#include "sigquit.h"

#include <errno.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

#include "agent.h"
#include "atomic.h"
#include "capture.h"
#include "fatal.h"
#include "goro/goro.h"
#include "options.h"
#include "runtime.h"
#include "sched.h"
#include "trace.h"
#include "traceback.h"

static struct {
	uint32_t asked;   /* [pair quit-asked] since the agent last looked */
	uint32_t at_work; /* [pair quit-asked] the agent is: to be watched */
	pid_t pid;
	struct sigaction before;
	bool installed;
} quit;

#define STUCK_NS 2000000000ll
#define LOOK_NS 250000000ll

static struct gr_out out; /* the agent's */

static void
on_quit(int sig, siginfo_t *info, void *ucontext)
{
	int saved = errno;

	if (getpid() != quit.pid) {
		sigaction(sig, &quit.before, NULL);
		raise(sig); /* when we return */
	} else if (!gr_capture_sig(info, ucontext)) {
		gr_store_rel(&quit.asked, 1); /* [pair quit-asked] */
		gr_agent_wake_sig();
		gr_run_wake_sig();
	}
	errno = saved;
}

bool
gr_sigquit_wanted(void)
{
	quit.pid = getpid();
	quit.asked = quit.at_work = 0;
	return gr_options.sigquit != GR_SIGQUIT_OFF &&
	       !sigaction(SIGQUIT, NULL, &quit.before) &&
	       (quit.before.sa_handler == SIG_DFL ||
		quit.before.sa_handler == SIG_IGN);
}

void
gr_sigquit_install(void)
{
	struct sigaction ours = {
		.sa_sigaction = on_quit,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART,
	};

	/* [pair quit-ours] */
	gr_store_rel(&quit.installed, !sigaction(SIGQUIT, &ours, NULL));
}

bool
gr_sigquit_is_ours(void)
{
	struct sigaction now;

	/* [pair quit-ours] the agent is there before it is. */
	return gr_load_acq(&quit.installed) &&
	       !sigaction(SIGQUIT, NULL, &now) && now.sa_sigaction == on_quit;
}

/* Put back what was there, unless the program has put its own since. */
void
gr_sigquit_remove(void)
{
	if (gr_sigquit_is_ours())
		sigaction(SIGQUIT, &quit.before, NULL);
	gr_store_rel(&quit.installed, false); /* [pair quit-ours] */
}

static void
print(void)
{
	enum gr_traceback_level level = gr_traceback_level();

	out.fd = STDERR_FILENO;
	out.failed = false;
	gr_out_str(&out, "SIGQUIT: quit\n");
	if (level == GR_TRACEBACK_SINGLE)
		level = GR_TRACEBACK_ALL;
	gr_traceback_living(&out, level, false);
	gr_out_flush(&out);
	gr_flight_dump(&out);
	gr_out_flush(&out);
}

void
gr_sigquit_serve(void)
{
	if (!gr_load_acq(&quit.asked)) /* [pair quit-asked] */
		return;
	gr_store_rel(&quit.at_work, 1); /* [pair quit-asked] before this: */
	/* [pair quit-asked] lowered first: who asks during the report gets one
	 * more. */
	gr_store_rel(&quit.asked, 0);
	if (gr_options.sigquit != GR_SIGQUIT_CONTINUE)
		gr_fatal_quit();
	print();
	gr_store_rel(&quit.at_work, 0); /* [pair quit-asked] */
}

/* In the place of the agent, which does not get on. */
static void
stand_in(void)
{
	static struct gr_out bare;
	enum gr_traceback_level level = gr_traceback_level();

	bare.fd = STDERR_FILENO;
	bare.failed = false;
	gr_out_str(&bare, "SIGQUIT: quit\n[the report does not get on; this is "
			  "what can be said without names]\n");
	if (level == GR_TRACEBACK_SINGLE)
		level = GR_TRACEBACK_ALL;
	gr_traceback_bare(&bare, level);
	gr_out_flush(&bare);
	if (gr_options.sigquit != GR_SIGQUIT_CONTINUE)
		gr_end_process();
	gr_store_rel(&quit.asked, 0); /* [pair quit-asked] */
}

int64_t
gr_sigquit_watch(void)
{
	/* Of the one thread that watches. */
	static int64_t used_then_ns;
	static int64_t since_ns;
	static bool told;
	bool asked = gr_load_acq(&quit.asked); /* [pair quit-asked] */
	int64_t now_ns = gr_now_ns(), used_ns;

	/* [pair quit-asked] `at_work` is raised before `asked` is lowered. */
	if (!asked && !gr_load_acq(&quit.at_work)) {
		since_ns = 0;
		told = false;
		return GORO_FOREVER;
	}
	used_ns = gr_agent_cpu_ns();
	if (!since_ns || used_ns != used_then_ns || gr_traceback_writes()) {
		since_ns = now_ns;
		used_then_ns = used_ns;
		told = false;
	}
	if (now_ns - since_ns >= STUCK_NS && (!told || asked)) {
		stand_in();
		told = true;
		since_ns = gr_now_ns();
	}
	return now_ns + LOOK_NS;
}
