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
#include "options.h"
#include "traceback.h"

static struct {
	uint32_t asked; /* [pair quit-asked] since the agent last looked */
	pid_t pid;
	struct sigaction before;
	bool installed;
} quit;

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
	}
	errno = saved;
}

bool
gr_sigquit_wanted(void)
{
	quit.pid = getpid();
	quit.asked = 0;
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
}

void
gr_sigquit_serve(void)
{
	/* [pair quit-asked] lowered first: who asks during the report gets one
	 * more. */
	if (!gr_xchg_acq_rel(&quit.asked, 0))
		return;
	if (gr_options.sigquit == GR_SIGQUIT_CONTINUE)
		print();
	else
		gr_fatal_quit();
}
