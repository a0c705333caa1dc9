// SPDX-License-Identifier: MIT
/*
 * ends.c - a process that ends while goro-dump reads it; preloaded
 *
 * At the read of number GORO_TEST_ENDS_AT the process has ended, and stays so.
 * With GORO_TEST_ENDS_BY=kill it has really; otherwise its memory only seems to
 * be gone, so that one victim does for many dumps. Behind the last read the
 * number of reads is said.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static unsigned long reads;

static ssize_t
really_read(pid_t pid, const struct iovec *to, unsigned long to_n,
	    const struct iovec *from, unsigned long from_n, unsigned long flags)
{
	return syscall(SYS_process_vm_readv, pid, to, to_n, from, from_n,
		       flags);
}

__attribute__((visibility("default"))) ssize_t
process_vm_readv(pid_t pid, const struct iovec *to, unsigned long to_n,
		 const struct iovec *from, unsigned long from_n,
		 unsigned long flags)
{
	const char *at = getenv("GORO_TEST_ENDS_AT");
	ssize_t got;

	if (!at || ++reads < strtoul(at, NULL, 10))
		return really_read(pid, to, to_n, from, from_n, flags);
	if (getenv("GORO_TEST_ENDS_BY")) {
		kill(pid, SIGKILL);
		/* Its memory goes after the last of its threads. */
		for (int i = 0; i < 6000; i++) {
			got = really_read(pid, to, to_n, from, from_n, flags);
			if (got < 0 && errno == ESRCH)
				break;
			usleep(10000);
		}
	}
	errno = ESRCH;
	return -1;
}

__attribute__((destructor)) static void
say(void)
{
	const char *path = getenv("GORO_TEST_ENDS_SAY");
	FILE *f = path ? fopen(path, "w") : NULL;

	if (f) {
		fprintf(f, "%lu\n", reads);
		fclose(f);
	}
}
