// SPDX-License-Identifier: MIT
/*
 * procfs.c - reading /proc, and saying why it refuses
 */
#include "procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *
gt_procfs_slurp(int dir_fd, const char *name, size_t max)
{
	GT_CLEANUP(gt_closep)
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	size_t size = 4096, len = 0;

	if (fd < 0)
		return NULL;
	GT_CLEANUP(gt_freep) char *text = malloc(size);
	while (text) {
		ssize_t got = read(fd, text + len, size - len - 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return NULL;
		len += got;
		if (got == 0 || len >= max) {
			text[len] = '\0';
			return gt_steal(text);
		}
		if (size - len > size / 2)
			continue;
		char *more = realloc(text, size * 2);
		if (!more)
			break;
		text = more;
		size *= 2;
	}
	errno = ENOMEM;
	return NULL;
}

bool
gt_procfs_field(const char *status, const char *key, char *buf, size_t max)
{
	size_t key_len = strlen(key);

	for (const char *line = status; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, key_len) || line[key_len] != ':')
			continue;
		line += key_len + 1;
		line += strspn(line, " \t");
		size_t len = strcspn(line, "\n");
		if (len >= max)
			len = max - 1;
		memcpy(buf, line, len);
		buf[len] = '\0';
		return true;
	}
	return false;
}

static bool
have_capability(unsigned cap)
{
	GT_CLEANUP(gt_freep)
	char *status = gt_procfs_slurp(AT_FDCWD, "/proc/self/status", 1 << 20);
	char hex[32];

	return status && gt_procfs_field(status, "CapEff", hex, sizeof(hex)) &&
	       (strtoull(hex, NULL, 16) >> cap & 1);
}

/* The uid that the process runs as, or -1. */
static long
owner(int dir_fd)
{
	GT_CLEANUP(gt_freep)
	char *status = gt_procfs_slurp(dir_fd, "status", 1 << 20);
	char ids[64];

	if (!status || !gt_procfs_field(status, "Uid", ids, sizeof(ids)))
		return -1;
	return strtol(ids, NULL, 10);
}

static int
yama_scope(void)
{
	GT_CLEANUP(gt_freep)
	char *text = gt_procfs_slurp(AT_FDCWD,
				     "/proc/sys/kernel/yama/ptrace_scope", 16);

	return text ? atoi(text) : 0;
}

struct gt_error *
gt_procfs_denied(int dir_fd, pid_t pid)
{
	long uid = owner(dir_fd);
	int scope = yama_scope();
	struct gt_error *err = gt_error(
		GT_NO_ACCESS, EPERM, "no permission to read process %d", pid);

	if (scope >= 3)
		return gt_error_hint(err, "kernel.yama.ptrace_scope is 3, "
					  "which forbids it to everyone until "
					  "the next boot");
	if (have_capability(CAP_SYS_PTRACE))
		return gt_error_hint(err, "although this tool has "
					  "CAP_SYS_PTRACE: a security module "
					  "(SELinux, AppArmor, seccomp) or the "
					  "process's user namespace forbids "
					  "it");
	if (geteuid() == 0)
		return gt_error_hint(err, "root lacks CAP_SYS_PTRACE here: "
					  "start the container with "
					  "--cap-add=SYS_PTRACE, or run "
					  "goro-dump on the host");
	if (uid >= 0 && (uid_t)uid != geteuid())
		return gt_error_hint(err,
				     "it belongs to user %ld: run goro-dump as "
				     "that user or with sudo",
				     uid);
	if (scope == 1)
		return gt_error_hint(err, "kernel.yama.ptrace_scope is 1: run "
					  "goro-dump with sudo, set it to 0 "
					  "(sudo sysctl "
					  "kernel.yama.ptrace_scope=0), or let "
					  "the process call "
					  "prctl(PR_SET_PTRACER, "
					  "PR_SET_PTRACER_ANY)");
	if (scope == 2)
		return gt_error_hint(err, "kernel.yama.ptrace_scope is 2: only "
					  "CAP_SYS_PTRACE helps, run goro-dump "
					  "with sudo");
	return gt_error_hint(err, "it is not dumpable (it changed its user, "
				  "has file capabilities, or used "
				  "PR_SET_DUMPABLE): run goro-dump with sudo");
}
