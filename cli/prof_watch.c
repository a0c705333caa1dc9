// SPDX-License-Identifier: MIT
/*
 * prof_watch.c - watching over what takes its time: progress, and Ctrl-C
 */
#include "prof_watch.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static struct {
	time_t start, shown;
	long ms;
	bool terminal;
} progress;

static void
on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

static time_t
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* Once a second, on a terminal; false after a Ctrl-C. */
static bool
go_on(void *arg)
{
	time_t s = now_s() - progress.start;

	(void)arg;
	if (progress.terminal && s != progress.shown && progress.ms >= 1000) {
		fprintf(stderr, "\rgoro-prof: %ld of %ld s, Ctrl-C ends it ",
			(long)s, progress.ms / 1000);
		progress.shown = s;
	}
	return !interrupted;
}

const struct gt_ask_watch *
prof_watch(long ms)
{
	static const struct gt_ask_watch watch = { go_on, NULL };
	struct sigaction once = { .sa_handler = on_interrupt,
				  .sa_flags = (int)SA_RESETHAND };

	progress.start = now_s();
	progress.shown = 0;
	progress.ms = ms;
	progress.terminal = isatty(STDERR_FILENO);
	sigaction(SIGINT, &once, NULL);
	sigaction(SIGTERM, &once, NULL);
	return &watch;
}

void
prof_watch_end(void)
{
	if (progress.terminal && progress.shown)
		fputc('\n', stderr);
}

bool
prof_interrupted(void)
{
	return interrupted;
}
