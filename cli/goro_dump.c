// SPDX-License-Identifier: MIT
/*
 * goro_dump.c - what is everyone doing: print a process's goroutines
 *
 * The whole way, left to right: target, snapshot, unwind, symbolize, model,
 * renderer. Each step is a call into the tracer.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "dump_diff.h"
#include "dump_many.h"
#include "dump_options.h"
#include "progress.h"
#include "tracer/ask.h"
#include "tracer/fds.h"
#include "tracer/procfs.h"
#include "tracer/render_html.h"
#include "tracer/render_json.h"
#include "tracer/render_pprof.h"
#include "tracer/render_text.h"
#include "tracer/render_waits.h"
#include "watch.h"

/* What a dump says of itself. */
static void
about_process(const struct dump_options *o, char *command, size_t bytes,
	      struct gt_about *ret)
{
	char path[64];
	struct timespec now;

	snprintf(path, sizeof(path), "/proc/%d/comm", o->pid);
	GT_CLEANUP(gt_freep)
	char *comm = o->core ? NULL : gt_procfs_slurp(AT_FDCWD, path, bytes);
	snprintf(command, bytes, "%s", comm ? comm : "");
	command[strcspn(command, "\n")] = '\0';
	clock_gettime(CLOCK_REALTIME, &now);
	*ret = (struct gt_about){
		.tool = "goro-dump " GORO_VERSION,
		.command = command,
		.pid = o->pid,
		.time_ns = now.tv_sec * UINT64_C(1000000000) + now.tv_nsec,
	};
}

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

static struct gt_error *
render(const struct gt_report *report, const struct dump_options *o,
       struct gt_out *out)
{
	struct gt_text_options text = {
		.strict = o->format == DUMP_GO,
		.colour = o->colour,
	};
	struct gt_error *err;

	if (o->format == DUMP_JSON)
		return gt_render_json(report, out);
	if (o->format == DUMP_HTML)
		return gt_render_html(report, out);
	if (o->format == DUMP_PPROF)
		return gt_render_pprof(report, out);
	if (o->format == DUMP_DOT)
		return gt_render_dot(report, o->limit, out);
	if (o->waits)
		err = gt_render_waits(report, o->limit, o->colour, out);
	else if (report->groups)
		err = gt_render_groups(report->view, report->groups, &text,
				       out);
	else
		err = gt_render_text(report->view, &text, out);
	if (!err && report->threads) {
		if (report->view->n)
			gt_out_string(out, "\n");
		gt_render_threads(report->threads, out);
	}
	return err;
}

enum { GROUP_FROM = 100 }; /* goroutines, on a terminal */

/* The goroutines that were asked for, as they were asked for. */
static struct gt_error *
choose(struct gt_view *view, struct gt_groups *groups, bool *ret_grouped,
       const struct dump_options *o)
{
	size_t all = view->n;
	struct gt_error *err = gt_filter_apply(&o->filter, view);

	if (err)
		return err;
	if (all && !view->n)
		cli_say("none of %zu goroutines is as asked for", all);
	*ret_grouped = o->group == DUMP_GROUP_ON ||
		       (o->group == DUMP_GROUP_AUTO && o->terminal &&
			o->format == DUMP_TEXT && view->n > GROUP_FROM);
	if (*ret_grouped) {
		err = gt_groups_make(view, o->sort, groups);
		if (o->limit && o->limit < groups->n)
			groups->n = o->limit;
		return err;
	}
	if (o->waits && o->format != DUMP_JSON)
		return NULL; /* the limit is one of objects */
	if (o->sort != GT_SORT_DEFAULT)
		err = gt_view_sort(view, o->sort);
	if (o->limit && o->limit < view->n)
		view->n = o->limit;
	return err;
}

/* All that a report may be made of. */
struct parts {
	struct gt_symbols symbols;
	struct gt_view view;
	struct gt_groups groups;
	struct gt_os_threads threads;
	struct gt_objects objects;
	struct gt_knots knots;
	bool grouped;
};

static struct gt_error *
find_waits(struct gt_model *model, struct gt_target *t,
	   const struct dump_options *o, struct parts *p)
{
	struct gt_error *err = gt_model_load_channels(model, t);

	if (!err)
		err = gt_objects_load(t, model, o->channels, &p->objects);
	if (!err)
		err = gt_objects_look(t, model, &p->objects);
	if (!err && !o->core)
		gt_fds_name(o->pid, model, &p->objects);
	return err ? err : gt_knots_find(model, &p->objects, &p->knots);
}

static struct gt_error *
gather(struct gt_model *model, struct gt_target *t,
       const struct dump_options *o, struct parts *p)
{
	struct gt_error *err = gt_view_all(&p->view, model, &p->symbols);

	if (!err && o->waits)
		err = find_waits(model, t, o, p);
	if (!err)
		err = choose(&p->view, &p->groups, &p->grouped, o);
	if (!err && o->threads)
		err = gt_os_threads(t, model, !o->core, &p->threads);
	return err;
}

static struct gt_error *
report(struct gt_model *model, struct gt_modules *modules, struct gt_target *t,
       const struct dump_options *o, struct gt_out *out)
{
	struct parts p = { 0 };
	struct gt_about about;
	char command[64];

	about_process(o, command, sizeof(command), &about);
	gt_symbols_init(&p.symbols, modules, &model->pcs, model->abi);
	struct gt_error *err = gather(model, t, o, &p);
	if (!err) {
		struct gt_report r = {
			.view = &p.view,
			.about = &about,
			.groups = p.grouped ? &p.groups : NULL,
			.threads = o->threads ? &p.threads : NULL,
			.objects = o->waits ? &p.objects : NULL,
			.knots = o->waits ? &p.knots : NULL,
			.channels = o->channels,
		};

		err = render(&r, o, out);
	}
	gt_knots_fini(&p.knots);
	gt_objects_fini(&p.objects);
	free(p.threads.v);
	gt_groups_fini(&p.groups);
	gt_view_fini(&p.view);
	gt_symbols_fini(&p.symbols);
	return err;
}

static void
say_copied(const struct gt_model *model)
{
	cli_progress("%zu goroutines copied", model->goroutines_n);
}

static void
say_written(const struct gt_out *out)
{
	cli_progress("%" PRIu64 " MB written", out->written >> 20);
}

static int
print(struct gt_model *model, struct gt_modules *modules, struct gt_target *t,
      const struct dump_options *o)
{
	struct gt_out out;

	if (!gt_out_init(&out, STDOUT_FILENO)) {
		cli_say_error(&gt_enomem);
		return CLI_FAILED;
	}
	/* On a terminal it would be in the way, and is not needed. */
	if (!o->terminal)
		out.progress = say_written;
	struct gt_error *err = report(model, modules, t, o, &out);
	int failed = gt_out_fini(&out);
	cli_progress_end();
	if (err) {
		cli_say_error(err);
		return CLI_FAILED;
	}
	if (failed) {
		cli_say("cannot write the dump: %s", strerror(failed));
		return CLI_FAILED;
	}
	return CLI_OK;
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
	status = print(model, modules, t, o);
	int missing = say_what_is_missing(model);
	if (o->core && model->stats.damaged)
		cli_say("gcore leaves out stacks with guard pages of Linux "
			"6.13: see NOTES in goro-dump(1)");
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
