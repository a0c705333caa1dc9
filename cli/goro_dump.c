// SPDX-License-Identifier: MIT
/*
 * goro_dump.c - what is everyone doing: print a process's goroutines
 *
 * The whole way, left to right: target, snapshot, unwind, symbolize, model,
 * renderer. Each step is a call into the tracer.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "tracer/model.h"
#include "tracer/render_text.h"

struct options {
	gt_unwinder_create *unwinder;
	struct gt_text_options text;
	pid_t pid;
};

static const char help[] = "Usage: goro-dump [OPTIONS] PID\n"
			   "Print the goroutines of a running process, without "
			   "stopping it.\n"
			   "\n"
			   "  --format text     Go's traceback text, with "
			   "names (the default)\n"
			   "  --format go       the same, limited to what each "
			   "parser of Go's\n"
			   "                    tracebacks reads: panicparse, "
			   "gostackparse\n"
			   "  --unwinder NAME   table (the default), libunwind "
			   "or dwfl\n"
			   "  -h, --help        this\n"
			   "  -V, --version     the version\n"
			   "\n"
			   "Exit status: 0 all goroutines are shown, 1 only a "
			   "part of what there is,\n"
			   "2 nothing could be shown, 64 wrong usage. See "
			   "goro-dump(1).\n";

static int
parse_options(int argc, char **argv, struct options *o)
{
	enum { OPT_FORMAT = 256, OPT_UNWINDER };
	static const struct option longs[] = {
		{ "format", required_argument, NULL, OPT_FORMAT },
		{ "unwinder", required_argument, NULL, OPT_UNWINDER },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":hV", longs, NULL)) != -1) {
		switch (opt) {
		case OPT_FORMAT:
			o->text.strict = strcmp(optarg, "go") == 0;
			if (!o->text.strict && strcmp(optarg, "text") != 0)
				return cli_usage("there is no format '%s'",
						 optarg);
			break;
		case OPT_UNWINDER:
			o->unwinder = gt_unwinder_find(optarg);
			if (!o->unwinder)
				return cli_usage("there is no unwinder '%s'",
						 optarg);
			break;
		case 'h':
			fputs(help, stdout);
			exit(CLI_OK);
		case 'V':
			puts("goro-dump " GORO_VERSION);
			exit(CLI_OK);
		case ':':
			return cli_usage("%s needs an argument",
					 argv[optind - 1]);
		default:
			return cli_usage("there is no option %s",
					 argv[optind - 1]);
		}
	}
	if (optind == argc)
		return cli_usage("no process id is given");
	if (optind + 1 < argc)
		return cli_usage("one process at a time, not also '%s'",
				 argv[optind + 1]);
	if (!cli_parse_pid(argv[optind], &o->pid))
		return cli_usage("'%s' is no process id", argv[optind]);
	return CLI_OK;
}

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
	if (stats->unresolved && stats->hold_error == EPERM) {
		cli_say("%zu goroutines' stacks are not shown: another "
			"program, a debugger perhaps, traces their threads",
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

static int
print(struct gt_model *model, struct gt_modules *modules,
      const struct options *o)
{
	struct gt_symbols symbols;
	struct gt_out out;

	if (!gt_out_init(&out, STDOUT_FILENO)) {
		cli_say_error(&gt_enomem);
		return CLI_FAILED;
	}
	gt_symbols_init(&symbols, modules, &model->pcs, model->abi);
	struct gt_error *err = gt_render_text(model, &symbols, &o->text, &out);
	gt_symbols_fini(&symbols);
	int failed = gt_out_fini(&out);
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

static int
load_and_print(struct gt_target *t, struct gt_modules *modules,
	       struct gt_model *model, const struct options *o)
{
	GT_CLEANUP(gt_unwinder_destroyp) struct gt_unwinder *unwinder = NULL;
	struct gt_error *err = o->unwinder(modules, &model->pcs, &unwinder);
	int status;

	if (!err)
		err = gt_model_load(model, t, unwinder);
	if (err && !model->goroutines_n) {
		cli_say_error(err);
		return CLI_FAILED;
	}
	status = print(model, modules, o);
	int missing = say_what_is_missing(model);
	if (!model->goroutines_n && missing)
		status = CLI_FAILED;
	else if (!model->goroutines_n)
		cli_say("process %d runs no goroutines now", o->pid);
	if (err) {
		cli_say_error(err);
		missing = CLI_FINDINGS;
	}
	return status ? status : missing;
}

static int
dump(const struct options *o)
{
	GT_CLEANUP(gt_target_destroyp) struct gt_target *t = NULL;
	struct gt_abi abi;
	struct gt_modules modules;
	struct gt_model model;
	int status = CLI_FAILED;
	struct gt_error *err = gt_target_live_open(o->pid, &t);

	if (!err)
		err = gt_abi_find(t, &abi);
	if (!err)
		err = gt_modules_init(&modules, t);
	if (err) {
		cli_say_error(err);
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

int
main(int argc, char **argv)
{
	struct options o = { .unwinder = gt_unwinder_table };
	int status = parse_options(argc, argv, &o);

	if (status != CLI_OK)
		return status;
	/* libdwfl would ask a server for missing debug information, and wait
	 * for it for minutes; nobody asked for that. */
	unsetenv("DEBUGINFOD_URLS");
	return dump(&o);
}
