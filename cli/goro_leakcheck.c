// SPDX-License-Identifier: MIT
/*
 * goro_leakcheck.c - run a command, and fail if its goroutines leak
 *
 * Findings come from leak_run.c (a command) or leak_ask.c (what runs already),
 * pass the rules, and go to the renderers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "leak_options.h"
#include "leak_self.h"

enum { EXIT_UNSOUND = 3, SIGNALLED = 128 };

static bool
write_output(const struct leak_output *out, const struct leak_results *r)
{
	FILE *to = out->file ? fopen(out->file, "we") : stdout;
	bool good;

	if (!to) {
		cli_say("cannot write %s", out->file);
		return false;
	}
	good = out->format->render(r, fileno(to));
	if (!good)
		cli_say("cannot write the %s", out->format->name);
	if (out->file)
		fclose(to);
	return good;
}

/* Was there what --fail-on needs? Proof is the process's own; a core has none
 * to give, and that was said. */
static bool
could_check(const struct leak_options *o, const struct leak_results *r)
{
	bool proof = o->fail_on[LEAK_DEADLOCK] || o->fail_on[LEAK_LEAKED] ||
		     o->fail_on[LEAK_UNCLOSED];

	if (o->run.argv)
		return !r->problems_n;
	if (o->ask.core || (o->fail_on[LEAK_SUSPECT] && !r->looked))
		return r->looked;
	return proof ? r->checks : r->checks || r->looked;
}

/* The command said nothing of its goroutines: why, as far as can be told from
 * here. */
static void
say_unchecked(const struct leak_run *run, struct leak_results *r)
{
	int status = run->status;

	if (run->timed_out || run->signal)
		leak_problem(r,
			     "nothing was checked: when %s was told to end, no "
			     "process of it ran goroutines",
			     run->argv[0]);
	else if (WIFSIGNALED(status))
		leak_problem(r,
			     "nothing was checked: %s was killed by signal %d "
			     "(%s)",
			     run->argv[0], WTERMSIG(status),
			     strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		leak_problem(r,
			     "nothing was checked: %s ended with status %d, "
			     "and no process of it came to the end of a run of "
			     "goroutines or called exit() in one: did it "
			     "panic, or call _exit()?",
			     run->argv[0], WEXITSTATUS(status));
	else
		leak_problem(r,
			     "nothing was checked: no process of %s ended a "
			     "run of goroutines",
			     run->argv[0]);
}

static int
status_of(const struct leak_options *o, struct leak_results *r)
{
	int status = o->run.status;

	if (WIFSIGNALED(status))
		return SIGNALLED + WTERMSIG(status);
	if (WEXITSTATUS(status))
		return WEXITSTATUS(status);
	if (r->unsound)
		return EXIT_UNSOUND;
	if (!could_check(o, r))
		return CLI_FAILED;
	for (int k = 0; k < LEAK_KINDS; k++)
		if (o->fail_on[k] && r->count[k])
			return CLI_FINDINGS;
	return CLI_OK;
}

/* False: it could not even begin, and why was said. */
static bool
check(struct leak_options *o, struct leak_results *r)
{
	if (o->run.argv) {
		if (!leak_run(&o->run, r))
			return false;
		if (!r->checks && !r->problems_n)
			say_unchecked(&o->run, r);
		return true;
	}
	if (o->ask.core)
		cli_say("of a core no more is proven than rings of locks and "
			"waits for nothing; others may be suspects");
	leak_ask(&o->ask, r);
	return true;
}

int
main(int argc, char **argv)
{
	struct leak_options o;
	struct leak_results r = { 0 };
	int status = leak_options_parse(argc, argv, &o);

	if (status != CLI_OK)
		return status;
	if (o.self_test)
		return leak_self_test(&o);
	unsetenv("DEBUGINFOD_URLS"); /* which would wait for a server */
	if (!check(&o, &r))
		return CLI_FAILED;
	if (r.unsound)
		leak_problem(&r, "a goroutine that was called leaked has run "
				 "since; does the program hide an address?");
	leak_rules_apply(&o.rules, &r);
	leak_sort(&r);
	status = status_of(&o, &r);
	leak_rules_say(&o.rules);
	if (r.inexact && r.checks)
		cli_say("all of the heap counted as in use, as there was no "
			"table of its blocks: leaks may have been missed");
	for (int i = 0; i < o.outputs; i++)
		if (!write_output(&o.output[i], &r) && !status)
			status = CLI_FAILED;
	if ((o.generate && !leak_rules_generate(&r, o.generate)) ||
	    (o.write_baseline && !leak_baseline_write(&r, o.write_baseline)))
		status = status ? status : CLI_FAILED;
	leak_results_fini(&r);
	leak_rules_fini(&o.rules);
	return status;
}
