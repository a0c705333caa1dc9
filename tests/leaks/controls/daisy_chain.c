// SPDX-License-Identifier: MIT
/*
 * daisy_chain.c - a handle at the end of a chain of a thousand goroutines
 *
 * Each goroutine waits for the one before it, and has the only handle to the
 * one after it. Only the first is known, to a global variable: that all others
 * will be woken has to be found out one after the other.
 *
 * Expect  leaked 1000
 */
#include "leaks.h"

enum {
	LINKS = 1000,
};

struct link {
	struct goro_chan *before, *after;
};

static struct goro_chan *first;

static void
wait_and_pass_on(void *arg)
{
	struct link *l = arg;

	goro_chan_recv(l->before, NULL);
	goro_chan_unref(l->before);
	if (l->after)
		goro_chan_close(l->after);
	goro_chan_unref(l->after);
}

static struct goro_chan *
start_chain(void)
{
	struct link l = { .after = NULL };

	for (int i = 0; i < LINKS; i++) {
		l.before = goro_chan_create(0, 0);
		goro_go_copy(wait_and_pass_on, &l, sizeof(l));
		l.after = goro_chan_ref(l.before);
	}
	settle();
	return l.after;
}

int
story(void)
{
	first = start_chain();
	if (lost) {
		first = NULL;
		return LINKS;
	}
	check();
	unpark(first);
	return 0;
}
