// SPDX-License-Identifier: MIT
/*
 * leak_run.c - running the command, and hearing what its processes find
 *
 * Idea       A socket in a directory of our own, its path in the environment,
 *            and the table of heap blocks preloaded: whatever process of the
 *            command runs goroutines calls back when its main returns. One at
 *            a time is heard, and waits for it.
 * Ending     A signal that asks us to end, or the timeout, is an occasion to
 *            look: each process that still runs goroutines is asked to check
 *            itself (leak_ask.h), and only then told to end.
 * Signals    come through a descriptor, so that there is one place to wait.
 */
#include "leak_run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "leak_ask.h"

enum {
	HEAR_S = 60,      /* a process that calls and says nothing */
	END_MS = 5000,    /* between SIGTERM and SIGKILL */
	PROCESSES = 1024, /* that are asked */
};

struct place {
	char dir[PATH_MAX];
	struct sockaddr_un at;
	int fd;
};

static bool
listen_somewhere(struct place *p)
{
	const char *tmp = getenv("TMPDIR");

	if (!tmp || strlen(tmp) > 60)
		tmp = "/tmp"; /* a socket's path is short */
	snprintf(p->dir, sizeof(p->dir), "%s/goro-leakcheck.XXXXXX", tmp);
	p->at.sun_family = AF_UNIX;
	p->fd = -1;
	if (!mkdtemp(p->dir)) {
		cli_say("cannot make a directory in %s: %s", tmp,
			strerror(errno));
		return false;
	}
	snprintf(p->at.sun_path, sizeof(p->at.sun_path), "%.90s/socket",
		 p->dir);
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0 ||
	    bind(p->fd, (struct sockaddr *)&p->at, sizeof(p->at)) ||
	    listen(p->fd, 128)) {
		cli_say("cannot listen on %s: %s", p->at.sun_path,
			strerror(errno));
		return false;
	}
	return true;
}

static void
stop_listening(struct place *p)
{
	if (p->fd >= 0)
		close(p->fd);
	unlink(p->at.sun_path);
	rmdir(p->dir);
}

/* --- The command ---------------------------------------------------------- */

/* Where the table of heap blocks is: beside us when we were installed, or in
 * the tree that we were built in. */
static bool
find_heap(char *path, size_t room)
{
	static const char *const from_bin[] = {
		"../" GORO_LIBDIR "/goro/libgoro-heap.so",
		"../libgoro/libgoro-heap.so",
	};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n <= 0)
		return false;
	self[n] = '\0';
	slash = strrchr(self, '/');
	*slash = '\0';
	for (size_t i = 0; i < sizeof(from_bin) / sizeof(*from_bin); i++) {
		char there[PATH_MAX + 64], *real;

		snprintf(there, sizeof(there), "%s/%s", self, from_bin[i]);
		real = realpath(there, NULL);
		if (!real)
			continue;
		snprintf(path, room, "%s", real);
		free(real);
		return true;
	}
	return false;
}

static void
set_environment(const struct leak_run *run, const struct place *p)
{
	char heap[PATH_MAX], all[2 * PATH_MAX];
	const char *before = getenv("LD_PRELOAD");

	setenv("GORO_LEAKCHECK", p->at.sun_path, 1);
	if (run->plain_heap || !find_heap(heap, sizeof(heap)))
		return;
	snprintf(all, sizeof(all), "%s%s%s", heap, before && *before ? ":" : "",
		 before ? before : "");
	setenv("LD_PRELOAD", all, 1);
}

static pid_t
start(const struct leak_run *run, const struct place *p, const sigset_t *mask)
{
	int problem[2], err = 0;
	pid_t pid;

	if (pipe2(problem, O_CLOEXEC))
		return -1;
	pid = fork();
	if (pid == 0) {
		/* A signal for our group is then ours first; but with a
		 * terminal it has to stay in the foreground. */
		if (!isatty(STDIN_FILENO))
			setpgid(0, 0);
		if (run->quiet)
			dup2(STDERR_FILENO, STDOUT_FILENO);
		set_environment(run, p);
		sigprocmask(SIG_SETMASK, mask, NULL);
		execvp(run->argv[0], run->argv);
		err = errno;
		while (write(problem[1], &err, sizeof(err)) < 0 &&
		       errno == EINTR)
			;
		_exit(127);
	}
	close(problem[1]);
	if (pid > 0 && read(problem[0], &err, sizeof(err)) == sizeof(err)) {
		waitpid(pid, NULL, 0);
		errno = err;
		pid = -1;
	}
	close(problem[0]);
	return pid;
}

/* --- Hearing -------------------------------------------------------------- */

/* A process has called. One that does not count is heard all the same, or it
 * would wait. */
static void
hear(const struct place *p, pid_t only, struct leak_results *r)
{
	struct leak_results nothing = { 0 };
	struct timeval patience = { .tv_sec = HEAR_S };
	struct ucred who = { 0 };
	socklen_t bytes = sizeof(who);
	int fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC);
	FILE *from;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	from = fdopen(fd, "r");
	if (!from || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &bytes) ||
	    !leak_read(only && who.pid != only ? &nothing : r, from, who.pid)) {
		if (!leak_has_said(r, who.pid))
			leak_problem(r, "a process did not say what it had "
					"found");
	}
	leak_results_fini(&nothing);
	if (from)
		fclose(from); /* that is the answer */
	else
		close(fd);
}

/* --- Ending --------------------------------------------------------------- */

/* @pid and what comes from it. */
static size_t
family(pid_t pid, pid_t *v)
{
	size_t n = 0;

	v[n++] = pid;
	for (size_t i = 0; i < n; i++) {
		char path[64];
		FILE *from;
		int child;

		snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
			 (int)v[i], (int)v[i]);
		from = fopen(path, "re");
		while (from && n < PROCESSES && fscanf(from, "%d", &child) == 1)
			v[n++] = child;
		if (from)
			fclose(from);
	}
	return n;
}

/* Each of the command's processes that runs goroutines is to check itself. */
static void
ask_all(pid_t pid, bool alone, struct leak_results *r)
{
	static pid_t v[PROCESSES];
	size_t n = alone ? 1 : family(pid, v);

	v[0] = pid;
	for (size_t i = 0; i < n; i++)
		leak_ask_one(v[i], false, r);
}

static void
signal_all(pid_t pid, int sig)
{
	/* Its group, if it has one of its own. */
	if (kill(-pid, sig))
		kill(pid, sig);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- Waiting -------------------------------------------------------------- */

struct watch {
	struct leak_run *run;
	struct leak_results *r;
	struct place *p;
	pid_t pid;
	int signals;
	int64_t until_ms; /* the next deadline; -1: none */
	bool ending;
};

/* Look for the last time, and end it. */
static void
end_command(struct watch *w, int sig)
{
	if (w->ending) {
		signal_all(w->pid, SIGKILL);
		w->until_ms = -1;
		return;
	}
	w->ending = true;
	ask_all(w->pid, w->run->alone, w->r);
	signal_all(w->pid, sig);
	w->until_ms = now_ms() + END_MS;
}

static void
on_signal(struct watch *w)
{
	struct signalfd_siginfo info;

	if (read(w->signals, &info, sizeof(info)) != sizeof(info) ||
	    info.ssi_signo == SIGCHLD)
		return;
	w->run->signal = (int)info.ssi_signo;
	end_command(w, w->run->signal);
}

static void
wait_for_end(struct watch *w)
{
	while (waitpid(w->pid, &w->run->status, WNOHANG) != w->pid) {
		struct pollfd p[] = { { .fd = w->p->fd, .events = POLLIN },
				      { .fd = w->signals, .events = POLLIN } };
		int64_t left = w->until_ms < 0 ? -1 : w->until_ms - now_ms();

		if (w->until_ms >= 0 && left <= 0) {
			w->run->timed_out |= !w->ending;
			end_command(w, SIGTERM);
			continue;
		}
		if (poll(p, 2, (int)left) <= 0)
			continue;
		if (p[0].revents)
			hear(w->p, w->run->alone ? w->pid : 0, w->r);
		if (p[1].revents)
			on_signal(w);
	}
	/* Who called just before the end is still in the queue. */
	for (;;) {
		struct pollfd p = { .fd = w->p->fd, .events = POLLIN };

		if (poll(&p, 1, 0) <= 0)
			break;
		hear(w->p, w->run->alone ? w->pid : 0, w->r);
	}
}

bool
leak_run(struct leak_run *run, struct leak_results *ret)
{
	static const int handled[] = { SIGCHLD, SIGINT, SIGTERM, SIGHUP };
	struct watch w = { .run = run, .r = ret, .until_ms = -1 };
	struct place p;
	sigset_t ours, before;

	sigemptyset(&ours);
	for (size_t i = 0; i < sizeof(handled) / sizeof(*handled); i++)
		sigaddset(&ours, handled[i]);
	sigprocmask(SIG_BLOCK, &ours, &before);
	signal(SIGPIPE, SIG_IGN);
	w.p = &p;
	w.signals = signalfd(-1, &ours, SFD_CLOEXEC);
	if (!listen_somewhere(&p)) {
		stop_listening(&p);
		return false;
	}
	w.pid = start(run, &p, &before);
	if (w.pid < 0) {
		cli_say("cannot run %s: %s", run->argv[0], strerror(errno));
	} else {
		if (run->timeout_s)
			w.until_ms = now_ms() + run->timeout_s * 1000ll;
		wait_for_end(&w);
	}
	stop_listening(&p);
	close(w.signals);
	return w.pid > 0;
}
