// SPDX-License-Identifier: MIT
/*
 * tool.c - telling goro-leakcheck what was found
 *
 * Idea       The tool listens on a socket, whose path it leaves in the
 *            environment: so children of children find it too, and nothing has
 *            to be inherited. Each check is one connection; the process waits
 *            until the tool has read its names and lines, which it takes from
 *            the live process.
 * Protocol   Lines of words, each with a key first; names are the last on
 *            theirs. docs/LEAKS.md lists them. The answer is one byte.
 * When       main returns, the program calls exit() inside of a run, all
 *            goroutines are asleep, or it is told to end (ending.h). And
 *            whenever the tool asks (ask.h).
 */
#include "leak/tool.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent.h"
#include "futex.h"
#include "goro/goro.h"
#include "leak/ending.h"
#include "leak/left.h"
#include "leak/report.h"
#include "sched.h"

enum {
	PATIENCE_MS = 60000, /* for the tool to look up names */
	TURN_US = 2000,      /* and then look again, so often */
	TURNS = 10000,
};

static uint32_t running; /* [pair leak-run] a run that was not checked yet */
static pid_t run_by;     /* that process; a forked child has no part in it */

static const char *
socket_path(void)
{
	const char *path = getenv(GR_LEAK_TOOL_ENV);

	return path && *path ? path : NULL;
}

bool
gr_leak_tool_wanted(void)
{
	return socket_path() != NULL;
}

static int
call_tool(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const char *path = socket_path();
	int fd;

	if (!path || strlen(path) >= sizeof(at.sun_path))
		return -1;
	strcpy(at.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* A name as the last thing on a line. */
static void
put_text(FILE *to, const char *key, const char *text)
{
	if (!*text)
		return;
	fprintf(to, "%s ", key);
	for (; *text; text++)
		fputc((unsigned char)*text < ' ' ? '?' : *text, to);
	fputc('\n', to);
}

static void
put_object(const struct gr_leak_obj *o, FILE *to)
{
	if (!o->addr && !o->id)
		return;
	fprintf(to,
		"object 0x%" PRIxPTR " %" PRIu64 " %" PRIu64 " 0x%" PRIxPTR
		" %" PRIu64 " %" PRIu64 " %" PRIu64 " %d\n",
		o->addr, o->id, o->creator_id, o->creator_pc, o->elem_bytes,
		o->cap, o->len, o->closed);
	put_text(to, "object-name", o->name);
}

static void
put_other(const char *key, const struct gr_leak_other *o, FILE *to)
{
	if (o->id)
		fprintf(to, "%s %" PRIu64 " %d 0x%" PRIxPTR "\n", key, o->id,
			o->ended, o->pc);
}

/* Who used to hold the other side. */
static void
put_others(const struct gr_leak_group *g, FILE *to)
{
	if (g->reason == GORO_WAIT_CHAN_RECV ||
	    g->kind == GORO_LEAK_UNCLOSED_CHAN)
		put_other("last-sender", &g->obj.last_sender, to);
	if (g->reason == GORO_WAIT_CHAN_SEND)
		put_other("last-receiver", &g->obj.last_receiver, to);
	put_other("left-by", &g->obj.left, to);
}

/* The story, and how it would go on behind the number of several: the tool may
 * find that two groups are of one line. */
static void
put_stories(const struct gr_leak_group *g, FILE *to)
{
	struct gr_leak_group several = *g;
	char story[1024];

	gr_leak_story(g, story, sizeof(story));
	put_text(to, "story", story);
	if (g->kind == GORO_LEAK_UNCLOSED_CHAN || gr_leak_is_hint(g->kind))
		return;
	several.n = 2;
	gr_leak_story(&several, story, sizeof(story));
	put_text(to, "stories", story + strlen("2 "));
}

static void
put_way(const struct gr_leak_group *g, FILE *to)
{
	static const char *const kinds[GR_LEAK_STEP_KINDS] = {
		[GR_LEAK_DATA] = "data",
		[GR_LEAK_GOROUTINE_STACK] = "goroutine-stack",
		[GR_LEAK_ARGUMENT] = "argument",
		[GR_LEAK_THREAD_STACK] = "thread-stack",
		[GR_LEAK_THREAD_LOCAL] = "thread-local",
		[GR_LEAK_REGISTER] = "register",
		[GR_LEAK_TIMER] = "timer",
		[GR_LEAK_NAMED] = "named",
		[GR_LEAK_HEAP] = "heap",
		[GR_LEAK_MEMORY] = "memory",
		[GR_LEAK_BLOCK] = "block",
		[GR_LEAK_STACK] = "stack",
		[GR_LEAK_CHANNEL] = "channel",
		[GR_LEAK_LOCK] = "lock",
	};

	for (unsigned i = 0; i < g->way_n; i++) {
		fprintf(to, "alive-by %s 0x%" PRIxPTR " %" PRIu64 "\n",
			kinds[g->way[i].kind], g->way[i].addr, g->way[i].id);
		if (!i && g->way_more)
			fprintf(to, "alive-by more 0 %zu\n", g->way_more);
	}
}

static void
put_group(struct gr_leak *l, const struct gr_leak_group *g, FILE *to)
{
	fprintf(to, "group %s %" PRIu64 "\n", gr_leak_kind_names[g->kind],
		g->n);
	if (g->ids != UINT32_MAX) {
		fprintf(to, gr_leak_is_hint(g->kind) ? "keeps" : "ids");
		for (uint32_t at = g->ids; at != UINT32_MAX;) {
			const struct gr_leak_id *id = gr_vec_at(
				&l->id, struct gr_leak_id, at);

			fprintf(to, " %" PRIu64, id->id);
			at = id->next;
		}
		fprintf(to, "\n");
		if (!gr_leak_is_hint(g->kind))
			fprintf(to, "state %s\n", gr_leak_state_name(g));
	}
	fprintf(to, "creator %" PRIu64 " 0x%" PRIxPTR "\n", g->creator_id,
		g->creator_pc);
	if (g->frames_n) {
		fprintf(to, "frames %d", g->exact);
		for (unsigned i = 0; i < g->frames_n; i++)
			fprintf(to, " 0x%" PRIxPTR, g->frame[i]);
		fprintf(to, "\n");
	}
	if (g->cut)
		fprintf(to, "cut\n");
	if (g->entry)
		fprintf(to, "entry 0x%" PRIxPTR "\n", g->entry);
	put_object(&g->obj, to);
	put_others(g, to);
	put_text(to, "name", g->name);
	if (g->owner || g->owner_ended)
		fprintf(to, "owner %" PRIu64 " %d\n", g->owner, g->owner_ended);
	if (g->cycle_n) {
		fprintf(to, "cycle");
		for (unsigned i = 0; i < g->cycle_n; i++)
			fprintf(to, " %" PRIu64, g->cycle[i]);
		fprintf(to, "\n");
	}
	put_way(g, to);
	fprintf(to, "held %" PRIu64 "\n", g->held);
	put_stories(g, to);
	fprintf(to, "end\n");
}

static void
put_all(struct gr_leak *l, FILE *to)
{
	fprintf(to, "goro-leak 1\nwhen %s\npid %d\n", l->ask.when,
		(int)getpid());
	if (l->err)
		fprintf(to, "error %d %d\n", -l->err, l->culprit);
	fprintf(to, "heap %s\ngoroutines %" PRIu64 "\n",
		l->exact_heap ? "exact" : "live", l->goroutines);
	if (l->unsound)
		fprintf(to, "unsound %" PRIu64 "\n", l->unsound);
	for (uint32_t i = 0; i < l->group.n && !l->err; i++)
		put_group(l, gr_leak_group(l, i), to);
	fprintf(to, "done\n");
}

/* Say what was found, and wait until it is understood. */
static void
tell(struct gr_leak *l)
{
	int fd = call_tool();
	struct pollfd p = { .fd = fd, .events = POLLIN };
	FILE *to = fd >= 0 ? fdopen(dup(fd), "w") : NULL;

	if (!to) {
		if (fd >= 0)
			close(fd);
		return;
	}
	put_all(l, to);
	fclose(to);
	shutdown(fd, SHUT_WR);
	while (poll(&p, 1, PATIENCE_MS) < 0 && errno == EINTR)
		;
	close(fd);
}

/* @l is freed. Without one there was no memory: the tool, which hears nothing,
 * says that there was no check. */
static void
conclude(struct gr_leak *l)
{
	if (!l)
		return;
	tell(l);
	gr_leak_free(l);
}

static bool
is_first(void)
{
	/* [pair leak-run] once for a run. */
	return gr_leak_tool_wanted() && getpid() == run_by &&
	       gr_xchg_acq_rel(&running, 0);
}

static void
at_exit(void)
{
	if (is_first())
		conclude(gr_leak_run(&(struct gr_leak_ask){
			.when = "exit", .leftovers = true }));
}

void
gr_leak_tool_start(void)
{
	static bool registered; /* one run at a time */

	if (!gr_leak_tool_wanted())
		return;
	gr_store_rlx(&gr_leak_watches, 1); /* [relaxed] see left.h */
	if (!registered)
		registered = !atexit(at_exit);
	run_by = getpid();
	gr_store_rel(&running, 1); /* [pair leak-run] */
	if (gr_agent_threads())
		gr_leak_ending_install();
}

void
gr_leak_tool_main_ended(void)
{
	if (is_first())
		conclude(gr_leak_run_settled(
			&(struct gr_leak_ask){ .when = "main",
					       .leftovers = true,
					       .main_ended = true }));
}

void
gr_leak_tool_deadlock(void)
{
	static uint32_t dying; /* [pair leak-dying] first come, first served */

	if (!gr_leak_tool_wanted())
		return;
	/* [pair leak-dying] The last worker to sleep and the monitor may both
	 * have found that all are asleep: the first to come here ends the
	 * process, and not before it has told what it found. */
	while (gr_xchg_acq_rel(&dying, 1))
		gr_futex_wait(&dying, 1, GORO_FOREVER);
	if (is_first())
		conclude(gr_leak_run(&(struct gr_leak_ask){
			.when = "deadlock", .all_stuck = true }));
}

/* On a thread that has nothing else to do: another check may be under way. */
static struct gr_leak *
run_in_turn(const struct gr_leak_ask *ask)
{
	struct gr_leak *l;

	for (int i = 0; (l = gr_leak_run(ask)) && l->err == -EBUSY && i < TURNS;
	     i++) {
		gr_leak_free(l);
		usleep(TURN_US);
	}
	return l;
}

void
gr_leak_tool_told_to_end(void)
{
	if (is_first())
		conclude(run_in_turn(
			&(struct gr_leak_ask){ .when = "signal" }));
}

bool
gr_leak_tool_answer(int fd)
{
	struct gr_leak *l =
		run_in_turn(&(struct gr_leak_ask){ .when = "asked" });
	FILE *to = l ? fdopen(dup(fd), "w") : NULL;

	if (to) {
		put_all(l, to);
		fclose(to);
	}
	if (l)
		gr_leak_free(l);
	return to;
}
