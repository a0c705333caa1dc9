// SPDX-License-Identifier: MIT
/*
 * dump_report.c - what was asked for of a model, and printing it
 *
 * The model is whole, or as whole as it will get. What is read from here on,
 * the channels and locks that are waited for, and the threads, may be missing:
 * a process may end meanwhile. Then what there is is shown.
 */
#include "dump_report.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "progress.h"
#include "tracer/fds.h"
#include "tracer/procfs.h"
#include "tracer/render_html.h"
#include "tracer/render_json.h"
#include "tracer/render_pprof.h"
#include "tracer/render_text.h"
#include "tracer/render_waits.h"

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

/* Remember what went wrong, unless nothing can go on. */
static struct gt_error *
for_later(struct gt_error *err, struct gt_error **problem)
{
	if (!err || err->code == GT_NOMEM)
		return err;
	if (*problem)
		gt_error_free(err);
	else
		*problem = err;
	return NULL;
}

static struct gt_error *
find_waits(struct gt_model *model, struct gt_target *t,
	   const struct dump_options *o, struct parts *p,
	   struct gt_error **problem)
{
	struct gt_error *err = for_later(gt_model_load_channels(model, t),
					 problem);

	if (!err)
		err = for_later(gt_objects_load(t, model, o->channels,
						&p->objects),
				problem);
	if (!err)
		err = for_later(gt_objects_look(t, model, &p->objects),
				problem);
	if (!err && !o->core)
		gt_fds_name(o->pid, model, &p->objects);
	return err ? err : gt_knots_find(model, &p->objects, &p->knots);
}

static struct gt_error *
gather(struct gt_model *model, struct gt_target *t,
       const struct dump_options *o, struct parts *p, struct gt_error **problem)
{
	struct gt_error *err = gt_view_all(&p->view, model, &p->symbols);

	if (!err && o->waits)
		err = find_waits(model, t, o, p, problem);
	if (!err)
		err = choose(&p->view, &p->groups, &p->grouped, o);
	if (!err && o->threads)
		err = for_later(gt_os_threads(t, model, !o->core, &p->threads),
				problem);
	return err;
}

static struct gt_error *
report(struct gt_model *model, struct gt_modules *modules, struct gt_target *t,
       const struct dump_options *o, struct gt_out *out,
       struct gt_error **problem)
{
	struct parts p = { 0 };
	struct gt_about about;
	char command[64];

	about_process(o, command, sizeof(command), &about);
	gt_symbols_init(&p.symbols, modules, &model->pcs, model->abi);
	struct gt_error *err = gather(model, t, o, &p, problem);
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
say_written(const struct gt_out *out)
{
	cli_progress("%" PRIu64 " MB written", out->written >> 20);
}

int
dump_print(struct gt_model *model, struct gt_modules *modules,
	   struct gt_target *t, const struct dump_options *o,
	   struct gt_error **problem)
{
	struct gt_out out;

	if (!gt_out_init(&out, STDOUT_FILENO)) {
		cli_say_error(&gt_enomem);
		return CLI_FAILED;
	}
	/* On a terminal it would be in the way, and is not needed. */
	if (!o->terminal)
		out.progress = say_written;
	struct gt_error *err = report(model, modules, t, o, &out, problem);
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
