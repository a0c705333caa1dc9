// SPDX-License-Identifier: MIT
/*
 * leak_self.c - a leak planted, to see that leaks are found here
 */
#include "leak_self.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "goro/goro.h"

/* Of a few that leak one may be hidden, by an old word somewhere that looks
 * like its channel; not all. */
enum { LEAKS = 8 };

static struct goro_chan *volatile kept;

/* --- The program ---------------------------------------------------------- */

static __attribute__((noinline)) void
leak_planted_here(void *ch)
{
	goro_chan_recv(ch, NULL);
	goro_yield(); /* or the call above would take its place */
}

static __attribute__((noinline)) void
leak_nothing_here(void *ch)
{
	goro_chan_recv(ch, NULL);
	goro_yield();
}

/* Deeper on the stack than what follows, which overwrites it. */
static __attribute__((noinline)) void
lose_channels(void)
{
	volatile char deep[2048];

	deep[0] = 0;
	for (int i = 0; i < LEAKS; i++)
		goro_go(leak_planted_here, goro_chan_create(8, 0));
	(void)deep;
}

static int
planted_main(void *arg)
{
	(void)arg;
	kept = goro_chan_create(8, 0);
	goro_go(leak_nothing_here, kept);
	lose_channels();
	for (int i = 0; i < 10; i++)
		goro_sleep(200000);
	return 0;
}

int
leak_plant(void)
{
	return goro_run(planted_main, NULL);
}

/* --- The test ------------------------------------------------------------- */

/* Is it where a leak was planted, and only there? */
static bool
is_right(const struct leak_results *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct leak_frame *place = leak_place(&r->v[i]);
		const char *right = r->v[i].kind == LEAK_LEAKED   ? "leak_"
								    "planted_"
								    "here" :
				    r->v[i].kind == LEAK_LEFTOVER ? "leak_" :
								    NULL;

		if (!right || !place ||
		    strncmp(place->function, right, strlen(right)))
			return false;
	}
	return r->count[LEAK_LEAKED];
}

int
leak_self_test(struct leak_options *o)
{
	char program[] = "/proc/self/exe", how[] = "--self-test=" LEAK_PLANTED;
	char *argv[] = { program, how, NULL };
	struct leak_results r = { 0 };
	bool good;

	o->run.argv = argv;
	if (!leak_run(&o->run, &r))
		return CLI_FAILED;
	leak_sort(&r);
	good = !o->run.status && r.checks && !r.problems_n && is_right(&r);
	if (good) {
		printf("a leak was planted, and found: %" PRIu64 " of %d "
		       "goroutines%"
		       "s\n",
		       r.count[LEAK_LEAKED], LEAKS,
		       r.inexact ? ", without a table of heap blocks" : "");
		if (fflush(stdout))
			good = false;
	} else {
		cli_say("a leak was planted, and not found as it was: leaks "
			"cannot be told here");
		leak_render_text(&r, STDERR_FILENO);
	}
	leak_results_fini(&r);
	return good ? CLI_OK : CLI_FAILED;
}
