// SPDX-License-Identifier: MIT
/*
 * debug_page.c - what there is under /debug/pprof/ and at /metrics
 */
#include "debug_page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "goro/goro.h"
#include "profile.h"
#include "runtime.h"
#include "sched.h"

enum {
	CPU_SECONDS = 30, /* unless the request says otherwise, as in Go */
	MAX_SECONDS = 86400,
};

static const char text_type[] = "text/plain; charset=utf-8";
static const char html_type[] = "text/html; charset=utf-8";

void
gr_pb_printf(struct gr_pb *pb, const char *format, ...)
{
	char text[2048];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n > 0)
		gr_pb_raw(pb, text,
			  (size_t)n < sizeof(text) ? (size_t)n :
						     sizeof(text) - 1);
}

/* --- Parameters ------------------------------------------------------------ */

/* The value of @name in the query, or NULL. */
static const char *
parameter(const struct gr_page *pg, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = pg->query; *at; at += *at == '&') {
		if (!strncmp(at, name, n) && at[n] == '=')
			return at + n + 1;
		at += strcspn(at, "&");
	}
	return NULL;
}

/* A whole number up to the next parameter; 0: it is none. */
static long
number(const char *text)
{
	char *end;
	long v;

	if (!text)
		return 0;
	errno = 0;
	v = strtol(text, &end, 10);
	return end == text || errno || (*end && *end != '&') ? 0 : v;
}

/* --- Answers --------------------------------------------------------------- */

static void
complain(struct gr_page *pg, int status, const char *text)
{
	gr_pb_fini(&pg->text);
	pg->status = status;
	pg->type = text_type;
	pg->file[0] = '\0';
	pg->complaint = true;
	gr_pb_printf(&pg->text, "%s\n", text);
}

static const char *
reason(int err)
{
	switch (err) {
	case -EBUSY:
		return "cpu profiling already in use";
	case -EPERM:
		return "the program handles SIGPROF itself";
	case -EOPNOTSUPP:
		return "creators are known of cpu, goroutine and wall";
	case -ENODATA:
		return "allocations are not sampled: start the program with "
		       "LD_PRELOAD=libgoro-heapprof.so";
	case -ENOMEM:
		return "out of memory";
	default:
		return strerror(-err);
	}
}

static void
attach(struct gr_page *pg, const char *name, const char *tail)
{
	pg->type = "application/octet-stream";
	snprintf(pg->file, sizeof(pg->file), "%s%s", name, tail);
}

static void
begin(struct gr_page *pg, const char *name, long seconds)
{
	char text[128];
	int err = gr_profile_begin(&pg->session, name, 0,
				   number(parameter(pg, "creator")));

	if (!err) {
		pg->lasts = true;
		pg->until_ns = gr_now_ns() +
			       GR_MIN(seconds, (long)MAX_SECONDS) * 1000000000;
		return;
	}
	snprintf(text, sizeof(text), "Could not enable %s profiling: %s",
		 strcmp(name, "cpu") ? name : "CPU", reason(err));
	complain(pg, 500, text);
}

static void
cpu_profile(struct gr_page *pg)
{
	long seconds = number(parameter(pg, "seconds"));

	attach(pg, "profile", "");
	begin(pg, "cpu", seconds > 0 ? seconds : CPU_SECONDS);
}

static void
difference(struct gr_page *pg, const char *name, const char *seconds)
{
	long n = number(seconds);

	if (n <= 0) {
		complain(pg, 400,
			 "invalid value for \"seconds\" - must be a positive "
			 "integer");
	} else if (number(parameter(pg, "debug"))) {
		complain(pg, 400, "seconds and debug params are incompatible");
	} else {
		attach(pg, name, "-delta");
		begin(pg, name, n);
	}
}

static void
profile(struct gr_page *pg, const char *name)
{
	const char *seconds = parameter(pg, "seconds");
	long debug = number(parameter(pg, "debug"));
	int kind = gr_profile_find(name), err;

	if (kind < 0 && strcmp(name, "wall")) {
		complain(pg, 404, "Unknown profile");
		return;
	}
	if (seconds || kind < 0) {
		difference(pg, name, seconds ? seconds : "1");
		return;
	}
	if (!debug) {
		attach(pg, name, "");
		err = gr_profile_make((enum gr_profile_kind)kind, NULL,
				      number(parameter(pg, "creator")),
				      &pg->text);
	} else if (debug >= 2 && kind == GR_PROFILE_GOROUTINE) {
		pg->type = text_type;
		err = gr_traceback_put(&pg->text);
	} else {
		pg->type = text_type;
		err = gr_profile_put_text(kind, &pg->text);
	}
	if (err)
		complain(pg, 500, reason(err));
}

static void
index_page(struct gr_page *pg)
{
	static const char *const about[GR_PROFILE_KINDS] = {
		[GR_PROFILE_GOROUTINE] = "stacks of all goroutines",
		[GR_PROFILE_CREATION] = "the same by who started them",
		[GR_PROFILE_THREADCREATE] = "threads of the runtime",
		[GR_PROFILE_CHAN] = "channels by who made them",
		[GR_PROFILE_GOROUTINELEAK] = "those that can never go on",
		[GR_PROFILE_HEAP] = "memory in use, by who asked for it",
		[GR_PROFILE_ALLOCS] = "the same with what was freed",
		[GR_PROFILE_BLOCK] = "waits for other goroutines",
		[GR_PROFILE_WAIT] = "the same with sleeps and I/O",
		[GR_PROFILE_MUTEX] = "unlocks that others waited for",
		[GR_PROFILE_SCHEDLATENCY] = "from ready to running",
	};
	struct gr_pb *to = &pg->text;

	pg->type = html_type;
	gr_pb_printf(to, "<html>\n<head><title>/debug/pprof/</title></head>\n"
			 "<body>\n/debug/pprof/<br><br>\n"
			 "<table>\n<tr><td>Count<td>Profile\n");
	for (int i = 0; i < GR_PROFILE_KINDS; i++) {
		const char *name = gr_profile_names[i];

		gr_pb_printf(to,
			     "<tr><td>%zu<td><a href='%s?debug=1'>%s</a> %s\n",
			     gr_profile_count((enum gr_profile_kind)i), name,
			     name, about[i]);
	}
	gr_pb_printf(to, "<tr><td><td><a href='profile?seconds=10'>profile</a> "
			 "CPU time, for seconds=\n"
			 "<tr><td><td><a href='wall?seconds=10'>wall</a> all "
			 "goroutines, sampled for seconds=\n"
			 "<tr><td><td><a href='cmdline'>cmdline</a>\n"
			 "<tr><td><td><a href='/metrics'>metrics</a> for "
			 "Prometheus\n</table>\n"
			 "<a href='goroutine?debug=2'>full goroutine stack "
			 "dump</a>\n</body>\n</html>\n");
}

static void
cmdline(struct gr_page *pg)
{
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	char piece[4096];
	ssize_t n;

	pg->type = text_type;
	while (fd >= 0 && (n = read(fd, piece, sizeof(piece))) > 0)
		gr_pb_raw(&pg->text, piece, (size_t)n);
	if (fd >= 0)
		close(fd);
	if (pg->text.n)
		pg->text.n--; /* each argument's end; Go has no last one */
}

static void
symbol(struct gr_page *pg)
{
	pg->type = text_type;
	gr_pb_printf(&pg->text, "num_symbols: 1\n");
	gr_symbols_put(pg->body ? pg->body : pg->query, &pg->text);
}

static void
metrics(struct gr_page *pg)
{
	pg->type = "text/plain; version=0.0.4; charset=utf-8";
	gr_metrics_put(&pg->text);
}

static void
trace(struct gr_page *pg)
{
	complain(pg, 500,
		 "Could not enable tracing: this libgoro takes no traces");
}

/* Answer, or begin what lasts. */
void
gr_page_open(struct gr_page *pg)
{
	static const struct {
		const char *path;
		void (*open)(struct gr_page *pg);
	} pages[] = {
		{ "/debug/pprof/", index_page },
		{ "/debug/pprof/cmdline", cmdline },
		{ "/debug/pprof/profile", cpu_profile },
		{ "/debug/pprof/symbol", symbol },
		{ "/debug/pprof/trace", trace },
		{ "/metrics", metrics },
	};
	static const char prefix[] = "/debug/pprof/";

	pg->status = 200;
	pg->type = text_type;
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++)
		if (!strcmp(pages[i].path, pg->path)) {
			pages[i].open(pg);
			return;
		}
	if (!strncmp(pg->path, prefix, sizeof(prefix) - 1))
		profile(pg, pg->path + sizeof(prefix) - 1);
	else
		complain(pg, 404, "404 page not found");
}

int64_t
gr_page_tick(struct gr_page *pg)
{
	int64_t next_ns = gr_profile_tick(&pg->session);

	return GR_MIN(next_ns, pg->until_ns);
}

void
gr_page_close(struct gr_page *pg)
{
	int err = gr_profile_end(&pg->session, &pg->text);

	pg->lasts = false;
	if (err)
		complain(pg, 500, reason(err));
}

void
gr_page_drop(struct gr_page *pg)
{
	if (pg->lasts)
		gr_profile_end(&pg->session, NULL);
	gr_pb_fini(&pg->text);
	pg->lasts = false;
}
