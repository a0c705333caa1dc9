// SPDX-License-Identifier: MIT
/*
 * os_threads.c - the threads below the goroutines
 */
#include "os_threads.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "procfs.h"
#include "registry.h"

/* The goroutine whose record is at @addr; only those on a thread matter, and
 * they are few. */
static uint64_t
goroutine_at(const struct gt_model *model, uint64_t addr)
{
	for (size_t i = 0; i < model->goroutines_n && addr; i++) {
		const struct gt_goroutine *g = &model->goroutines[i];

		if (g->addr == addr && (g->state == GORO_ABI_RUNNING ||
					g->state == GORO_ABI_SYSCALL))
			return g->id;
	}
	return 0;
}

/* "12 (name) S ...": the state, and the time in fields 14 and 15. */
static void
read_stat(const char *stat, struct gt_os_thread *th)
{
	const char *end = strrchr(stat, ')');
	unsigned long user, system;

	if (end && sscanf(end + 1,
			  " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu",
			  &th->state, &user, &system) == 3)
		th->cpu_ns = (user + system) *
			     (UINT64_C(1000000000) / sysconf(_SC_CLK_TCK));
}

/* What /proc/PID/task/TID says; false: the thread has ended. */
static bool
read_thread(int task_fd, const char *tid, struct gt_os_thread *th)
{
	GT_CLEANUP(gt_closep)
	int fd = openat(task_fd, tid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char ids[128];

	if (fd < 0)
		return false;
	GT_CLEANUP(gt_freep)
	char *status = gt_procfs_slurp(fd, "status", 1 << 16);
	GT_CLEANUP(gt_freep) char *stat = gt_procfs_slurp(fd, "stat", 4096);
	GT_CLEANUP(gt_freep) char *wchan = gt_procfs_slurp(fd, "wchan", 256);
	*th = (struct gt_os_thread){ .tid = atoi(tid), .state = '?' };
	if (!status || !stat)
		return false;
	read_stat(stat, th);
	gt_procfs_field(status, "Name", th->name, sizeof(th->name));
	/* The last is the one of the innermost namespace. */
	if (gt_procfs_field(status, "NSpid", ids, sizeof(ids))) {
		const char *last = strrchr(ids, '\t');

		th->tid = atoi(last ? last + 1 : ids);
	}
	if (wchan && strcmp(wchan, "0") != 0)
		snprintf(th->wchan, sizeof(th->wchan), "%.31s", wchan);
	return true;
}

static bool
add(struct gt_os_threads *ret, size_t *room, const struct gt_os_thread *th)
{
	if (!gt_grow((void **)&ret->v, ret->n, 1, room, sizeof(*ret->v)))
		return false;
	ret->v[ret->n++] = *th;
	return true;
}

static bool
read_proc(pid_t pid, struct gt_os_threads *ret, size_t *room)
{
	char path[32];
	struct dirent *entry;
	struct gt_os_thread th;
	bool ok = true;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *dir = opendir(path);
	while (dir && ok && ret->n < GT_THREADS_MAX && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' &&
		    read_thread(dirfd(dir), entry->d_name, &th))
			ok = add(ret, room, &th);
	if (dir)
		closedir(dir);
	return ok;
}

static int
by_tid(const void *a, const void *b)
{
	const struct gt_os_thread *x = a, *y = b;

	return (x->tid > y->tid) - (x->tid < y->tid);
}

struct gt_error *
gt_os_threads(struct gt_target *t, const struct gt_model *model, bool live,
	      struct gt_os_threads *ret)
{
	struct gt_threads own = { 0 };
	size_t room = 0;

	*ret = (struct gt_os_threads){ 0 };
	struct gt_error *err = gt_registry_threads(t, model->abi, &own);
	bool ok = !live || read_proc(t->pid, ret, &room);

	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_tid);
	size_t known = ret->n;
	for (size_t i = 0; i < own.n && ok; i++) {
		struct gt_os_thread th = { .tid = own.v[i].tid, .state = '?' };
		struct gt_os_thread *at = known ? bsearch(&th, ret->v, known,
							  sizeof(th), by_tid) :
						  NULL;

		if (!at) {
			/* One that has ended is still in the list. */
			if (live || !own.v[i].tid)
				continue;
			ok = add(ret, &room, &th);
			at = &ret->v[ret->n - 1];
		}
		if (!ok)
			break;
		at->worker = true;
		at->goroutine = goroutine_at(model, own.v[i].g);
	}
	free(own.v);
	return err || ok ? err : &gt_enomem;
}
