// SPDX-License-Identifier: MIT
/*
 * census.c - which processes run goroutines
 *
 * A process is one of those if it has the note in it: neither its name nor the
 * libraries that it was linked with say so.
 */
#include "census.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "abi_reader.h"
#include "procfs.h"
#include "registry.h"
#include "target.h"

enum { WORDS = 1024 };

static uint64_t
count_goroutines(struct gt_target *t, const struct gt_abi *abi)
{
	struct gt_chunks chunks = { 0 };
	uint64_t words[WORDS], n = 0;

	/* A damaged list still has a beginning. */
	gt_error_free(gt_registry_chunks(t, abi, &chunks));
	for (size_t i = 0; i < chunks.n; i++) {
		const struct gt_chunk *c = &chunks.v[i];

		for (uint64_t at = 0; at < c->slots; at += WORDS) {
			size_t now = c->slots - at < WORDS ? c->slots - at :
							     WORDS;
			struct gt_error *err = gt_target_read(
				t, c->words + at * sizeof(*words), words,
				now * sizeof(*words));

			if (err) {
				gt_error_free(err);
				break;
			}
			for (size_t j = 0; j < now; j++)
				n += GORO_ABI_STATE(words[j]) != GORO_ABI_FREE;
		}
	}
	free(chunks.v);
	return n;
}

static uint64_t
count_workers(struct gt_target *t, const struct gt_abi *abi)
{
	struct gt_threads threads = { 0 };

	gt_error_free(gt_registry_threads(t, abi, &threads));
	free(threads.v);
	return threads.n;
}

/* Field 22 of its stat file is when it began, in ticks since the boot; the
 * second one, the name in brackets, may hold anything. */
static void
read_stat(int proc_fd, const char *name, struct gt_process *p)
{
	char path[NAME_MAX + 8];
	unsigned long long began = 0;
	struct timespec now;

	snprintf(path, sizeof(path), "%s/stat", name);
	GT_CLEANUP(gt_freep) char *stat = gt_procfs_slurp(proc_fd, path, 4096);
	const char *open = stat ? strchr(stat, '(') : NULL;
	const char *close = stat ? strrchr(stat, ')') : NULL;
	if (!open || !close || close < open)
		return;
	snprintf(p->command, sizeof(p->command), "%.*s",
		 (int)(close - open - 1), open + 1);
	for (char *c = p->command; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = '?';
	if (sscanf(close + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d "
		   "%*d %*d %*d %*d %*d %llu",
		   &began) != 1)
		return;
	clock_gettime(CLOCK_BOOTTIME, &now);
	began /= sysconf(_SC_CLK_TCK);
	if ((uint64_t)now.tv_sec > began)
		p->age_s = now.tv_sec - began;
}

static bool
is_mine(int proc_fd, const char *name)
{
	char path[NAME_MAX + 8], ids[64];

	if (geteuid() == 0)
		return true;
	snprintf(path, sizeof(path), "%s/status", name);
	GT_CLEANUP(gt_freep)
	char *status = gt_procfs_slurp(proc_fd, path, 1 << 20);
	return status && gt_procfs_field(status, "Uid", ids, sizeof(ids)) &&
	       strtoul(ids, NULL, 10) == geteuid();
}

/* One that ends meanwhile, or runs no goroutines, is left out. */
static struct gt_error *
look_at(struct gt_census *census, int proc_fd, const char *name)
{
	GT_CLEANUP(gt_target_destroyp) struct gt_target *t = NULL;
	GT_CLEANUP(gt_freep) struct gt_abi *abi = malloc(sizeof(*abi));
	struct gt_process p = { .pid = atoi(name) };

	if (!abi)
		return &gt_enomem;
	if (!is_mine(proc_fd, name))
		return NULL;
	struct gt_error *err = gt_target_live_open(p.pid, &t);
	census->closed += err && err->code == GT_NO_ACCESS;
	if (!err)
		err = gt_abi_find(t, abi);
	if (err) {
		gt_error_free(err);
		return NULL;
	}
	p.goroutines = count_goroutines(t, abi);
	p.workers = count_workers(t, abi);
	if (!p.goroutines && !p.workers)
		return NULL;
	read_stat(proc_fd, name, &p);
	/* A power of two is full: double it. */
	if ((census->n & (census->n - 1)) == 0) {
		void *more = reallocarray(
			census->v, census->n ? 2 * census->n : 1, sizeof(p));

		if (!more)
			return &gt_enomem;
		census->v = more;
	}
	census->v[census->n++] = p;
	return NULL;
}

static int
by_pid(const void *a, const void *b)
{
	const struct gt_process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

struct gt_error *
gt_census_take(struct gt_census *ret)
{
	DIR *dir = opendir("/proc");
	struct gt_error *err = NULL;
	struct dirent *entry;

	*ret = (struct gt_census){ 0 };
	if (!dir)
		return gt_error(GT_SYSTEM, errno, "cannot read /proc: %s",
				strerror(errno));
	while (!err && (entry = readdir(dir)))
		if (atoi(entry->d_name) > 0)
			err = look_at(ret, dirfd(dir), entry->d_name);
	closedir(dir);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_pid);
	return err;
}
