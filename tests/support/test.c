// SPDX-License-Identifier: MIT
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "goro/goro.h"

enum {
	PAUSE_NS = 1000000,
	PAUSES_MAX = 30000,
	CHILD_MS_MAX = 60000,
};

void
t_fail(const char *file, int line, const char *condition)
{
	/* dprintf(): another goroutine's thread may hold stdio's lock. */
	dprintf(STDERR_FILENO, "%s:%d: not true: %s\n", file, line, condition);
	abort();
}

void
t_fail_eq(const char *file, int line, const char *a_text, long long a,
	  const char *b_text, long long b)
{
	dprintf(STDERR_FILENO, "%s:%d: %s is %lld, %s is %lld\n", file, line,
		a_text, a, b_text, b);
	abort();
}

void
t_pause(int nth, const char *file, int line, const char *condition)
{
	if (nth == PAUSES_MAX)
		t_fail(file, line, condition);
	if (goro_self())
		goro_sleep(PAUSE_NS);
	else
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Read all that the child writes until it ends; what does not fit is read and
 * dropped. False when the time is up. */
static bool
drain(struct t_child *child, int fd)
{
	int64_t end_ms = now_ms() + CHILD_MS_MAX;

	for (;;) {
		char buf[4096];
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left_ms = end_ms - now_ms();
		if (left_ms <= 0 || poll(&p, 1, (int)left_ms) == 0)
			return false;
		ssize_t n = read(fd, buf, sizeof(buf));
		if (n == 0)
			return true;
		if (n < 0)
			continue; /* EINTR */
		size_t room = sizeof(child->out) - 1 - child->out_bytes;
		size_t keep = (size_t)n < room ? (size_t)n : room;
		memcpy(child->out + child->out_bytes, buf, keep);
		child->out_bytes += keep;
	}
}

/* One line of a file of /proc, its end replaced by a blank. */
static void
say_line(struct t_child *child, const char *path)
{
	size_t room = sizeof(child->out) - 1 - child->out_bytes;
	FILE *f = fopen(path, "re");
	char line[256] = "?";

	if (f && fgets(line, sizeof(line), f))
		line[strcspn(line, "\n")] = '\0';
	if (f)
		fclose(f);
	int n = snprintf(child->out + child->out_bytes, room, "%s ", line);
	child->out_bytes += (size_t)n < room ? (size_t)n : room;
}

/*
 * Where does each thread of a child hang? Its name, what it waits for in the
 * kernel, and its system call with arguments, stack and instruction pointer.
 */
static void
say_threads(struct t_child *child, pid_t pid)
{
	static const char *const files[] = { "comm", "wchan", "syscall" };
	char path[512];
	struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
			snprintf(path, sizeof(path), "/proc/%d/task/%.20s/%s",
				 pid, e->d_name, files[i]);
			say_line(child, path);
		}
		if (child->out_bytes < sizeof(child->out) - 1)
			child->out[child->out_bytes++] = '\n';
	}
	if (dir)
		closedir(dir);
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	FILE *maps = fopen(path, "re");
	while (maps && fgets(path, sizeof(path), maps))
		if (strstr(path, " r-xp "))
			fputs(path, stderr);
	if (maps)
		fclose(maps);
}

void
t_child_run(struct t_child *child, void (*fn)(void))
{
	static const int faults[] = { SIGFPE, SIGILL, SIGSEGV, SIGBUS };
	int fds[2], status;

	memset(child, 0, sizeof(*child));
	fflush(NULL);
	if (pipe(fds))
		t_fail(__FILE__, __LINE__, "pipe()");
	pid_t pid = fork();
	if (pid < 0)
		t_fail(__FILE__, __LINE__, "fork()");
	if (pid == 0) {
		/* Not to cmocka, which would call it a failed test. */
		for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
			signal(faults[i], SIG_DFL);
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		fn();
		/* Not exit(): cmocka's own buffers and handlers are here. */
		fflush(NULL);
		_exit(0);
	}

	close(fds[1]);
	if (!drain(child, fds[0])) {
		say_threads(child, pid);
		kill(pid, SIGKILL);
	}
	close(fds[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	child->status = WIFEXITED(status) ? WEXITSTATUS(status) :
					    -WTERMSIG(status);
}

void
t_run_procs(const char *procs, int (*fn)(void *arg), void *arg)
{
	const char *env = getenv("GOROMAXPROCS");
	char *before = env ? strdup(env) : NULL;

	setenv("GOROMAXPROCS", procs, 1);
	assert_int_equal(goro_run(fn, arg), 0);
	if (before)
		setenv("GOROMAXPROCS", before, 1);
	else
		unsetenv("GOROMAXPROCS");
	free(before);
}

static int (*main_goroutine)(void *arg);

static void
run_main(void)
{
	goro_run(main_goroutine, NULL);
}

void
t_expect_end(int (*fn)(void *arg), const char *message)
{
	static struct t_child child;

	main_goroutine = fn;
	t_child_run(&child, run_main);
	if (child.status != 2 || !strstr(child.out, message))
		fail_msg("status %d, and \"%s\" is to be in:\n%s",
			 child.status, message, child.out);
}
