// SPDX-License-Identifier: MIT
/*
 * goro_leakcheck.c - run a command, and fail if its goroutines leak
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "leak.h"
#include "leak_rules.h"
#include "leak_run.h"

enum { OUTPUTS = 8, EXIT_UNSOUND = 3, SIGNALLED = 128 };

static const struct format {
	const char *name;
	bool (*render)(const struct leak_results *r, int fd);
} formats[] = {
	{ "text", leak_render_text },   { "json", leak_render_json },
	{ "junit", leak_render_junit }, { "sarif", leak_render_sarif },
	{ "tap", leak_render_tap },     { "github", leak_render_github },
};

struct output {
	const struct format *format;
	const char *file; /* NULL: standard output */
};

struct options {
	struct leak_run run;
	struct output output[OUTPUTS];
	int outputs;
	bool fail_on[LEAK_KINDS];
	struct leak_rules rules;
	const char *generate;       /* a file for suppressions, or NULL */
	const char *write_baseline; /* likewise */
};

static const char help[] =
	"Usage: goro-leakcheck [OPTIONS] [--] COMMAND [ARG...]\n"
	"Run a command, and report the goroutines that it leaks: those that "
	"can never\n"
	"go on, which is proven, and those that are left over when main "
	"returns.\n"
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
	"  --suppressions FILE     what not to report\n"
	"  --generate-suppressions FILE\n"
	"                          write what would suppress all that was "
	"found\n"
	"  --baseline FILE         report only what is not in it\n"
	"  --write-baseline FILE   put all that was found into it\n"
	"  --no-heap               without the table of heap blocks: finds "
	"less\n"
	"  -h, --help              this\n"
	"  -V, --version           the version\n"
	"\n"
	"Exit status: the command's own if it fails, else 0 no findings, 1 "
	"findings,\n"
	"2 the check could not run, 3 a verdict was wrong, 64 wrong usage. "
	"See\n"
	"goro-leakcheck(1).\n";

static int
parse_format(struct options *o, char *text)
{
	char *file = strchr(text, '=');
	size_t i = 0, n = sizeof(formats) / sizeof(*formats);

	if (file)
		*file++ = '\0';
	while (i < n && strcmp(text, formats[i].name))
		i++;
	if (i == n)
		return cli_usage("there is no format '%s'", text);
	if (o->outputs == OUTPUTS)
		return cli_usage("too many formats");
	o->output[o->outputs++] = (struct output){ &formats[i], file };
	return CLI_OK;
}

static int
parse_fail_on(struct options *o, char *text)
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
parse_option(struct options *o, int opt, char **argv)
{
	char *end;

	switch (opt) {
	case 'f':
		return parse_format(o, optarg);
	case 'F':
		return parse_fail_on(o, optarg);
	case 'T':
		o->run.timeout_s = (int)strtol(optarg, &end, 10);
		if (*end || o->run.timeout_s <= 0)
			return cli_usage("'%s' is no number of seconds",
					 optarg);
		return CLI_OK;
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

static int
parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "fail-on", required_argument, NULL, 'F' },
		{ "timeout", required_argument, NULL, 'T' },
		{ "suppressions", required_argument, NULL, 'S' },
		{ "generate-suppressions", required_argument, NULL, 'G' },
		{ "baseline", required_argument, NULL, 'B' },
		{ "write-baseline", required_argument, NULL, 'W' },
		{ "no-heap", no_argument, NULL, 'P' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	int opt, status;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+:hV", longs, NULL)) != -1) {
		status = parse_option(o, opt, argv);
		if (status)
			return status;
	}
	if (optind == argc)
		return cli_usage("no command is given");
	o->run.argv = argv + optind;
	if (!o->outputs)
		o->output[o->outputs++] = (struct output){ &formats[0], NULL };
	/* Nothing may come between the parts of an object. */
	for (int i = 0; i < o->outputs; i++)
		o->run.quiet |= !o->output[i].file &&
				o->output[i].format != &formats[0];
	return CLI_OK;
}

static bool
write_output(const struct output *out, const struct leak_results *r)
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

static int
status_of(const struct options *o, const struct leak_results *r)
{
	int status = o->run.status;

	if (WIFSIGNALED(status))
		return SIGNALLED + WTERMSIG(status);
	if (WEXITSTATUS(status))
		return WEXITSTATUS(status);
	if (r->unsound) {
		cli_say("a goroutine that was called leaked has run since; "
			"does the program hide an address?");
		return EXIT_UNSOUND;
	}
	if (r->failures)
		return CLI_FAILED;
	if (!r->checks) {
		cli_say("nothing was checked: no process of %s ended a run of "
			"goroutines",
			o->run.argv[0]);
		return CLI_FAILED;
	}
	for (int k = 0; k < LEAK_KINDS; k++)
		if (o->fail_on[k] && r->count[k])
			return CLI_FINDINGS;
	return CLI_OK;
}

int
main(int argc, char **argv)
{
	struct options o = {
		.fail_on = { [LEAK_DEADLOCK] = true,
			     [LEAK_LEAKED] = true,
			     [LEAK_UNCLOSED] = true,
			     [LEAK_LEFTOVER] = true },
	};
	struct leak_results r = { 0 };
	int status = parse_options(argc, argv, &o);

	if (status != CLI_OK)
		return status;
	unsetenv("DEBUGINFOD_URLS"); /* which would wait for a server */
	if (!leak_run(&o.run, &r))
		return CLI_FAILED;
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
