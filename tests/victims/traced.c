// SPDX-License-Identifier: MIT
/*
 * traced.c - what a trace must find: so many goroutines, waits and wake-ups
 *
 * traced [panic]. "ready" says that all of it is done, and that only a slow
 * ping-pong goes on; or there is a panic. The numbers are prof_trace.py's too.
 */
#include <goro/goro.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

enum { ROUNDS = 1000, JOBS = 20, SLEEPS = 10 };

static struct goro_chan *there, *back, *ticks;
static struct goro_waitgroup done;

/* A transfer without a buffer takes one wake-up: of who came first. */
static void
ping(void *arg)
{
	(void)arg;
	for (int i = 0; i < ROUNDS; i++) {
		goro_chan_send(there, &i);
		goro_chan_recv(back, &i);
	}
	goro_waitgroup_done(&done);
}

static void
pong(void *arg)
{
	int n;

	(void)arg;
	goro_set_name("the other one");
	for (int i = 0; i < ROUNDS; i++) {
		goro_chan_recv(there, &n);
		goro_chan_send(back, &n);
	}
	goro_waitgroup_done(&done);
}

static void
job(void *arg)
{
	(void)arg;
	goro_blocking_begin();
	nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	goro_blocking_end();
	goro_yield();
	goro_waitgroup_done(&done);
}

static void
tick(void *arg)
{
	int n = 0;

	(void)arg;
	for (;;) {
		goro_sleep(1000000);
		goro_chan_send(ticks, &n);
	}
}

static int
program(void *arg)
{
	/* The second is in no encoding that a viewer takes. */
	const struct goro_attr named[] = { { .name = "job \"1\"" },
					   { .name = "job \xff" } };
	int n;

	there = goro_chan_create(sizeof(int), 0);
	back = goro_chan_create(sizeof(int), 0);
	ticks = goro_chan_create(sizeof(int), 0);
	goro_waitgroup_add(&done, 2 + JOBS);
	goro_go(ping, NULL);
	goro_go(pong, NULL);
	for (int i = 0; i < JOBS; i++)
		goro_go_attr(i < 2 ? &named[i] : NULL, job, NULL);
	for (int i = 0; i < SLEEPS; i++)
		goro_sleep(100000);
	goro_waitgroup_wait(&done);
	if (arg)
		goro_panic("as was asked for");
	goro_go(tick, NULL);
	goro_chan_recv(ticks, &n);
	puts("ready");
	fflush(stdout);
	for (;;)
		goro_chan_recv(ticks, &n);
	return 0;
}

int
main(int argc, char **argv)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return goro_run(program,
			argc > 1 && !strcmp(argv[1], "panic") ? argv : NULL);
}
