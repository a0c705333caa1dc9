// SPDX-License-Identifier: MIT
/*
 * goro_dump.c - what is everyone doing: print a process's goroutines
 *
 * The whole way, left to right: target, snapshot, unwind, symbolize, model,
 * renderer. Each step is a call into the tracer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "dump_diff.h"
#include "dump_many.h"
#include "dump_options.h"
#include "dump_report.h"
#include "progress.h"
#include "tracer/ask.h"
#include "watch.h"

enum {
	ASK_PATIENCE_S = 30, /* for the next part of what a process prints */
};

/* Whatever is missing from the dump is said, once for each kind. */
static int
say_what_is_missing(struct gt_model *model)
{
	const struct gt_snapshot_stats *stats = &model->stats;
	size_t cut = 0;
	int status = CLI_OK;

	for (size_t i = 0; i < model->goroutines_n; i++)
		cut += model->goroutines[i].frames_n &&
		       !model->goroutines[i].complete;
	if (stats->problem) {
		cli_say_error(gt_steal(model->stats.problem));
		status = CLI_FINDINGS;
	}
	if (stats->damaged) {
		cli_say("%zu goroutines' records are damaged and left out",
			stats->damaged);
		status = CLI_FINDINGS;
	}
	if (stats->unreadable) {
		cli_say("%zu goroutines' records cannot be read and are left "
			"out",
			stats->unreadable);
		status = CLI_FINDINGS;
	}
	if (stats->no_stack) {
		cli_say("%zu goroutines' stacks cannot be read and are not "
			"shown",
			stats->no_stack);
		status = CLI_FINDINGS;
	}
	if (stats->unresolved && stats->hold_error == EPERM) {
		cli_say("%zu goroutines' stacks are not shown: another "
			"program, a debugger perhaps, traces their threads",
			stats->unresolved);
		status = CLI_FINDINGS;
	} else if (stats->unresolved && stats->hold_error == ENODATA) {
		cli_say("%zu goroutines' stacks are not shown: the core lacks "
			"the registers of their threads",
			stats->unresolved);
		status = CLI_FINDINGS;
	} else if (stats->unresolved) {
		cli_say("%zu goroutines ran all the time and could not be "
			"stopped: their stacks are not shown",
			stats->unresolved);
		status = CLI_FINDINGS;
	}
	if (stats->too_deep) {
		cli_say("%zu goroutines' stacks are too deep and not shown",
			stats->too_deep);
		status = CLI_FINDINGS;
	}
	if (cut) {
		cli_say("%zu stacks could not be followed to their end: there "
			"is code without unwind information in them",
			cut);
		status = CLI_FINDINGS;
	}
	return status;
}

static void
say_copied(const struct gt_model *model)
{
	cli_progress("%zu goroutines copied", model->goroutines_n);
}

static struct gt_error *
load(struct gt_model *model, struct gt_target *t, struct gt_unwinder *unwinder,
     const struct dump_options *o)
{
	struct gt_pause pause;

	if (!o->consistent)
		return gt_model_load(model, t, unwinder);
	struct gt_error *err = gt_model_load_frozen(model, t, unwinder, &pause);
	if (pause.times == 1)
		cli_say("%s was stopped for %.1f ms", t->name,
			(double)pause.ns / 1e6);
	else if (pause.times)
		cli_say("%s was stopped for %.1f ms, in %u pieces", t->name,
			(double)pause.ns / 1e6, pause.times);
	if (pause.missed)
		cli_say("%d of its threads could not be stopped: what they "
			"change may be of another moment",
			pause.missed);
	return err;
}

static int
load_and_print(struct gt_target *t, struct gt_modules *modules,
	       struct gt_model *model, const struct dump_options *o)
{
	GT_CLEANUP(gt_unwinder_destroyp) struct gt_unwinder *unwinder = NULL;
	struct gt_error *err = o->unwinder(modules, &model->pcs, &unwinder);
	int status;

	model->progress = say_copied;
	cli_progress("looking");
	if (!err)
		err = load(model, t, unwinder, o);
	cli_progress_end();
	if (err && !model->goroutines_n) {
		cli_say_error(err);
		return CLI_FAILED;
	}
	status = dump_print(model, modules, t, o, &err);
	int missing = say_what_is_missing(model);
	if (o->core && model->stats.damaged)
		cli_say("gcore leaves out stacks with guard pages of Linux "
			"6.13: have the kernel write the core (kill -ABRT), or "
			"start the program with GORODEBUG=guard=mprotect");
	if (t->notice[0]) {
		cli_say("%s", t->notice);
		missing = CLI_FINDINGS;
	}
	if (!model->goroutines_n && missing)
		status = CLI_FAILED;
	else if (!model->goroutines_n)
		cli_say("%s runs no goroutines now", t->name);
	if (err) {
		cli_say_error(err);
		missing = CLI_FINDINGS;
	}
	return status ? status : missing;
}

/* What the process says of itself: see tracer/ask.h. */
static int
ask(struct dump_options *o)
{
	GT_CLEANUP(gt_freep) char *text = NULL;
	size_t bytes;
	struct gt_error *err = gt_ask(o->pid, "dump all", ASK_PATIENCE_S, &text,
				      &bytes);

	if (err) {
		cli_say_error(err);
		return CLI_FAILED;
	}
	/* Its header begins with the line that parts it from the last one. */
	return cli_print(text + (*text == '\n'));
}

/* Say why it cannot be looked into; another way may be open. */
static void
say_closed(struct gt_error *err, const struct dump_options *o)
{
	bool refused = err->code == GT_NO_ACCESS && o->pid;

	cli_say_error(err);
	if (refused)
		cli_say("the process's own user can ask it to print them "
			"itself: goro-dump --signal %d",
			o->pid);
}

static int
dump(struct dump_options *o)
{
	GT_CLEANUP(gt_target_destroyp) struct gt_target *t = NULL;
	struct gt_abi abi;
	struct gt_modules modules;
	struct gt_model model;
	int status = CLI_FAILED;
	struct gt_error *err = o->core ? gt_target_core_open(o->core,
							     o->program, &t) :
					 gt_target_live_open(o->pid, &t);

	if (!err)
		err = gt_abi_find(t, &abi);
	if (!err)
		err = gt_modules_init(&modules, t);
	if (err) {
		say_closed(err, o);
		if (t && t->notice[0])
			cli_say("%s", t->notice);
		return CLI_FAILED;
	}
	err = gt_model_init(&model, &abi);
	if (err) {
		cli_say_error(err);
	} else {
		status = load_and_print(t, &modules, &model, o);
		gt_model_fini(&model);
	}
	gt_modules_fini(&modules);
	return status;
}

static int
run(struct dump_options *o)
{
	/* libdwfl would ask a server for missing debug information, and wait
	 * for it for minutes; nobody asked for that. */
	if (!o->debuginfod)
		unsetenv("DEBUGINFOD_URLS");
	if (o->diffs)
		return dump_diff(o);
	if (o->watch_ns)
		return watch(o);
	if (o->list)
		return dump_list();
	if (o->all || o->pids_n > 1)
		return dump_many(o, o->signal ? ask : dump);
	return o->signal ? ask(o) : dump(o);
}

int
main(int argc, char **argv)
{
	struct dump_options o;
	int status = dump_options_parse(argc, argv, &o);

	if (status == CLI_OK)
		status = run(&o);
	dump_options_fini(&o);
	return status;
}
