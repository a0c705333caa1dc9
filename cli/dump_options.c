// SPDX-License-Identifier: MIT
/*
 * dump_options.c - the command line of goro-dump
 */
#include "dump_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "tracer/modules.h"

/* At most 79 columns and 23 lines: goro-dump(1) has the rest. */
/* clang-format off */
static const char help[] =
"Usage: goro-dump [OPTIONS] PID... | --all | --core CORE [PROGRAM]\n"
"       goro-dump [OPTIONS] --watch TIME PID\n"
"       goro-dump --list | --diff BEFORE.json AFTER.json\n"
"Print the goroutines of running processes, without stopping them, or of a core.\n"
"\n"
"  --format F       text, go (for parsers of Go's), json, html, pprof, dot\n"
"  --group          one stack for all that do the same; on a terminal it is the\n"
"                   default for more than 100, and --no-group the way out\n"
"  --waits          what blocks whom, and deadlocks; --dot: as a graph\n"
"  --channels       all channels            --threads         the threads below\n"
"  --state S[,S]    running, runnable, waiting, syscall\n"
"  --reason TEXT    waits for it: 'chan receive', mutex ...\n"
"  --min-wait TIME  ... for so long: 250ms, 1.5s, 10m\n"
"  --func RE        has it on its stack     --created-by RE   was started by it\n"
"  --label K[=V]    has the label           --id N[,N]        is one of these\n"
"  --sort KEY       id, wait (longest first), count           --limit N\n"
"  --consistent     stop the process meanwhile, so that all is of one moment\n"
"  --signal         have the process print them, where it may not be read\n"
"  --debug-dir DIR  look for debug files there; --debuginfod: on servers, too\n"
"  --unwinder U     table (default), libunwind, dwfl; -h, --help; -V, --version\n"
"\n"
"Exit status: 0 fine, 1 a part is missing, 2 nothing could be shown, 64 usage\n";
/* clang-format on */

enum option_id {
	OPT_FORMAT = 256,
	OPT_UNWINDER,
	OPT_GROUP,
	OPT_NO_GROUP,
	OPT_STATE,
	OPT_REASON,
	OPT_MIN_WAIT,
	OPT_FUNC,
	OPT_CREATED_BY,
	OPT_LABEL,
	OPT_ID,
	OPT_SORT,
	OPT_LIMIT,
	OPT_THREADS,
	OPT_WAITS,
	OPT_CHANNELS,
	OPT_DOT,
	OPT_DIFF,
	OPT_WATCH,
	OPT_CORE,
	OPT_DEBUG_DIR,
	OPT_DEBUGINFOD,
	OPT_SIGNAL,
	OPT_CONSISTENT,
	OPT_LIST,
	OPT_ALL,
};

static const struct option longs[] = {
	{ "format", required_argument, NULL, OPT_FORMAT },
	{ "unwinder", required_argument, NULL, OPT_UNWINDER },
	{ "core", required_argument, NULL, OPT_CORE },
	{ "consistent", no_argument, NULL, OPT_CONSISTENT },
	{ "debug-dir", required_argument, NULL, OPT_DEBUG_DIR },
	{ "debuginfod", no_argument, NULL, OPT_DEBUGINFOD },
	{ "group", no_argument, NULL, OPT_GROUP },
	{ "no-group", no_argument, NULL, OPT_NO_GROUP },
	{ "state", required_argument, NULL, OPT_STATE },
	{ "reason", required_argument, NULL, OPT_REASON },
	{ "min-wait", required_argument, NULL, OPT_MIN_WAIT },
	{ "func", required_argument, NULL, OPT_FUNC },
	{ "created-by", required_argument, NULL, OPT_CREATED_BY },
	{ "label", required_argument, NULL, OPT_LABEL },
	{ "id", required_argument, NULL, OPT_ID },
	{ "sort", required_argument, NULL, OPT_SORT },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "threads", no_argument, NULL, OPT_THREADS },
	{ "signal", no_argument, NULL, OPT_SIGNAL },
	{ "list", no_argument, NULL, OPT_LIST },
	{ "all", no_argument, NULL, OPT_ALL },
	{ "waits", no_argument, NULL, OPT_WAITS },
	{ "channels", no_argument, NULL, OPT_CHANNELS },
	{ "dot", no_argument, NULL, OPT_DOT },
	{ "diff", no_argument, NULL, OPT_DIFF },
	{ "watch", required_argument, NULL, OPT_WATCH },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* Which of @names is it; -1: none. */
static int
find(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (names[i] && strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

static int
take_format(struct dump_options *o, const char *name)
{
	static const char *const names[] = {
		[DUMP_TEXT] = "text",   [DUMP_GO] = "go",
		[DUMP_JSON] = "json",   [DUMP_DOT] = "dot",
		[DUMP_PPROF] = "pprof", [DUMP_HTML] = "html",
	};
	int format = find(names, COUNT(names), name);

	if (format < 0)
		return cli_usage("there is no format '%s'", name);
	o->format = format;
	return CLI_OK;
}

static int
take_sort(struct dump_options *o, const char *name)
{
	static const char *const names[] = {
		[GT_SORT_ID] = "id",
		[GT_SORT_WAIT] = "wait",
		[GT_SORT_COUNT] = "count",
	};
	int sort = find(names, COUNT(names), name);

	if (sort < 0)
		return cli_usage("goroutines are not sorted by '%s'", name);
	o->sort = sort;
	return CLI_OK;
}

/* "running,waiting" */
static int
take_states(struct dump_options *o, const char *list)
{
	static const char *const names[] = {
		[GORO_ABI_RUNNING] = "running",
		[GORO_ABI_RUNNABLE] = "runnable",
		[GORO_ABI_WAITING] = "waiting",
		[GORO_ABI_SYSCALL] = "syscall",
	};
	GT_CLEANUP(gt_freep) char *copy = strdup(list);
	char *at = copy, *name;

	while (at && (name = strsep(&at, ","))) {
		int state = find(names, COUNT(names), name);

		if (state < 0)
			return cli_usage("there is no state '%s'", name);
		o->filter.states |= 1u << state;
	}
	return CLI_OK;
}

/* "7,12", and again with the next --id. */
static int
take_ids(struct dump_options *o, const char *list)
{
	struct gt_filter *f = &o->filter;
	char *end;

	for (const char *at = list;; at = end + 1) {
		errno = 0;
		unsigned long long id = strtoull(at, &end, 10);

		if (errno || end == at || *at == '-' || !id ||
		    (*end && *end != ','))
			return cli_usage("'%s' is no goroutine's number", list);
		uint64_t *ids = reallocarray(f->ids, f->ids_n + 1,
					     sizeof(*ids));
		if (!ids)
			return CLI_FAILED;
		f->ids = ids;
		f->ids[f->ids_n++] = id;
		if (!*end)
			return CLI_OK;
	}
}

static int
take_label(struct dump_options *o, const char *label)
{
	struct gt_filter *f = &o->filter;
	const char **labels = reallocarray(f->labels, f->labels_n + 1,
					   sizeof(*labels));

	if (!labels)
		return CLI_FAILED;
	f->labels = labels;
	f->labels[f->labels_n++] = label;
	return CLI_OK;
}

static int
take_limit(struct dump_options *o, const char *text)
{
	char *end;

	errno = 0;
	o->limit = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || !o->limit)
		return cli_usage("'%s' is no number to limit to", text);
	return CLI_OK;
}

static int
take_regex(const char *text, regex_t *regex, const regex_t **ret)
{
	char why[128];

	if (*ret)
		regfree(regex);
	*ret = NULL;
	int error = regcomp(regex, text, REG_EXTENDED | REG_NOSUB);
	if (error) {
		regerror(error, regex, why, sizeof(why));
		return cli_usage("'%s' is no regular expression: %s", text,
				 why);
	}
	*ret = regex;
	return CLI_OK;
}

static int
take_debug_dir(const char *arg)
{
	GT_CLEANUP(gt_freep) char *dir = realpath(arg, NULL);

	if (!dir)
		return cli_usage("there is no directory %s: %m", arg);
	if (strchr(dir, ':'))
		return cli_usage("%s: a colon parts directories here", dir);
	return gt_modules_debug_dir(dir) ? CLI_OK : CLI_FAILED;
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
	case OPT_GROUP:
		o->group = DUMP_GROUP_ON;
		break;
	case OPT_NO_GROUP:
		o->group = DUMP_GROUP_OFF;
		break;
	case OPT_STATE:
		return take_states(o, arg);
	case OPT_REASON:
		o->filter.reason = arg;
		break;
	case OPT_MIN_WAIT:
		if (!cli_parse_duration(arg, &o->filter.min_wait_ns))
			return cli_usage("'%s' is no time: 250ms, 1.5s, 10m",
					 arg);
		break;
	case OPT_FUNC:
		return take_regex(arg, &o->func, &o->filter.func);
	case OPT_CREATED_BY:
		return take_regex(arg, &o->created_by, &o->filter.created_by);
	case OPT_LABEL:
		return take_label(o, arg);
	case OPT_ID:
		return take_ids(o, arg);
	case OPT_SORT:
		return take_sort(o, arg);
	case OPT_LIMIT:
		return take_limit(o, arg);
	case OPT_THREADS:
		o->threads = true;
		break;
	case OPT_LIST:
		o->list = true;
		break;
	case OPT_ALL:
		o->all = true;
		break;
	case OPT_CONSISTENT:
		o->consistent = true;
		break;
	case OPT_WAITS:
		o->waits = true;
		break;
	case OPT_CHANNELS:
		o->channels = true;
		break;
	case OPT_DOT:
		o->format = DUMP_DOT;
		break;
	case OPT_DIFF:
		o->diffs = true;
		break;
	case OPT_WATCH:
		if (!cli_parse_duration(arg, &o->watch_ns) || !o->watch_ns)
			return cli_usage("'%s' is no time: 1s, 500ms", arg);
		break;
	case OPT_CORE:
		o->core = arg;
		break;
	case OPT_DEBUG_DIR:
		return take_debug_dir(arg);
	case OPT_DEBUGINFOD:
		if (!getenv("DEBUGINFOD_URLS"))
			return cli_usage("--debuginfod finds no servers in "
					 "DEBUGINFOD_URLS");
		o->debuginfod = true;
		break;
	case OPT_SIGNAL:
		o->signal = true;
		break;
	}
	return CLI_OK;
}

/* What does not go together, and what follows from what was given. */
static int
conclude(struct dump_options *o)
{
	const char *no_color = getenv("NO_COLOR");

	if (o->sort == GT_SORT_COUNT && o->group == DUMP_GROUP_OFF)
		return cli_usage("--sort count is for groups");
	if (o->sort == GT_SORT_COUNT)
		o->group = DUMP_GROUP_ON;
	if (o->format == DUMP_GO && (o->group == DUMP_GROUP_ON || o->threads))
		return cli_usage("--format go has no groups and no threads");
	if (o->format == DUMP_GO && (o->waits || o->channels))
		return cli_usage("--format go shows goroutines only");
	o->waits |= o->channels || o->format == DUMP_DOT ||
		    o->format == DUMP_HTML;
	o->terminal = isatty(STDOUT_FILENO);
	if (o->watch_ns && (!o->terminal || !isatty(STDIN_FILENO)))
		return cli_usage("--watch needs a terminal");
	if (o->format == DUMP_PPROF && o->terminal)
		return cli_usage("a profile is nothing for a terminal: "
				 "redirect it to a file");
	o->colour = o->terminal && o->format == DUMP_TEXT &&
		    !(no_color && *no_color);
	return CLI_OK;
}

/* What is left of the command line: whom to look at. */
static int
take_target(struct dump_options *o, int n, char **args)
{
	if (o->core && n > 1)
		return cli_usage("one program for a core, not also '%s'",
				 args[1]);
	if (o->core && o->watch_ns)
		return cli_usage("a core does not change");
	if (o->core) {
		o->program = args[0];
		return CLI_OK;
	}
	if (o->diffs) {
		if (n != 2)
			return cli_usage("--diff compares two files");
		o->diff[0] = args[0];
		o->diff[1] = args[1];
		return CLI_OK;
	}
	if (o->list || o->all) {
		if (n)
			return cli_usage("--%s takes no process id",
					 o->list ? "list" : "all");
		return CLI_OK;
	}
	if (n == 0)
		return cli_usage("no process id is given");
	if (o->watch_ns && n > 1)
		return cli_usage("--watch shows one process");
	for (int i = 0; i < n; i++)
		if (!cli_parse_pid(args[i], &o->pid))
			return cli_usage("'%s' is no process id", args[i]);
	o->pids = args;
	o->pids_n = n;
	return CLI_OK;
}

int
dump_options_parse(int argc, char **argv, struct dump_options *o)
{
	int opt, options = 0, status = CLI_OK;

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
			options++;
			status = take_option(o, opt, optarg);
		}
	}
	if (status == CLI_OK)
		status = conclude(o);
	if (status != CLI_OK)
		return status;
	if (o->signal && options > 1)
		return cli_usage("--signal goes with no other option: the "
				 "process prints all in its own way");
	return take_target(o, argc - optind, argv + optind);
}

void
dump_options_fini(struct dump_options *o)
{
	if (o->filter.func)
		regfree(&o->func);
	if (o->filter.created_by)
		regfree(&o->created_by);
	free(o->filter.labels);
	free(o->filter.ids);
}
