// SPDX-License-Identifier: MIT
/*
 * leaks.c - a program that leaks as it is told to, by the words of its command
 * line; the last may be a number, which it returns
 */
#include <goro/goro.h>
#include <goro/leak.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct goro_mutex a, b;
static struct goro_chan *volatile kept;

static void
receive(void *ch)
{
	goro_chan_recv(ch, NULL);
}

static void
receive_all(void *ch)
{
	while (goro_chan_recv(ch, NULL))
		;
}

static void
send_one(void *ch)
{
	goro_chan_send(ch, &(uint64_t){ 1 });
}

static void
lock_a_b(void *arg)
{
	(void)arg;
	goro_mutex_lock(&a);
	goro_sleep(3000000);
	goro_mutex_lock(&b);
}

static void
lock_b_a(void *arg)
{
	(void)arg;
	goro_mutex_lock(&b);
	goro_sleep(3000000);
	goro_mutex_lock(&a);
}

static void
sleep_long(void *arg)
{
	(void)arg;
	goro_sleep(3600000000000);
}

/* It waits as others do, but not for ever. */
static void
receive_until(void *ch)
{
	goro_chan_recv_until(ch, NULL, goro_now() + 3600000000000);
}

static void
grow(void *ch)
{
	for (int i = 0; i < 100000; i++) {
		goro_go(receive, ch);
		goro_sleep(5000000);
	}
}

/* One of the goroutines that ended without harm. */
static void
brief(void *arg)
{
	(void)arg;
	goro_sleep(1000000);
}

static struct goro_chan **volatile kept_in;

/* Waits on one channel, and knows the other. */
static void
receive_and_send(void *arg)
{
	struct goro_chan *from = ((struct goro_chan **)arg)[0];
	struct goro_chan *to = ((struct goro_chan **)arg)[1];

	((struct goro_chan **)arg)[1] = NULL;
	goro_chan_recv(from, NULL);
	goro_chan_send(to, &(uint64_t){ 1 });
}

/* An address that no search can find. */
static __attribute__((noinline)) uintptr_t
hide(void)
{
	struct goro_chan *ch = goro_chan_create(8, 0);

	goro_go(receive, ch);
	return ~(uintptr_t)ch;
}

static void
mislead(void)
{
	static uintptr_t hidden;

	hidden = hide();
	goro_sleep(3000000);
	goro_leak_check(NULL);
	send_one((void *)~hidden);
}

/* On one line, though not at one address. */
#define TWICE(call) (call, call)

static void
wait_for_ticks(void *arg)
{
	struct goro_timer *ticker = goro_ticker_create(3600000000000);

	(void)arg;
	goro_chan_recv(goro_timer_chan(ticker), NULL);
	goro_timer_destroy(ticker);
}

static void
lock_a(void *arg)
{
	(void)arg;
	goro_mutex_lock(&a);
	goro_mutex_lock(&b);
	goro_mutex_unlock(&b);
}

static struct goro_mutex locks[100];

static void
lock_only(void *lock)
{
	goro_mutex_lock(lock);
}

static void
end_all(void *arg)
{
	(void)arg;
	goro_sleep(1000000);
	exit(0);
}

static volatile sig_atomic_t told_to_end;

static void
on_term(int sig)
{
	told_to_end = sig;
}

static void
wait_for_end(void *ctx)
{
	goro_chan_recv(goro_ctx_done(ctx), NULL);
}

static __attribute__((noinline)) void
leak(const char *how)
{
	struct goro_chan *ch;

	if (!strcmp(how, "leaked")) {
		for (int i = 0; i < 3; i++) {
			ch = goro_chan_create(8, 0);
			goro_chan_set_name(ch, "jobs");
			goro_go(receive, ch);
		}
	} else if (!strcmp(how, "deadlock")) {
		goro_go(lock_a_b, NULL);
		goro_go(lock_b_a, NULL);
		goro_sleep(20000000);
	} else if (!strcmp(how, "leftover")) {
		goro_go(sleep_long, NULL);
	} else if (!strcmp(how, "kept")) {
		kept = goro_chan_create(8, 0);
		goro_chan_set_name(kept, "kept");
		goro_go(receive, kept);
	} else if (!strcmp(how, "nil")) {
		goro_go(receive, NULL);
	} else if (!strcmp(how, "fork")) {
		int status;

		ch = goro_chan_create(8, 0);
		goro_go(receive, ch);
		goro_sleep(1000000);
		if (!fork())
			exit(0); /* it has none of the goroutines */
		wait(&status);
		send_one(ch);
	} else if (!strcmp(how, "same_line")) {
		TWICE(goro_go(receive, NULL));
		goro_yield(); /* or the last call takes our place */
	} else if (!strcmp(how, "timed")) {
		goro_go(receive_until, kept);
	} else if (!strcmp(how, "grow")) {
		ch = goro_chan_create(8, 0);
		goro_chan_set_name(ch, "crowd");
		goro_go(grow, ch);
	} else if (!strcmp(how, "chained")) {
		struct goro_chan **both = malloc(2 * sizeof(*both));

		for (int i = 0; i < 2; i++)
			both[i] = goro_chan_create(8, 0);
		goro_go(receive, both[1]);
		goro_go(receive_and_send, both);
		kept_in = both;
	} else if (!strcmp(how, "ticker")) {
		goro_go(wait_for_ticks, NULL);
	} else if (!strcmp(how, "locked")) {
		goro_go(lock_a, NULL);
	} else if (!strcmp(how, "context")) {
		static struct goro_ctx *volatile ctx;

		ctx = goro_ctx_with_cancel(goro_ctx_background());
		goro_go(wait_for_end, ctx);
	} else if (!strcmp(how, "misled")) {
		mislead();
	} else if (!strcmp(how, "unclosed")) {
		ch = goro_chan_create(8, 0);
		goro_go(receive_all, ch);
		goro_go(send_one, ch);
	} else if (!strcmp(how, "several")) {
		for (int i = 0; i < 3; i++) {
			ch = goro_chan_create(8, 0);
			goro_go(receive_all, ch);
			goro_go(send_one, ch);
		}
	} else if (!strcmp(how, "dropped")) {
		ch = goro_chan_create(8, 2);
		send_one(ch);
	} else if (!strcmp(how, "many_dropped")) {
		for (int i = 0; i < 100; i++) {
			ch = goro_chan_create(8, 2);
			send_one(ch);
			goro_chan_unref(ch);
		}
	} else if (!strcmp(how, "many_locked")) {
		for (int i = 0; i < 100; i++)
			goro_go(lock_only, &locks[i]);
	} else if (!strcmp(how, "held_by_main")) {
		goro_mutex_lock(&a);
		goro_go(lock_a, NULL);
	} else if (!strcmp(how, "ended_by_other")) {
		goro_go(end_all, NULL);
		goro_sleep(3600000000000);
	} else if (!strcmp(how, "graceful")) {
		signal(SIGTERM, on_term);
		while (!told_to_end)
			goro_sleep(1000000);
	} else if (!strcmp(how, "brief")) {
		for (int i = 0; i < 100; i++)
			goro_go(brief, NULL);
	} else if (!strcmp(how, "stuck")) {
		goro_chan_recv(goro_chan_create(8, 0), NULL);
	} else if (!strcmp(how, "busy")) {
		puts("ready");
		fflush(stdout);
		goro_sleep(3600000000000);
	} else if (!strcmp(how, "service")) {
		puts("ready");
		fflush(stdout);
		goro_select(NULL, 0);
	} else if (!strcmp(how, "exit")) {
		exit(0);
	}
}

static int
run(void *arg)
{
	char **argv = arg;
	int status = 0;

	for (; *argv; argv++) {
		if (**argv >= '0' && **argv <= '9')
			status = atoi(*argv);
		else
			leak(*argv);
		for (int i = 0; i < 10; i++)
			goro_sleep(200000);
	}
	return status;
}

int
main(int argc, char **argv)
{
	(void)argc;
	if (argv[1] && !strcmp(argv[1], "child")) {
		int status;

		if (!fork())
			execv(argv[0], argv + 1);
		wait(&status);
		return WEXITSTATUS(status);
	}
	return goro_run(run, argv + 1);
}
