// SPDX-License-Identifier: MIT
/*
 * limit.c - a bound on the memory that a library's call takes
 */
#include "limit.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "error.h"

/* Bytes of what RLIMIT_DATA counts, or 0: not known. */
static uint64_t
data_bytes(void)
{
	GT_CLEANUP(gt_closep)
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	unsigned long long pages;
	char text[128];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return 0;
	text[n] = '\0';
	if (sscanf(text, "%*u %*u %*u %*u %*u %llu", &pages) != 1)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void
gt_limit_begin(struct gt_limit *limit, uint64_t bytes)
{
	uint64_t now = data_bytes();
	struct rlimit r;

	limit->on = now && getrlimit(RLIMIT_DATA, &limit->before) == 0 &&
		    now + bytes < limit->before.rlim_cur;
	if (!limit->on)
		return;
	r = limit->before;
	r.rlim_cur = now + bytes;
	limit->on = setrlimit(RLIMIT_DATA, &r) == 0;
}

void
gt_limit_end(struct gt_limit *limit)
{
	if (limit->on)
		setrlimit(RLIMIT_DATA, &limit->before);
}
