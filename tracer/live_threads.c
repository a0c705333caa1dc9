// SPDX-License-Identifier: MIT
/*
 * live_threads.c - stopping the threads of a running process
 *
 * Idea       PTRACE_SEIZE and PTRACE_INTERRUPT send no signal and leave no
 *            trace: a SIGSTOP would be seen by the parent and would outlive a
 *            tool that is killed.
 * One        hold() stops one thread for a moment. A thread that does not
 *            react in time is remembered: the next hold() of it goes on
 *            waiting.
 * All        freeze() stops them all: those that are listed, and again those
 *            that these have made meanwhile, until a list has no new one.
 *            hold() then only looks its registers up, on any thread.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "live.h"
#include "procfs.h"

enum {
	HOLD_SPINS = 50,
	HOLD_NAP_NS = 50 * 1000,
	HOLD_MAX_NS = 100 * 1000 * 1000,
	FREEZE_ROUNDS = 32,
	FROZEN_MAX = 1 << 20,
};

/* The id by which the target knows the thread that is @name in the directory
 * of its threads, @dir_fd; or -1. */
static int
own_tid(int dir_fd, const char *name)
{
	char path[NAME_MAX + 8], ids[256];

	snprintf(path, sizeof(path), "%s/status", name);
	GT_CLEANUP(gt_freep)
	char *status = gt_procfs_slurp(dir_fd, path, 1 << 20);
	if (!status || !gt_procfs_field(status, "NSpid", ids, sizeof(ids)))
		return -1;
	const char *last = strrchr(ids, '\t');
	return last ? atoi(last) : -1;
}

/* The id by which this process knows the thread that the target calls @tid. */
static int
host_tid(struct gt_live *live, int tid)
{
	int fd = openat(live->proc, "task", O_RDONLY | O_DIRECTORY);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	int found = -1;

	if (!dir) {
		gt_closep(&fd);
		return -1;
	}
	while (found < 0 && (entry = readdir(dir)))
		if (own_tid(fd, entry->d_name) == tid)
			found = atoi(entry->d_name);
	closedir(dir);
	return found;
}

/* Is it a thread of the target? Ids come from its memory, and may be of any
 * thread that there is. */
static bool
is_own(const struct gt_live *live, int tid)
{
	char name[32];

	snprintf(name, sizeof(name), "task/%d", tid);
	return tid > 0 && faccessat(live->proc, name, F_OK, 0) == 0;
}

/*
 * Wait until @tid stands still: by our interrupt, 0, or because a signal is
 * just being delivered to it: that signal. -errno otherwise.
 *
 * A stop is looked at and not collected (WNOWAIT): the kernel forgets a signal
 * that was collected, and if we were killed now it would never be delivered.
 */
static int
wait_stopped(int tid, int64_t deadline_ns)
{
	for (unsigned spin = 0;; spin++) {
		siginfo_t info = { 0 };

		if (waitid(P_PID, tid, &info,
			   WSTOPPED | WEXITED | WNOHANG | WNOWAIT | __WALL) < 0)
			return -errno;
		if (info.si_pid == tid && info.si_code != CLD_TRAPPED &&
		    info.si_code != CLD_STOPPED) {
			waitpid(tid, NULL, WNOHANG | __WALL);
			return -ESRCH;
		}
		if (info.si_pid == tid &&
		    info.si_status >> 8 == PTRACE_EVENT_STOP)
			return 0;
		if (info.si_pid == tid)
			return info.si_status;
		if (spin < HOLD_SPINS)
			sched_yield();
		else
			nanosleep(&(struct timespec){ 0, HOLD_NAP_NS }, NULL);
		if (gt_now_ns() > deadline_ns)
			return -ETIMEDOUT;
	}
}

/* Let go, and deliver what was being delivered. */
static void
detach(int tid, int sig)
{
	ptrace(PTRACE_DETACH, tid, NULL, (void *)(uintptr_t)sig);
}

static bool
remember(struct gt_live *live, int tid, int sig)
{
	if (live->traced_n == GT_LIVE_TRACED)
		return false;
	live->traced[live->traced_n].tid = tid;
	live->traced[live->traced_n++].sig = sig;
	return true;
}

/* What was remembered: a signal, or 0; -1: nothing. */
static int
forget(struct gt_live *live, int tid)
{
	for (unsigned i = 0; i < live->traced_n; i++) {
		struct traced traced = live->traced[i];

		if (traced.tid != tid)
			continue;
		live->traced[i] = live->traced[--live->traced_n];
		return traced.sig;
	}
	return -1;
}

static bool
get_regs(int tid, struct gt_regs *ret)
{
	struct user_regs_struct user;
	struct iovec iov = { &user, sizeof(user) };

	if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &iov) < 0)
		return false;
	*ret = (struct gt_regs){ 0 };
	gt_arch_from_user(&user, ret);
	return true;
}

static int
look_up(const struct gt_live *live, int own_tid, struct gt_regs *ret)
{
	for (size_t i = 0; i < live->frozen_n; i++) {
		const struct gt_frozen *f = &live->frozen[i];

		if (f->own_tid != own_tid)
			continue;
		*ret = f->regs;
		return f->held ? 0 : -ETIMEDOUT;
	}
	return -ESRCH;
}

int
gt_live_hold(struct gt_target *t, int tid, struct gt_regs *ret)
{
	struct gt_live *live = gt_live_of(t);

	if (t->frozen)
		return look_up(live, tid, ret);
	if (live->own_ids)
		tid = host_tid(live, tid);
	if (!is_own(live, tid))
		return -ESRCH;
	if (live->tracer != gettid()) {
		live->tracer = gettid();
		live->traced_n = 0;
	}
	/* Unless an earlier call has seized it and could not wait for it. */
	if (forget(live, tid) < 0 &&
	    (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0 ||
	     ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0))
		return -errno;
	int sig = wait_stopped(tid, gt_now_ns() + HOLD_MAX_NS);
	if (sig == -ETIMEDOUT)
		remember(live, tid, 0);
	if (sig < 0)
		return sig;
	if (!get_regs(tid, ret) || (sig && !remember(live, tid, sig))) {
		detach(tid, sig);
		return -EAGAIN;
	}
	return 0;
}

void
gt_live_release(struct gt_target *t, int tid)
{
	struct gt_live *live = gt_live_of(t);

	if (t->frozen)
		return;
	if (live->own_ids)
		tid = host_tid(live, tid);
	if (tid > 0) {
		int sig = forget(live, tid);

		detach(tid, sig > 0 ? sig : 0);
	}
}

static int
by_tid(const void *a, const void *b)
{
	const struct gt_frozen *x = a, *y = b;

	return (x->tid > y->tid) - (x->tid < y->tid);
}

/* Tell one more thread to stop. Returns 0 or -errno. */
static int
seize(struct gt_live *live, int dir_fd, const char *name)
{
	struct gt_frozen f = { .tid = atoi(name) };
	size_t n = live->frozen_n;

	f.own_tid = live->own_ids ? own_tid(dir_fd, name) : f.tid;
	if (n == FROZEN_MAX)
		return -E2BIG;
	/* A power of two is full: double it. */
	if ((n & (n - 1)) == 0) {
		void *more = reallocarray(live->frozen, n ? 2 * n : 1,
					  sizeof(f));

		if (!more)
			return -ENOMEM;
		live->frozen = more;
	}
	if (ptrace(PTRACE_SEIZE, f.tid, NULL, NULL) < 0 ||
	    ptrace(PTRACE_INTERRUPT, f.tid, NULL, NULL) < 0)
		return errno == ESRCH ? 0 : -errno;
	live->frozen[live->frozen_n++] = f;
	return 0;
}

/* Tell those to stop that are not among the first @known. */
static int
seize_new(struct gt_live *live, size_t known)
{
	int fd = openat(live->proc, "task", O_RDONLY | O_DIRECTORY), rc = 0;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!dir) {
		gt_closep(&fd);
		return -ESRCH;
	}
	while (rc == 0 && (entry = readdir(dir))) {
		struct gt_frozen key = { .tid = atoi(entry->d_name) };

		if (key.tid > 0 &&
		    (!known ||
		     !bsearch(&key, live->frozen, known, sizeof(key), by_tid)))
			rc = seize(live, fd, entry->d_name);
	}
	closedir(dir);
	return rc;
}

int
gt_live_freeze(struct gt_target *t)
{
	struct gt_live *live = gt_live_of(t);
	int64_t deadline_ns = gt_now_ns() + HOLD_MAX_NS;
	int missed = 0;

	live->frozen_n = 0;
	for (unsigned round = 0; round < FREEZE_ROUNDS; round++) {
		size_t known = live->frozen_n;
		int rc = seize_new(live, known);

		for (size_t i = known; i < live->frozen_n; i++) {
			struct gt_frozen *f = &live->frozen[i];
			int sig = wait_stopped(f->tid, deadline_ns);

			f->sig = sig > 0 ? sig : 0;
			f->held = sig >= 0 && get_regs(f->tid, &f->regs);
			missed += sig == -ETIMEDOUT;
		}
		if (rc) {
			gt_live_thaw(t);
			return rc;
		}
		if (live->frozen_n == known)
			break;
		qsort(live->frozen, live->frozen_n, sizeof(*live->frozen),
		      by_tid);
	}
	t->frozen = true;
	return missed;
}

void
gt_live_thaw(struct gt_target *t)
{
	struct gt_live *live = gt_live_of(t);

	/* What did not stop goes on with the end of this thread. */
	for (size_t i = 0; i < live->frozen_n; i++)
		if (live->frozen[i].held)
			detach(live->frozen[i].tid, live->frozen[i].sig);
	live->frozen_n = 0;
	t->frozen = false;
}
