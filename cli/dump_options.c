// SPDX-License-Identifier: MIT
/*
 * dump_options.c - the command line of goro-dump
 */
#include "dump_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const char help[] = "Usage: goro-dump [OPTIONS] PID\n"
			   "       goro-dump [OPTIONS] --core CORE [PROGRAM]\n"
			   "Print the goroutines of a running process, without "
			   "stopping it, or of a core.\n"
			   "\n"
			   "  --core CORE       of a core; PROGRAM where it is "
			   "not where it was\n"
			   "  --debuginfod      ask the servers of "
			   "DEBUGINFOD_URLS for debug information\n"
			   "  --format text     Go's traceback text, with "
			   "names (the default)\n"
			   "  --format go       the same, limited to what each "
			   "parser of Go's\n"
			   "                    tracebacks reads: panicparse, "
			   "gostackparse\n"
			   "  --format json     one object; its schema comes "
			   "with libgoro\n"
			   "  --unwinder NAME   table (the default), libunwind "
			   "or dwfl\n"
			   "  -h, --help        this\n"
			   "  -V, --version     the version\n"
			   "\n"
			   "Exit status: 0 all goroutines are shown, 1 only a "
			   "part of what there is,\n"
			   "2 nothing could be shown, 64 wrong usage. See "
			   "goro-dump(1).\n";

enum option_id { OPT_FORMAT = 256, OPT_UNWINDER, OPT_CORE, OPT_DEBUGINFOD };

static const struct option longs[] = {
	{ "format", required_argument, NULL, OPT_FORMAT },
	{ "unwinder", required_argument, NULL, OPT_UNWINDER },
	{ "core", required_argument, NULL, OPT_CORE },
	{ "debuginfod", no_argument, NULL, OPT_DEBUGINFOD },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static int
take_format(struct dump_options *o, const char *name)
{
	static const char *const names[] = {
		[DUMP_TEXT] = "text",
		[DUMP_GO] = "go",
		[DUMP_JSON] = "json",
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		o->format = i;
		if (strcmp(names[i], name) == 0)
			return CLI_OK;
	}
	return cli_usage("there is no format '%s'", name);
}

/* One option; an exit status, CLI_OK to go on. */
static int
take_option(struct dump_options *o, int opt, const char *arg)
{
	switch (opt) {
	case OPT_FORMAT:
		return take_format(o, arg);
	case OPT_UNWINDER:
		o->unwinder = gt_unwinder_find(arg);
		if (!o->unwinder)
			return cli_usage("there is no unwinder '%s'", arg);
		break;
	case OPT_CORE:
		o->core = arg;
		break;
	case OPT_DEBUGINFOD:
		if (!getenv("DEBUGINFOD_URLS"))
			return cli_usage("--debuginfod finds no servers in "
					 "DEBUGINFOD_URLS");
		o->debuginfod = true;
		break;
	}
	return CLI_OK;
}

/* What is left of the command line: whom to look at. */
static int
take_target(struct dump_options *o, int n, char **args)
{
	if (o->core && n > 1)
		return cli_usage("one program for a core, not also '%s'",
				 args[1]);
	if (o->core) {
		o->program = args[0];
		return CLI_OK;
	}
	if (n == 0)
		return cli_usage("no process id is given");
	if (n > 1)
		return cli_usage("one process at a time, not also '%s'",
				 args[1]);
	if (!cli_parse_pid(args[0], &o->pid))
		return cli_usage("'%s' is no process id", args[0]);
	return CLI_OK;
}

int
dump_options_parse(int argc, char **argv, struct dump_options *o)
{
	int opt, status = CLI_OK;

	*o = (struct dump_options){ .unwinder = gt_unwinder_table };
	opterr = 0;
	while (status == CLI_OK &&
	       (opt = getopt_long(argc, argv, ":hV", longs, NULL)) != -1) {
		switch (opt) {
		case 'h':
			exit(cli_print(help));
		case 'V':
			exit(cli_print("goro-dump " GORO_VERSION "\n"));
		case ':':
			return cli_usage("%s needs an argument",
					 argv[optind - 1]);
		case '?':
			return cli_usage("there is no option %s",
					 argv[optind - 1]);
		default:
			status = take_option(o, opt, optarg);
		}
	}
	if (status != CLI_OK)
		return status;
	return take_target(o, argc - optind, argv + optind);
}
