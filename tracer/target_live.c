// SPDX-License-Identifier: MIT
/*
 * target_live.c - a running process
 *
 * Idea       Memory by process_vm_readv, which stops nothing. A thread is
 *            stopped by PTRACE_SEIZE and PTRACE_INTERRUPT, which send no
 *            signal and leave no trace: a SIGSTOP would be seen by the
 *            parent and would outlive a tool that is killed.
 * Namespaces Files are opened through the process's own root, never by a path
 *            as it is here. The directory in /proc is opened once: when the
 *            process ends and its id is used again, it gives errors and not
 *            another process's files.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "procfs.h"
#include "target.h"

enum {
	READ_BATCH = 1024, /* the kernel's limit of iovecs */
	HOLD_SPINS = 50,
	HOLD_NAP_NS = 50 * 1000,
	HOLD_MAX_NS = 100 * 1000 * 1000,
	TRACED_MAX = 64,
	MAPS_MAX_BYTES = 256 << 20,
};

struct live {
	struct gt_target base;
	int proc; /* its directory in /proc */
	/* In a PID namespace of its own it knows its threads by other ids. */
	bool own_ids;
	struct iovec local[READ_BATCH], remote[READ_BATCH];
	/* Threads of which there is something to remember. */
	struct traced {
		int tid;
		int sig; /* held while this was on its way to it; or 0: not
			  * held yet, but told to stop */
	} traced[TRACED_MAX];
	unsigned traced_n;
	pid_t tracer; /* the thread that remembers: with it all traces end */
};

static struct live *
live_of(struct gt_target *t)
{
	return (struct live *)t;
}

/* Copy spans[0..n), n <= READ_BATCH. Returns how many are dealt with: those
 * before an unreadable one, and that one. -errno: no access at all. */
static ssize_t
read_some(struct live *live, struct gt_span *spans, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct iovec *local = &live->local[i];
		struct iovec *remote = &live->remote[i];

		local->iov_base = spans[i].buf;
		remote->iov_base = (void *)(uintptr_t)spans[i].addr;
		local->iov_len = remote->iov_len = spans[i].bytes;
		spans[i].ok = false;
	}
	ssize_t got = process_vm_readv(live->base.pid, live->local, n,
				       live->remote, n, 0);
	if (got < 0 && errno != EFAULT)
		return -errno;
	for (size_t i = 0; i < n; i++) {
		if (got < (ssize_t)spans[i].bytes)
			return i + 1;
		spans[i].ok = true;
		got -= spans[i].bytes;
	}
	return n;
}

/*
 * The kernel looks at all spans of a call before it copies the first, so where
 * many are unreadable (a damaged registry) the calls get shorter.
 */
static struct gt_error *
live_read(struct gt_target *t, struct gt_span *spans, size_t n)
{
	size_t batch = READ_BATCH;

	while (n) {
		size_t now = n < batch ? n : batch;
		ssize_t done = read_some(live_of(t), spans, now);

		if (done == -ENOMEM)
			return &gt_enomem;
		if (done == -EPERM)
			return gt_error(GT_ENDED, EPERM,
					"process %d turned into one that may "
					"not be read",
					t->pid);
		if (done < 0)
			return gt_error(GT_ENDED, -done, "process %d ended",
					t->pid);
		if (!spans[done - 1].ok)
			batch = batch > 1 ? batch / 2 : 1;
		else if (batch < READ_BATCH)
			batch *= 2;
		spans += done;
		n -= done;
	}
	return NULL;
}

/* Is @fd a file, and the one that is mapped? The device is not compared: on
 * overlayfs and btrfs, /proc and fstat() disagree about it. */
static bool
is_file(int fd, uint64_t inode)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == inode;
}

static int
open_checked(int dir, const char *path, uint64_t resolve, uint64_t inode)
{
	/* A path may lead to a FIFO by now: do not wait for its writer. */
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = resolve,
	};
	int fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));

	if (fd >= 0 && !is_file(fd, inode)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
live_open_file(struct gt_target *t, const struct gt_map *map)
{
	struct live *live = live_of(t);
	char name[64];
	int fd;

	if (!map->inode)
		return -ENOENT;
	/* The mapped file itself, deleted or not; only root may. */
	snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64,
		 map->start, map->end);
	fd = open_checked(live->proc, name, 0, map->inode);
	if (fd >= 0)
		return fd;
	GT_CLEANUP(gt_closep)
	int root = openat(live->proc, "root", O_PATH | O_CLOEXEC);
	if (root >= 0) {
		fd = open_checked(root, map->path, RESOLVE_IN_ROOT, map->inode);
		if (fd >= 0)
			return fd;
	}
	fd = open_checked(live->proc, "exe", 0, map->inode);
	return fd >= 0 ? fd : -ENOENT;
}

/* The id by which this process knows the thread that the target calls @tid. */
static int
host_tid(struct live *live, int tid)
{
	int fd = openat(live->proc, "task", O_RDONLY | O_DIRECTORY);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	int found = -1;

	if (!dir) {
		gt_closep(&fd);
		return -1;
	}
	while (found < 0 && (entry = readdir(dir))) {
		char name[sizeof(entry->d_name) + 8], ids[256];

		snprintf(name, sizeof(name), "%s/status", entry->d_name);
		GT_CLEANUP(gt_freep)
		char *status = gt_procfs_slurp(fd, name, 1 << 20);
		if (!status ||
		    !gt_procfs_field(status, "NSpid", ids, sizeof(ids)))
			continue;
		const char *last = strrchr(ids, '\t');
		if (last && atoi(last) == tid)
			found = atoi(entry->d_name);
	}
	closedir(dir);
	return found;
}

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* Wait until @tid stands still: by our interrupt, 0, or because a signal is
 * just being delivered to it: that signal. -errno otherwise. */
static int
wait_stopped(int tid)
{
	int64_t deadline = now_ns() + HOLD_MAX_NS;

	for (unsigned spin = 0;; spin++) {
		int status, got = waitpid(tid, &status, __WALL | WNOHANG);

		if (got < 0)
			return -errno;
		if (got == tid && !WIFSTOPPED(status))
			return -ESRCH;
		if (got == tid && status >> 16 == PTRACE_EVENT_STOP)
			return 0;
		if (got == tid)
			return WSTOPSIG(status);
		if (spin < HOLD_SPINS)
			sched_yield();
		else
			nanosleep(&(struct timespec){ 0, HOLD_NAP_NS }, NULL);
		if (now_ns() > deadline)
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
remember(struct live *live, int tid, int sig)
{
	if (live->traced_n == TRACED_MAX)
		return false;
	live->traced[live->traced_n].tid = tid;
	live->traced[live->traced_n++].sig = sig;
	return true;
}

/* What was remembered: a signal, or 0; -1: nothing. */
static int
forget(struct live *live, int tid)
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

static int
live_hold(struct gt_target *t, int tid, struct gt_regs *ret)
{
	struct live *live = live_of(t);
	struct user_regs_struct user;
	struct iovec iov = { &user, sizeof(user) };

	if (live->own_ids)
		tid = host_tid(live, tid);
	if (tid <= 0)
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
	int sig = wait_stopped(tid);
	if (sig == -ETIMEDOUT)
		remember(live, tid, 0);
	if (sig < 0)
		return sig;
	if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &iov) < 0 ||
	    (sig && !remember(live, tid, sig))) {
		detach(tid, sig);
		return -EAGAIN;
	}
	*ret = (struct gt_regs){ 0 };
	gt_arch_from_user(&user, ret);
	return 0;
}

static void
live_release(struct gt_target *t, int tid)
{
	struct live *live = live_of(t);

	if (live->own_ids)
		tid = host_tid(live, tid);
	if (tid > 0) {
		int sig = forget(live, tid);

		detach(tid, sig > 0 ? sig : 0);
	}
}

static void
live_now(struct gt_target *t, uint64_t *cycles, uint64_t *ns)
{
	(void)t;
	*cycles = gt_arch_cycles();
	*ns = now_ns();
}

static void
live_destroy(struct gt_target *t)
{
	struct live *live = live_of(t);

	gt_maps_fini(&t->maps);
	gt_closep(&live->proc);
	free(live);
}

static const struct gt_target_ops live_ops = {
	.read = live_read,
	.open_file = live_open_file,
	.hold = live_hold,
	.release = live_release,
	.now = live_now,
	.destroy = live_destroy,
};

/* The directory in /proc, or why there is none. */
static struct gt_error *
open_proc(pid_t pid, int *ret)
{
	char name[32];

	snprintf(name, sizeof(name), "/proc/%d", pid);
	*ret = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret >= 0)
		return NULL;
	if (errno != ENOENT)
		return gt_error(GT_SYSTEM, errno, "cannot open %s: %s", name,
				strerror(errno));
	if (access("/proc/self", F_OK) != 0)
		return gt_error_hint(gt_error(GT_SYSTEM, ENOENT,
					      "/proc is not mounted"),
				     "mount it: mount -t proc proc /proc");
	if (kill(pid, 0) < 0 && errno == EPERM)
		return gt_error_hint(gt_error(GT_NO_ACCESS, EPERM,
					      "process %d is hidden from this "
					      "user",
					      pid),
				     "/proc is mounted with hidepid: run "
				     "goro-dump with sudo");
	return gt_error_hint(gt_error(GT_NO_PROCESS, ESRCH,
				      "there is no process %d", pid),
			     "`pgrep -a NAME` finds the id by name");
}

static struct gt_error *
no_memory(struct live *live)
{
	pid_t pid = live->base.pid;
	GT_CLEANUP(gt_freep)
	char *status = gt_procfs_slurp(live->proc, "status", 1 << 20);
	char state[64] = "";

	if (!status)
		return gt_error(GT_ENDED, ESRCH, "process %d ended", pid);
	gt_procfs_field(status, "State", state, sizeof(state));
	if (state[0] == 'Z' || state[0] == 'X')
		return gt_error(GT_ENDED, ESRCH,
				"process %d has ended and waits for its parent "
				"to collect it (a zombie)",
				pid);
	return gt_error(GT_NO_RUNTIME, 0, "process %d is a kernel thread", pid);
}

static struct gt_error *
load_maps(struct live *live)
{
	struct gt_target *t = &live->base;
	char *text = gt_procfs_slurp(live->proc, "maps", MAPS_MAX_BYTES);

	if (!text && (errno == EACCES || errno == EPERM))
		return gt_procfs_denied(live->proc, t->pid);
	if (!text && errno == ESRCH)
		return gt_error(GT_ENDED, ESRCH, "process %d ended", t->pid);
	if (!text)
		return gt_error(GT_SYSTEM, errno,
				"cannot read /proc/%d/maps: %s", t->pid,
				strerror(errno));
	struct gt_error *err = gt_maps_parse(text, &t->maps);
	if (err)
		return err;
	return t->maps.n ? NULL : no_memory(live);
}

/* Mappings may be listed to those who may not read the memory. */
static struct gt_error *
try_access(struct live *live)
{
	char byte;
	struct gt_span span = {
		.addr = live->base.maps.v[0].start,
		.buf = &byte,
		.bytes = 1,
	};
	ssize_t rc = read_some(live, &span, 1);

	if (rc == -EPERM)
		return gt_procfs_denied(live->proc, live->base.pid);
	if (rc == -ENOSYS)
		return gt_error_hint(gt_error(GT_SYSTEM, ENOSYS,
					      "process_vm_readv is not allowed "
					      "here"),
				     "the container's seccomp profile forbids "
				     "it: run goro-dump on the host");
	if (rc < 0)
		return gt_error(GT_ENDED, -rc, "process %d ended",
				live->base.pid);
	return NULL;
}

struct gt_error *
gt_target_live_open(pid_t pid, struct gt_target **ret)
{
	struct live *live = calloc(1, sizeof(*live));

	if (!live)
		return &gt_enomem;
	live->base.ops = &live_ops;
	live->base.pid = pid;
	snprintf(live->base.name, sizeof(live->base.name), "process %d", pid);
	live->proc = -1;
	GT_CLEANUP(gt_target_destroyp) struct gt_target *t = &live->base;
	struct gt_error *err = open_proc(pid, &live->proc);
	if (!err)
		err = load_maps(live);
	if (!err)
		err = try_access(live);
	if (err)
		return err;
	GT_CLEANUP(gt_freep)
	char *status = gt_procfs_slurp(live->proc, "status", 1 << 20);
	char ids[256];
	if (status && gt_procfs_field(status, "NSpid", ids, sizeof(ids)))
		live->own_ids = strchr(ids, '\t') != NULL;
	*ret = gt_steal(t);
	return NULL;
}
