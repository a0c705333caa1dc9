// SPDX-License-Identifier: MIT
/*
 * leak_ask.c - checking what runs already, or ran
 *
 * Idea       Proof is the process's own affair: it is asked for it
 *            (tracer/ask.h), and says the same as at the end of a test. Who is
 *            only suspect is seen from outside (leak_look.h). Either may be
 *            refused; the other is of use all the same, and what is missing
 *            is said.
 * Samples    A verdict that is proven stays true, so that the last check says
 *            all. Suspects are those of the last sample, too: the earlier ones
 *            only show who has grown.
 */
#include "leak_ask.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "leak_look.h"
#include "progress.h"
#include "tracer/ask.h"

enum { PATIENCE_S = 60 };

bool
leak_ask_one(pid_t pid, bool must, struct leak_results *r)
{
	size_t bytes = 0, problems = r->problems_n;
	char *answer = NULL;
	struct gt_error *err = gt_ask(pid, must ? "leak" : "leak end",
				      PATIENCE_S, &answer, &bytes);
	FILE *from;

	if (err) {
		/* The same signal may have told it to end, and it has. */
		if (must ||
		    (err->code != GT_NO_RUNTIME && err->code != GT_NO_PROCESS &&
		     !leak_has_said(r, pid)))
			leak_problem(r, "nothing is proven: %s%s%s", err->text,
				     err->hint[0] ? ": " : "", err->hint);
		gt_error_free(err);
		return false;
	}
	from = fmemopen(answer, bytes ? bytes : 1, "r");
	if (!from || !leak_read(r, from, pid))
		leak_problem(r, "process %d: its answer makes no sense",
			     (int)pid);
	if (from)
		fclose(from);
	free(answer);
	return r->problems_n == problems;
}

static void
pause_for(uint64_t ns)
{
	struct timespec t = { .tv_sec = (time_t)(ns / 1000000000),
			      .tv_nsec = (long)(ns % 1000000000) };

	while (nanosleep(&t, &t))
		;
}

/* Without a proof, what can be seen from outside is better than nothing. */
static bool
sample(const struct leak_ask *ask, struct leak_look *look,
       struct leak_results *r)
{
	struct gt_error *err;

	look->prove = !ask->pid || !leak_ask_one(ask->pid, true, r);
	err = leak_look(look, r);
	r->looked = !err;
	if (!err)
		return true;
	leak_problem(r, "no suspects: %s%s%s", err->text,
		     err->hint[0] ? ": " : "", err->hint);
	gt_error_free(err);
	return r->checks;
}

void
leak_ask(const struct leak_ask *ask, struct leak_results *ret)
{
	struct leak_look look = {
		.pid = ask->pid,
		.core = ask->core,
		.program = ask->program,
		.min_wait_ns = ask->min_wait_ns,
	};
	bool unsound = false;

	for (int i = 0; i < ask->samples; i++) {
		struct leak_results r = { 0 };

		if (i) {
			cli_progress("%d of %d samples", i, ask->samples);
			pause_for(ask->every_ns);
			cli_progress_end();
		}
		if (!sample(ask, &look, &r) && i) {
			/* It may have ended: what was seen was true. */
			leak_results_fini(&r);
			break;
		}
		leak_results_fini(ret);
		*ret = r;
		ret->unsound |= unsound;
		unsound = ret->unsound;
	}
	free(look.grown);
}
