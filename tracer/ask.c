// SPDX-License-Identifier: MIT
/*
 * ask.c - putting a question to a process
 *
 * The signal may be lost: of one kind only one can be pending. So it is sent
 * again until the process calls back, or has had its time.
 */
#include "ask.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "procfs.h"

enum {
	CALL_MS = 250,      /* between two signals */
	CALL_MAX_MS = 5000, /* for the process to call back */
	WATCH_MS = 100, /* between two questions whether to go on */
	CHUNK = 64 << 10,
	STATUS_MAX = 512,
	ANSWER_MAX = 1 << 30,
};

struct asking {
	pid_t pid, agent;
	uint64_t token;
	int listener, control, data;
	int patience_ms;
};

static void
asking_fini(struct asking *a)
{
	gt_closep(&a->listener);
	gt_closep(&a->control);
	gt_closep(&a->data);
}

static struct gt_error *
ended(const struct asking *a)
{
	return gt_error(GT_ENDED, 0, "process %d ended while being asked",
			a->pid);
}

static struct gt_error *
failed(const char *what)
{
	return gt_error(GT_SYSTEM, errno, "%s: %s", what, strerror(errno));
}

/* The thread that answers, by its name; false: there is none. */
static bool
find_agent(struct asking *a, int proc)
{
	int fd = openat(proc, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		gt_closep(&fd);
		return false;
	}
	while (!a->agent && (e = readdir(dir))) {
		char name[sizeof(e->d_name) + 16];

		snprintf(name, sizeof(name), "task/%s/comm", e->d_name);
		GT_CLEANUP(gt_freep)
		char *comm = gt_procfs_slurp(proc, name, 64);
		if (comm && !strcmp(comm, "goro-agent\n"))
			a->agent = (pid_t)strtol(e->d_name, NULL, 10);
	}
	closedir(dir);
	return a->agent != 0;
}

static struct gt_error *
find_process(struct asking *a)
{
	GT_CLEANUP(gt_closep) int proc = -1;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", a->pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return gt_error(GT_NO_PROCESS, errno, "there is no process %d",
				a->pid);
	if (find_agent(a, proc))
		return NULL;
	return gt_error_hint(gt_error(GT_NO_RUNTIME, 0,
				      "process %d has no thread that answers",
				      a->pid),
			     "it runs no goroutines at this moment, or no "
			     "libgoro at all");
}

static struct gt_error *
listen_for_it(struct asking *a)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int n;

	do
		if (getrandom(&a->token, sizeof(a->token), 0) < 0)
			return failed("no random numbers");
	while (!a->token);
	n = snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "goro-%016llx",
		     (unsigned long long)a->token);
	n += (int)offsetof(struct sockaddr_un, sun_path) + 1;
	a->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (a->listener < 0 ||
	    bind(a->listener, (struct sockaddr *)&at, (socklen_t)n) ||
	    listen(a->listener, 2))
		return failed("no socket to be called back on");
	return NULL;
}

static struct gt_error *
send_signal(const struct asking *a)
{
	siginfo_t info = { .si_code = SI_QUEUE };

	info.si_signo = SIGURG;
	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_ptr = (void *)(uintptr_t)a->token;
	if (!syscall(SYS_rt_tgsigqueueinfo, a->pid, a->agent, SIGURG, &info))
		return NULL;
	if (errno == ESRCH)
		return ended(a);
	if (errno != EPERM)
		return failed("cannot signal it");
	return gt_error_hint(gt_error(GT_NO_ACCESS, EPERM,
				      "no permission to signal process %d",
				      a->pid),
			     "it belongs to another user: run this as that "
			     "one, or as root");
}

/* Is it the process that has called? */
static bool
is_it(const struct asking *a, int fd)
{
	struct ucred peer;
	socklen_t bytes = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) &&
	       peer.pid == a->pid;
}

/* Its next call within @ms; *ret stays -1: none came. */
static struct gt_error *
await_call(const struct asking *a, int ms, int *ret)
{
	struct pollfd p = { .fd = a->listener, .events = POLLIN };

	if (poll(&p, 1, ms) <= 0)
		return NULL;
	int fd = accept4(a->listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return failed("cannot take its call");
	if (!is_it(a, fd)) {
		close(fd);
		return gt_error(GT_NO_ACCESS, 0,
				"somebody else called instead of process %d",
				a->pid);
	}
	*ret = fd;
	return NULL;
}

static struct gt_error *
call(struct asking *a)
{
	struct gt_error *err = NULL;

	for (int ms = 0; !err && a->control < 0; ms += CALL_MS) {
		if (ms >= CALL_MAX_MS)
			return gt_error_hint(
				gt_error(GT_SYSTEM, ETIMEDOUT,
					 "process %d does not answer", a->pid),
				"it is stopped, or out of descriptors, or in "
				"another network namespace: run this there");
		err = send_signal(a);
		if (!err)
			err = await_call(a, CALL_MS, &a->control);
	}
	if (!err)
		err = await_call(a, CALL_MAX_MS, &a->data);
	if (!err && a->data < 0)
		err = ended(a);
	return err;
}

/* Wait for more. While @watch has it go on, that may take its time before the
 * first of it comes; once it says no, the process is told to end. */
static struct gt_error *
await_more(const struct asking *a, int fd, bool any,
	   const struct gt_ask_watch **watch)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (int ms = 0; ms < a->patience_ms; ms += WATCH_MS) {
		if (*watch && !(*watch)->go_on((*watch)->arg)) {
			shutdown(a->control, SHUT_WR);
			*watch = NULL;
			ms = 0;
		}
		if (poll(&p, 1, WATCH_MS) > 0)
			return NULL;
		if (*watch && !any)
			ms = 0;
	}
	return gt_error(GT_SYSTEM, ETIMEDOUT,
			"process %d does not go on answering", a->pid);
}

/* Read to the end; what was read is in *ret, with a NUL behind it. */
static struct gt_error *
slurp(const struct asking *a, int fd, size_t max,
      const struct gt_ask_watch *watch, char **ret, size_t *ret_bytes)
{
	GT_CLEANUP(gt_freep) char *text = NULL;
	size_t n = 0, room = 0;

	for (;;) {
		if (room - n < CHUNK) {
			room = 2 * room + 2 * CHUNK;
			char *more = realloc(text, room);
			if (!more)
				return &gt_enomem;
			text = more;
		}
		struct gt_error *err = await_more(a, fd, n > 0, &watch);
		if (err)
			return err;
		ssize_t got = read(fd, text + n, room - n - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return failed("cannot read its answer");
		n += (size_t)got;
		if (!got || n > max)
			break;
	}
	if (n > max)
		return gt_error(GT_DAMAGED, 0,
				"the answer of process %d has no end", a->pid);
	text[n] = '\0';
	*ret = gt_steal(text);
	*ret_bytes = n;
	return NULL;
}

/* How it went, in its own words. */
static struct gt_error *
read_status(const struct asking *a)
{
	GT_CLEANUP(gt_freep) char *status = NULL;
	size_t n;
	struct gt_error *err = slurp(a, a->control, STATUS_MAX, NULL, &status, &n);

	if (err)
		return err;
	if (!strcmp(status, "ok\n"))
		return NULL;
	if (n < 8 || strncmp(status, "error ", 6) || status[n - 1] != '\n')
		return ended(a); /* in the middle of it */
	status[n - 1] = '\0';
	return gt_error(GT_SYSTEM, 0, "process %d answers: %s", a->pid,
			status + 6);
}

static struct gt_error *
put_question(const struct asking *a, const char *question)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "goro 1 %s\n", question);

	if (n >= (int)sizeof(line))
		return gt_error(GT_SYSTEM, EMSGSIZE,
				"the question is too long");
	if (send(a->control, line, (size_t)n, MSG_NOSIGNAL) != n)
		return ended(a);
	return NULL;
}

struct gt_error *
gt_ask_watched(pid_t pid, const char *question, int patience_s,
	       const struct gt_ask_watch *watch, char **ret, size_t *ret_bytes)
{
	GT_CLEANUP(asking_fini)
	struct asking a = {
		.pid = pid,
		.listener = -1,
		.control = -1,
		.data = -1,
		.patience_ms = patience_s * 1000,
	};
	GT_CLEANUP(gt_freep) char *text = NULL;
	size_t bytes = 0;
	struct gt_error *err = find_process(&a);

	if (!err)
		err = listen_for_it(&a);
	if (!err)
		err = call(&a);
	if (!err)
		err = put_question(&a, question);
	if (!err)
		err = slurp(&a, a.data, ANSWER_MAX, watch, &text, &bytes);
	if (!err)
		err = read_status(&a);
	if (err)
		return err;
	*ret = gt_steal(text);
	*ret_bytes = bytes;
	return NULL;
}

struct gt_error *
gt_ask(pid_t pid, const char *question, int patience_s, char **ret,
       size_t *ret_bytes)
{
	return gt_ask_watched(pid, question, patience_s, NULL, ret, ret_bytes);
}
