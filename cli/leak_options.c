// SPDX-License-Identifier: MIT
/*
 * leak_options.c - what goro-leakcheck was asked for
 */
#include "leak_options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "leak_self.h"

/* From a minute on tracebacks say for how long somebody waits. */
#define MIN_WAIT_NS UINT64_C(60000000000)
#define EVERY_NS UINT64_C(10000000000)

static const struct leak_format formats[] = {
	{ "text", leak_render_text },   { "json", leak_render_json },
	{ "junit", leak_render_junit }, { "sarif", leak_render_sarif },
	{ "tap", leak_render_tap },     { "github", leak_render_github },
};

static const char help[] =
	"Usage: goro-leakcheck [OPTIONS] [--] COMMAND [ARG...]\n"
	"       goro-leakcheck [OPTIONS] --pid PID\n"
	"       goro-leakcheck [OPTIONS] --core CORE [EXE]\n"
	"       goro-leakcheck --self-test\n"
	"Run a command, and report the goroutines that it leaks: those that "
	"can never\n"
	"go on, which is proven, and those that are left over when main "
	"returns. Or\n"
	"look at a process that runs, or at a core.\n"
	"\n"
	"  --format FORMAT[=FILE]  text (the default), json, junit, sarif, tap "
	"or github;\n"
	"                          several times, to several files\n"
	"  --fail-on KIND,...      what makes it fail: leaked, deadlock,\n"
	"                          unclosed-channel, leftover (the default: "
	"these\n"
	"                          four), suspect, none\n"
	"  --timeout SECONDS       look at the goroutines and end the command "
	"if it\n"
	"                          still runs then\n"
	"  --pid PID               have this process check itself; it goes on\n"
	"  --core CORE             what can be told of a core\n"
	"  --min-wait TIME         who is blocked for longer is a suspect "
	"(1m)\n"
	"  --samples N             look at the process so often: who becomes "
	"more each\n"
	"                          time is a suspect, too\n"
	"  --every TIME            and so long after each other (10s)\n"
	"  --suppressions FILE     what not to report\n"
	"  --generate-suppressions FILE\n"
	"                          write what would suppress all that was "
	"found\n"
	"  --baseline FILE         report only what is not in it\n"
	"  --write-baseline FILE   put all that was found into it\n"
	"  --no-heap               without the table of heap blocks: finds "
	"less\n"
	"  --children, --no-children\n"
	"                          check the command's child processes too "
	"(the\n"
	"                          default), or not\n"
	"  --self-test             plant a leak, and see it found\n"
	"  -h, --help              this\n"
	"  -V, --version           the version\n"
	"\n"
	"Exit status: the command's own if it fails, else 0 no findings, 1 "
	"findings,\n"
	"2 the check could not run, 3 a verdict was wrong, 64 wrong usage. "
	"See\n"
	"goro-leakcheck(1).\n";

static int
parse_format(struct leak_options *o, char *text)
{
	char *file = strchr(text, '=');
	size_t i = 0, n = sizeof(formats) / sizeof(*formats);

	if (file)
		*file++ = '\0';
	while (i < n && strcmp(text, formats[i].name))
		i++;
	if (i == n)
		return cli_usage("there is no format '%s'", text);
	if (o->outputs == LEAK_OUTPUTS)
		return cli_usage("too many formats");
	o->output[o->outputs++] = (struct leak_output){ &formats[i], file };
	return CLI_OK;
}

static int
parse_fail_on(struct leak_options *o, char *text)
{
	char *kind;

	memset(o->fail_on, 0, sizeof(o->fail_on));
	while ((kind = strsep(&text, ","))) {
		int k = 0;

		if (!strcmp(kind, "none"))
			continue;
		while (k < LEAK_KINDS && strcmp(kind, leak_kind_names[k]))
			k++;
		if (k == LEAK_KINDS)
			return cli_usage("there is no kind '%s'", kind);
		o->fail_on[k] = true;
	}
	return CLI_OK;
}

static int
parse_number(const char *text, const char *what, int *ret)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n <= 0 || n > 1000000000)
		return cli_usage("'%s' is no number of %s", text, what);
	*ret = (int)n;
	return CLI_OK;
}

static int
parse_time(const char *text, uint64_t *ret)
{
	return cli_parse_duration(text, ret) ?
		       CLI_OK :
		       cli_usage("'%s' is no time, as 10s or 5m are", text);
}

static int
parse_option(struct leak_options *o, int opt, char **argv)
{
	switch (opt) {
	case 'f':
		return parse_format(o, optarg);
	case 'F':
		return parse_fail_on(o, optarg);
	case 'T':
		return parse_number(optarg, "seconds", &o->run.timeout_s);
	case 'p':
		return cli_parse_pid(optarg, &o->ask.pid) ?
			       CLI_OK :
			       cli_usage("'%s' is no process id", optarg);
	case 'c':
		o->ask.core = optarg;
		return CLI_OK;
	case 'm':
		return parse_time(optarg, &o->ask.min_wait_ns);
	case 'n':
		return parse_number(optarg, "samples", &o->ask.samples);
	case 'e':
		return parse_time(optarg, &o->ask.every_ns);
	case 'S':
		return leak_rules_read(&o->rules, optarg) ? CLI_OK : CLI_FAILED;
	case 'B':
		return leak_baseline_read(&o->rules, optarg) ? CLI_OK :
							       CLI_FAILED;
	case 'W':
		o->write_baseline = optarg;
		return CLI_OK;
	case 'G':
		o->generate = optarg;
		return CLI_OK;
	case 'P':
		o->run.plain_heap = true;
		return CLI_OK;
	case 'C':
		o->run.alone = false;
		return CLI_OK;
	case 'A':
		o->run.alone = true;
		return CLI_OK;
	case 's':
		o->self_test = true;
		if (!optarg)
			return CLI_OK;
		if (!strcmp(optarg, LEAK_PLANTED))
			exit(leak_plant());
		return cli_usage("--self-test has no argument");
	case 'h':
		exit(cli_print(help));
	case 'V':
		exit(cli_print("goro-leakcheck " GORO_VERSION "\n"));
	case ':':
		return cli_usage("%s needs an argument", argv[optind - 1]);
	default:
		return cli_usage("there is no option %s", argv[optind - 1]);
	}
}

/* What is left of the command line, and whether all of it makes sense. */
static int
parse_rest(struct leak_options *o, int argc, char **argv)
{
	bool runs = o->ask.pid || o->ask.core || o->self_test;

	if (o->ask.pid && o->ask.core)
		return cli_usage("a process or a core, not both");
	if (o->ask.core && argc == 1)
		o->ask.program = *argv;
	else if (runs && argc)
		return cli_usage("'%s' is too much", *argv);
	else if (!runs && !argc)
		return cli_usage("no command is given");
	if (o->ask.core && o->ask.samples > 1)
		return cli_usage("a core is one sample");
	if (!o->ask.pid && o->ask.samples > 1)
		return cli_usage("--samples is for --pid");
	if (!runs)
		o->run.argv = argv;
	return CLI_OK;
}

int
leak_options_parse(int argc, char **argv, struct leak_options *ret)
{
	static const struct option longs[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "fail-on", required_argument, NULL, 'F' },
		{ "timeout", required_argument, NULL, 'T' },
		{ "pid", required_argument, NULL, 'p' },
		{ "core", required_argument, NULL, 'c' },
		{ "min-wait", required_argument, NULL, 'm' },
		{ "samples", required_argument, NULL, 'n' },
		{ "every", required_argument, NULL, 'e' },
		{ "suppressions", required_argument, NULL, 'S' },
		{ "generate-suppressions", required_argument, NULL, 'G' },
		{ "baseline", required_argument, NULL, 'B' },
		{ "write-baseline", required_argument, NULL, 'W' },
		{ "no-heap", no_argument, NULL, 'P' },
		{ "children", no_argument, NULL, 'C' },
		{ "no-children", no_argument, NULL, 'A' },
		/* The argument is how it starts itself. */
		{ "self-test", optional_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	struct leak_options *o = ret;
	int opt, status;

	*o = (struct leak_options){
		.ask = { .samples = 1,
			 .every_ns = EVERY_NS,
			 .min_wait_ns = MIN_WAIT_NS },
		.fail_on = { [LEAK_DEADLOCK] = true,
			     [LEAK_LEAKED] = true,
			     [LEAK_UNCLOSED] = true,
			     [LEAK_LEFTOVER] = true },
	};
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+:hV", longs, NULL)) != -1) {
		status = parse_option(o, opt, argv);
		if (status)
			return status;
	}
	status = parse_rest(o, argc - optind, argv + optind);
	if (status)
		return status;
	if (!o->outputs)
		o->output[o->outputs++] = (struct leak_output){ &formats[0],
								NULL };
	/* Nothing may come between the parts of an object. */
	for (int i = 0; i < o->outputs; i++)
		o->run.quiet |= !o->output[i].file &&
				o->output[i].format != &formats[0];
	return CLI_OK;
}
