// SPDX-License-Identifier: MIT
/*
 * goro_prof.c - what is the time spent on: profile a running process
 *
 * The process takes the profile itself, asked as in docs/AGENT.md; what it
 * does not know, files, lines and inlined functions, is added here.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "out_file.h"
#include "prof_show.h"
#include "prof_trace.h"
#include "prof_watch.h"
#include "tracer/profile_look.h"

enum {
	DEFAULT_MS = 10000,
	MAX_S = 86400,
	WALL_HZ = 99,
	LABELS = 16, /* to be had at once */
};

struct options {
	const char *kind;
	pid_t pid;
	long ms; /* -1: what is usual for the kind */
	long hz;
	const char *file;  /* NULL: stdout */
	const char *flame; /* a file, or NULL */
	bool top;
	bool creator;
	const char *label[LABELS]; /* "KEY=VALUE" or "KEY" */
	size_t labels_n;
	const char *diff[2]; /* instead of all that */
	const char *read; /* of a trace: a file; or NULL */
	bool chrome, flight;
};

/* Kinds that are of a moment unless a time is given; the others happen. */
static const char *const kinds[] = { "goroutine",     "creation",
				     "threadcreate",  "chan",
				     "goroutineleak", "heap",
				     "allocs" };

static const char help[] = "Usage: goro-prof [OPTIONS] KIND PID\n"
			   "       goro-prof [-o FILE] --read FILE trace\n"
			   "       goro-prof --diff FILE FILE\n"
			   "Profile a running process that runs on libgoro; go "
			   "tool pprof opens "
			   "the result.\n"
			   "\n"
			   "KIND is\n"
			   "  cpu           CPU time\n"
			   "  wall          all goroutines, running and "
			   "waiting\n"
			   "  block, wait   waits for other goroutines; sleeps "
			   "and I/O too\n"
			   "  mutex         unlocks that others waited for\n"
			   "  schedlatency  from ready to running\n"
			   "  goroutine     the goroutines there are; "
			   "creation: by who started "
			   "them\n"
			   "  threadcreate  threads; chan: channels, by who "
			   "made them\n"
			   "  goroutineleak goroutines that can never go on\n"
			   "  heap, allocs  memory in use, and all of it; "
			   "needs libgoro-heapprof\n"
			   "  trace         who ran when and where, and who woke "
			   "whom, for\n"
			   "                ui.perfetto.dev\n"
			   "\n"
			   "  -d SECONDS    for so long; 10, or from goroutine "
			   "on 0, a moment;\n"
			   "                Ctrl-C ends it early\n"
			   "  -o FILE       write it there; else to stdout\n"
			   "  --hz N        samples a second, for cpu (100) "
			   "and wall (99)\n"
			   "  --label K=V   only what has this label, or "
			   "any with the key K\n"
			   "  --creator     tell who started the goroutines, "
			   "as a label\n"
			   "  --flame FILE  draw a flame graph: FILE.svg, or "
			   "FILE.html\n"
			   "  --top         print a table of functions "
			   "instead, or as well as "
			   "-o FILE\n"
			   "  --diff A B    print how much more B has than A\n"
			   "  --chrome      a trace as Chrome's JSON\n"
			   "  --flight      a trace of the last seconds, from "
			   "the flight recorder\n"
			   "  --read FILE   a trace that the flight recorder "
			   "has left\n"
			   "  -h, --help    this\n"
			   "  -V, --version the version\n"
			   "\n"
			   "Exit status: 0 done, 1 lines could not be added, 2 "
			   "there is no "
			   "profile,\n"
			   "64 wrong usage. See goro-prof(1).\n";

/* --- Options -------------------------------------------------------------- */

static bool
parse_number(const char *text, double max, double *ret)
{
	char *end;

	*ret = strtod(text, &end);
	return end != text && !*end && *ret >= 0 && *ret <= max;
}

static bool
is_trace(const struct options *o)
{
	return !strcmp(o->kind, "trace");
}

static int
parse_operands(int argc, char **argv, struct options *o, bool diff)
{
	int n = argc - optind;

	if (diff) {
		if (n != 2)
			return cli_usage("--diff takes two files");
		o->diff[0] = argv[optind];
		o->diff[1] = argv[optind + 1];
		return CLI_OK;
	}
	if (n != (o->read ? 1 : 2))
		return o->read ? cli_usage("--read takes trace, and nothing "
					   "else") :
				 cli_usage("a kind and a process id are "
					   "needed");
	o->kind = argv[optind];
	if (strspn(o->kind, "abcdefghijklmnopqrstuvwxyz") != strlen(o->kind) ||
	    !*o->kind || strlen(o->kind) > 31)
		return cli_usage("'%s' is no kind of profile", o->kind);
	if (is_trace(o) ? o->top || o->flame || o->hz || o->creator ||
				  o->labels_n :
			  o->chrome || o->flight || o->read)
		return cli_usage("that is not for %s", o->kind);
	if (!o->read && !cli_parse_pid(argv[optind + 1], &o->pid))
		return cli_usage("'%s' is no process id", argv[optind + 1]);
	if (!o->file && !o->top && !o->flame && isatty(STDOUT_FILENO))
		return cli_usage("a profile is not for a terminal: -o FILE, or "
				 "--top");
	return CLI_OK;
}

static int
parse_options(int argc, char **argv, struct options *o)
{
	enum {
		OPT_HZ = 256,
		OPT_TOP,
		OPT_FLAME,
		OPT_DIFF,
		OPT_LABEL,
		OPT_CREATOR,
		OPT_CHROME,
		OPT_FLIGHT,
		OPT_READ,
	};
	static const struct option longs[] = {
		{ "hz", required_argument, NULL, OPT_HZ },
		{ "top", no_argument, NULL, OPT_TOP },
		{ "label", required_argument, NULL, OPT_LABEL },
		{ "creator", no_argument, NULL, OPT_CREATOR },
		{ "flame", required_argument, NULL, OPT_FLAME },
		{ "diff", no_argument, NULL, OPT_DIFF },
		{ "chrome", no_argument, NULL, OPT_CHROME },
		{ "flight", no_argument, NULL, OPT_FLIGHT },
		{ "read", required_argument, NULL, OPT_READ },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 },
	};
	bool diff = false;
	double number;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":d:o:hV", longs, NULL)) != -1) {
		switch (opt) {
		case 'd':
			if (!parse_number(optarg, MAX_S, &number))
				return cli_usage("'%s' is no number of seconds",
						 optarg);
			o->ms = (long)(number * 1000);
			break;
		case OPT_HZ:
			if (!parse_number(optarg, 10000, &number) || number < 1)
				return cli_usage("'%s' is no frequency",
						 optarg);
			o->hz = (long)number;
			break;
		case 'o':
			o->file = optarg;
			break;
		case OPT_TOP:
			o->top = true;
			break;
		case OPT_FLAME:
			o->flame = optarg;
			break;
		case OPT_LABEL:
			if (o->labels_n == LABELS)
				return cli_usage("too many labels");
			o->label[o->labels_n++] = optarg;
			break;
		case OPT_CREATOR:
			o->creator = true;
			break;
		case OPT_DIFF:
			diff = true;
			break;
		case OPT_CHROME:
			o->chrome = true;
			break;
		case OPT_FLIGHT:
			o->flight = true;
			break;
		case OPT_READ:
			o->read = optarg;
			break;
		case 'h':
			exit(cli_print(help));
		case 'V':
			exit(cli_print("goro-prof " GORO_VERSION "\n"));
		case ':':
			return cli_usage("%s needs an argument",
					 argv[optind - 1]);
		default:
			return cli_usage("there is no option %s",
					 argv[optind - 1]);
		}
	}
	return parse_operands(argc, argv, o, diff);
}

/* --- Asking ---------------------------------------------------------------- */

static bool
is_of_a_moment(const char *kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i], kind))
			return true;
	return false;
}

/* When the process cannot be asked, goroutines can still be looked at. */
static struct gt_error *
look(const struct options *o, const struct gt_ask_watch *watch, int64_t ms,
     struct gt_error *refused, struct gt_profile *ret)
{
	const struct gt_profile_looks looks = {
		.wall = !strcmp(o->kind, "wall"),
		.ms = ms,
		.hz = o->hz ? o->hz : WALL_HZ,
		.creator = o->creator,
		.watch = watch,
	};

	if ((refused->code != GT_NO_RUNTIME && refused->sys != ETIMEDOUT) ||
	    (!looks.wall && (strcmp(o->kind, "goroutine") || ms)))
		return refused;
	struct gt_error *err = gt_profile_look(o->pid, &looks, ret);
	if (err) {
		gt_error_free(err);
		gt_profile_fini(ret);
		return refused;
	}
	cli_say("%s: it was looked at from outside", refused->text);
	gt_error_free(refused);
	return NULL;
}

static struct gt_error *
ask(const struct options *o, struct gt_profile *ret)
{
	GT_CLEANUP(gt_freep) char *bytes = NULL;
	char question[128];
	long ms = o->ms;
	size_t n;

	if (ms < 0)
		ms = is_of_a_moment(o->kind) ? 0 : DEFAULT_MS;
	snprintf(question, sizeof(question), "profile %s %ld %ld%s", o->kind,
		 ms, o->hz, o->creator ? " creator" : "");
	const struct gt_ask_watch *watch = prof_watch(ms);
	struct gt_error *err = gt_ask_watched(o->pid, question, PROF_PATIENCE_S,
					      watch, &bytes, &n);
	if (err && !prof_interrupted())
		err = look(o, watch, ms, err, ret);
	else if (!err)
		err = gt_profile_read(bytes, n, ret);
	prof_watch_end();
	return err;
}

/* Lines for all that is in the program's files; without the right to look
 * into the process, or when it has ended, there are none. */
static struct gt_error *
add_lines(const struct options *o, struct gt_profile *p)
{
	GT_CLEANUP(gt_target_destroyp) struct gt_target *t = NULL;
	struct gt_modules modules;
	struct gt_abi abi;
	struct gt_error *err = gt_target_live_open(o->pid, &t);

	if (!err)
		err = gt_abi_find(t, &abi);
	if (!err)
		err = gt_modules_init(&modules, t);
	if (err)
		return err;
	err = gt_profile_add_lines(p, &modules, &abi, !strcmp(o->kind, "cpu"));
	gt_modules_fini(&modules);
	return err;
}

/* --- Writing --------------------------------------------------------------- */

static int
write_profile(const struct options *o, const struct gt_profile *p)
{
	GT_CLEANUP(gt_freep) void *bytes = NULL;
	size_t n = 0;
	struct gt_error *err = gt_profile_write(p, &bytes, &n);

	if (err) {
		cli_say_error(err);
		return CLI_FAILED;
	}
	return out_file_write(o->file, bytes, n) ? CLI_OK : CLI_FAILED;
}

static int
show(const struct gt_profile *p, const struct gt_profile *base)
{
	struct gt_error *err = prof_top(p, base, stdout);

	if (err) {
		cli_say_error(err);
		return CLI_FAILED;
	}
	return cli_print("");
}

/* In memory first, then as any file. */
static int
draw(const struct options *o, const struct gt_profile *p)
{
	size_t length = strlen(o->flame);
	bool html = length > 5 && !strcmp(o->flame + length - 5, ".html");
	GT_CLEANUP(gt_freep) char *bytes = NULL;
	char title[128];
	size_t n = 0;
	FILE *to = open_memstream(&bytes, &n);
	struct gt_error *err = &gt_enomem;

	snprintf(title, sizeof(title), "%s of process %d", o->kind, o->pid);
	if (to) {
		err = prof_flame(p, title, html, to);
		if (fclose(to) && !err)
			err = &gt_enomem;
	}
	if (err) {
		cli_say_error(err);
		return CLI_FAILED;
	}
	return out_file_write(o->flame, bytes, n) ? CLI_OK : CLI_FAILED;
}

static int
profile(const struct options *o)
{
	struct gt_profile p;
	int status = CLI_OK;
	struct gt_error *err = ask(o, &p);

	if (err) {
		cli_say_error(err);
		return CLI_FAILED;
	}
	for (size_t i = 0; i < o->labels_n; i++)
		prof_keep_labelled(&p, o->label[i]);
	err = add_lines(o, &p);
	if (err) {
		cli_say("files and lines are not in it:");
		cli_say_error(err);
		status = CLI_FINDINGS;
	}
	int failed = CLI_OK;
	if (o->file || !(o->top || o->flame))
		failed = write_profile(o, &p);
	if (!failed && o->flame)
		failed = draw(o, &p);
	if (!failed && o->top)
		failed = show(&p, NULL);
	gt_profile_fini(&p);
	return failed ? failed : status;
}

static struct gt_error *
read_file(const char *file, struct gt_profile *ret)
{
	GT_CLEANUP(gt_closep) int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return gt_error(GT_SYSTEM, errno, "cannot open %s: %s", file,
				strerror(errno));
	return gt_profile_read_fd(fd, ret);
}

static int
diff(const struct options *o)
{
	struct gt_profile a = { 0 }, b = { 0 };
	struct gt_error *err = read_file(o->diff[0], &a);
	int status = CLI_FAILED;

	if (!err)
		err = read_file(o->diff[1], &b);
	if (err)
		cli_say_error(err);
	else if (a.types_n != b.types_n ||
		 strcmp(a.strings.at[a.type[gt_profile_shown(&a)].type],
			b.strings.at[b.type[gt_profile_shown(&b)].type]))
		cli_say("the two are of different kinds");
	else
		status = show(&b, &a);
	gt_profile_fini(&a);
	gt_profile_fini(&b);
	return status;
}

int
main(int argc, char **argv)
{
	struct options o = { .ms = -1 };
	int status = parse_options(argc, argv, &o);

	if (status != CLI_OK)
		return status;
	/* libdwfl would ask a server for missing debug information. */
	unsetenv("DEBUGINFOD_URLS");
	if (o.diff[0])
		return diff(&o);
	if (!is_trace(&o))
		return profile(&o);
	return prof_trace(&(struct prof_trace){
		.pid = o.pid,
		.ms = o.ms < 0 ? DEFAULT_MS : o.ms,
		.from = o.read,
		.file = o.file,
		.chrome = o.chrome,
		.flight = o.flight,
	});
}
