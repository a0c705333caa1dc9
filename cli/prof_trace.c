// SPDX-License-Identifier: MIT
/*
 * prof_trace.c - goro-prof trace: who ran where and when, and who woke whom
 *
 * The process sends what it has recorded as it is (libgoro/src/trace_format.h);
 * it becomes a picture here.
 */
#include "prof_trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "out_file.h"
#include "prof_watch.h"
#include "trace.h"

#define MAX_BYTES (1 << 30) /* of a file */

static struct gt_error *
cannot_read(const char *file)
{
	return gt_error(GT_SYSTEM, errno, "cannot read %s: %s", file,
			strerror(errno));
}

static struct gt_error *
read_file(const char *file, char **ret, size_t *ret_bytes)
{
	GT_CLEANUP(gt_closep) int fd = open(file, O_RDONLY | O_CLOEXEC);
	GT_CLEANUP(gt_freep) char *bytes = NULL;
	size_t n = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return cannot_read(file);
	if (!S_ISREG(st.st_mode) || st.st_size > MAX_BYTES)
		return gt_error(GT_DAMAGED, 0, "%s is no trace", file);
	bytes = malloc((size_t)st.st_size + 1);
	if (!bytes)
		return &gt_enomem;
	while (n < (size_t)st.st_size) {
		ssize_t got = read(fd, bytes + n, (size_t)st.st_size - n);

		if (got < 0 && errno != EINTR)
			return cannot_read(file);
		if (!got)
			break;
		n += got > 0 ? (size_t)got : 0;
	}
	*ret = gt_steal(bytes);
	*ret_bytes = n;
	return NULL;
}

static struct gt_error *
record(const struct prof_trace *args, char **ret, size_t *ret_bytes)
{
	char question[64] = "flight";
	long ms = args->flight ? 0 : args->ms;

	if (args->from)
		return read_file(args->from, ret, ret_bytes);
	if (!args->flight)
		snprintf(question, sizeof(question), "trace %ld", ms);
	struct gt_error *err = gt_ask_watched(args->pid, question,
					      PROF_PATIENCE_S, prof_watch(ms),
					      ret, ret_bytes);
	prof_watch_end();
	return err;
}

/* @ret  errno of what could not be written, or 0 */
static struct gt_error *
draw(const struct prof_trace *args, struct trace *t, int fd,
     struct trace_summary *ret_summary, int *ret)
{
	struct gt_error *err = &gt_enomem;
	struct trace_out *o;
	struct gt_out out;

	if (!gt_out_init(&out, fd))
		return err;
	o = args->chrome ? trace_chrome_create(&out) :
			   trace_perfetto_create(&out);
	if (o) {
		err = trace_replay(t, o, ret_summary);
		o->destroy(o);
	}
	*ret = gt_out_fini(&out);
	return err;
}

/* What a picture alone does not tell. */
static int
sum_up(const struct trace *t, const struct trace_summary *s)
{
	if (s->quiet)
		cli_say("%" PRIu64 " goroutines that did nothing are left out",
			s->quiet);
	if (t->full)
		cli_say("it was ended early: %" PRIu64 " events are all that "
			"a trace holds",
			s->events);
	if (s->lost)
		cli_say("%" PRIu64 " of %" PRIu64 " events are lost: there "
			"were more than could be taken",
			s->lost, s->lost + s->events);
	return t->full || s->lost ? CLI_FINDINGS : CLI_OK;
}

int
prof_trace(const struct prof_trace *args)
{
	struct trace_summary summary = { 0 };
	struct out_file f;
	struct trace t = { 0 };
	char *bytes = NULL;
	size_t n = 0;
	int status = CLI_FAILED, error = 0;
	struct gt_error *err = record(args, &bytes, &n);

	if (!err)
		err = trace_read(bytes, n, &t);
	if (!err && out_file_open(&f, args->file)) {
		err = draw(args, &t, f.fd, &summary, &error);
		if (out_file_close(&f, err && !error ? ENOMEM : error) && !err)
			status = sum_up(&t, &summary);
	}
	if (err)
		cli_say_error(err);
	trace_fini(&t);
	return status;
}
