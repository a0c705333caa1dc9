// SPDX-License-Identifier: MIT
/*
 * fresh_argument.c - a handle that is the argument of one who has not begun
 *
 * A goroutine has been started and has not run yet. Its argument was copied:
 * the copy on a stack that nobody has ever been on is all that there is.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

struct errand {
	long number;
	struct goro_chan *kept;
};

static void
run_errand(void *arg)
{
	struct errand *e = arg;

	if (e->number != 7)
		fail("not the argument that was given");
	unpark(e->kept);
}

static void
start_errand(void)
{
	struct errand e = { 7, park() };

	if (!lost)
		goro_go_copy(run_errand, &e, sizeof(e));
}

int
story(void)
{
	int workers = goro_maxprocs(1);

	/* With one worker, which we have, nobody else runs. */
	goro_preempt_off();
	start_errand();
	if (lost) {
		goro_preempt_on();
		goro_maxprocs(workers);
		return 1;
	}
	check();
	goro_preempt_on();
	goro_maxprocs(workers);
	return 0;
}
