// SPDX-License-Identifier: MIT
/*
 * target_live.c - a running process
 *
 * Idea       Memory by process_vm_readv, which stops nothing. Its threads:
 *            live_threads.c.
 * Namespaces Files are opened through the process's own root, never by a path
 *            as it is here. The directory in /proc is opened once: when the
 *            process ends and its id is used again, it gives errors and not
 *            another process's files.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "live.h"
#include "procfs.h"

enum { MAPS_MAX_BYTES = 256 << 20 };

/* Copy spans[0..n), n <= GT_LIVE_BATCH. Returns how many are dealt with: those
 * before an unreadable one, and that one. -errno: no access at all. */
static ssize_t
read_some(struct gt_live *live, struct gt_span *spans, size_t n)
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
	size_t batch = GT_LIVE_BATCH;

	while (n) {
		size_t now = n < batch ? n : batch;
		ssize_t done = read_some(gt_live_of(t), spans, now);

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
		else if (batch < GT_LIVE_BATCH)
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
	struct gt_live *live = gt_live_of(t);
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

static void
live_now(struct gt_target *t, uint64_t *cycles, uint64_t *ns)
{
	(void)t;
	*cycles = gt_arch_cycles();
	*ns = gt_now_ns();
}

static void
live_destroy(struct gt_target *t)
{
	struct gt_live *live = gt_live_of(t);

	gt_maps_fini(&t->maps);
	gt_closep(&live->proc);
	free(live->frozen);
	free(live);
}

static const struct gt_target_ops live_ops = {
	.read = live_read,
	.open_file = live_open_file,
	.hold = gt_live_hold,
	.release = gt_live_release,
	.freeze = gt_live_freeze,
	.thaw = gt_live_thaw,
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
no_memory(struct gt_live *live)
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
load_maps(struct gt_live *live)
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
try_access(struct gt_live *live)
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
	struct gt_live *live = calloc(1, sizeof(*live));

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
