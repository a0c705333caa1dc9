// SPDX-License-Identifier: MIT
/*
 * leak_text.c - the findings for people
 *
 *	LEAKED: 2 goroutines wait to send on a channel that nothing that still
 *	runs can reach: they can never go on
 *	    goroutines  7, 9 [chan send]
 *	    waiting at  goro_chan_send
 *	                worker (pool.c:41)
 *	                serve (pool.c:60)
 *	    started at  main (pool.c:77), by goroutine 1
 *	    channel     #3 "jobs", unbuffered
 *	    made at     main (pool.c:70), by goroutine 1
 *	    holding     4,160 bytes
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "leak.h"

enum { IDS_SHOWN = 10, COLUMNS = 79 };

static void
put_key(FILE *to, const char *key)
{
	fprintf(to, "    %-11s ", key);
}

/* Where in libgoro it waits is of no use to anybody. */
static void
put_frame(FILE *to, const struct leak_frame *f)
{
	fputs(f->function, to);
	if (f->file && !leak_is_systems(f))
		fprintf(to, " (%s:%" PRIu32 ")", leak_path(f->file), f->line);
}

static void
put_stack(FILE *to, const struct leak_stack *s, const char *key)
{
	bool some = false;

	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].internal)
			continue;
		put_key(to, some ? "" : key);
		put_frame(to, &s->v[i]);
		fputc('\n', to);
		some = true;
	}
	if (s->cut) {
		put_key(to, "");
		fputs("...\n", to);
	}
}

static void
put_by(FILE *to, const char *key, const struct leak_stack *s, uint64_t by)
{
	if (!s->n)
		return;
	put_key(to, key);
	put_frame(to, &s->v[0]);
	if (by)
		fprintf(to, ", by goroutine %" PRIu64, by);
	fputc('\n', to);
}

/* 1,234,567 */
static void
put_count(FILE *to, uint64_t n)
{
	if (n >= 1000) {
		put_count(to, n / 1000);
		fprintf(to, ",%03d", (int)(n % 1000));
	} else {
		fprintf(to, "%d", (int)n);
	}
}

/* What it is that is no channel, by how it is waited for. */
static const char *
object_key(const struct leak_finding *f)
{
	const char *state = f->state ? f->state : "";

	return strstr(state, "WaitGroup") ? "waitgroup" :
	       strstr(state, "Cond")      ? "condition" :
	       strstr(state, "Once")      ? "once" :
					    "lock";
}

static void
put_object(FILE *to, const struct leak_finding *f)
{
	if (f->channel) {
		put_key(to, "channel");
		fprintf(to, "#%" PRIu64, f->channel);
		if (f->object_name)
			fprintf(to, " \"%s\"", f->object_name);
		if (f->cap)
			fprintf(to, ", %" PRIu64 " of %" PRIu64 " items in it",
				f->len, f->cap);
		else
			fprintf(to, ", unbuffered");
		fprintf(to, "%s\n", f->closed ? ", closed" : "");
		put_by(to, "made at", &f->object_creator, f->object_creator_id);
	} else if (f->has_object) {
		put_key(to, object_key(f));
		if (f->object_name)
			fputs(f->object_name, to);
		else
			fprintf(to, "at 0x%" PRIx64, f->object);
		if (f->owner)
			fprintf(to, ", %s by goroutine %" PRIu64,
				f->owner_ended ? "left locked" : "held",
				f->owner);
		fputc('\n', to);
	}
}

static void
put_step(FILE *to, const struct leak_step *s)
{
	static const struct {
		const char *kind, *words;
		enum { NOTHING, ADDRESS, NUMBER } also;
	} steps[] = {
		{ "data", "variables at ", ADDRESS },
		{ "goroutine-stack", "stack of goroutine ", NUMBER },
		{ "argument", "argument of goroutine ", NUMBER },
		{ "thread-stack", "stack of thread ", NUMBER },
		{ "thread-local", "thread-local of thread ", NUMBER },
		{ "register", "register of thread ", NUMBER },
		{ "timer", "a timer that was not stopped", NOTHING },
		{ "named", "memory named by goro_leak_root()", NOTHING },
		{ "heap", "the heap, all of which counts", NOTHING },
		{ "memory", "memory at ", ADDRESS },
		{ "stack", "stack of goroutine ", NUMBER },
		{ "channel", "channel #", NUMBER },
		{ "lock", "lock at ", ADDRESS },
		{ "more", "steps left out: ", NUMBER },
	};

	if (s->variable) {
		fprintf(to, "global variable %s\n", s->variable);
		return;
	}
	if (s->kind && !strcmp(s->kind, "block")) {
		fputs("block of ", to);
		put_count(to, s->id);
		fputs(" bytes", to);
	}
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		if (!s->kind || strcmp(s->kind, steps[i].kind))
			continue;
		fputs(steps[i].words, to);
		if (steps[i].also == ADDRESS)
			fprintf(to, "0x%" PRIx64, s->address);
		else if (steps[i].also == NUMBER)
			fprintf(to, "%" PRIu64, s->id);
	}
	fputc('\n', to);
}

/* Why somebody may still wake it. */
static void
put_alive_by(FILE *to, const struct leak_finding *f)
{
	for (size_t i = 0; i < f->alive_by_n; i++) {
		put_key(to, i ? "" : "alive by");
		fputs(i ? "-> " : "", to);
		put_step(to, &f->alive_by[i]);
	}
}

static void
put_ids(FILE *to, const struct leak_finding *f)
{
	if (!f->ids_n)
		return;
	put_key(to, f->ids_n == 1 ? "goroutine" : "goroutines");
	for (size_t i = 0; i < f->ids_n && i < IDS_SHOWN; i++)
		fprintf(to, "%s%" PRIu64, i ? ", " : "", f->ids[i]);
	if (f->ids_n > IDS_SHOWN)
		fprintf(to, " and %zu more", f->ids_n - IDS_SHOWN);
	if (f->name)
		fprintf(to, " \"%s\"", f->name);
	fprintf(to, " [%s]\n", f->state ? f->state : "?");
}

static void
put_other(FILE *to, const char *key, const struct leak_other *o)
{
	if (!o->id)
		return;
	put_key(to, key);
	fprintf(to, "goroutine %" PRIu64 "%s", o->id,
		o->ended ? ", which has ended" : "");
	if (o->at.n) {
		fputs(", at ", to);
		put_frame(to, &o->at.v[0]);
	}
	fputc('\n', to);
}

static void
put_keeps(FILE *to, const struct leak_finding *f)
{
	if (!f->keeps_n)
		return;
	put_key(to, "keeps");
	fprintf(to, "goroutine%s ", f->keeps_n == 1 ? "" : "s");
	for (size_t i = 0; i < f->keeps_n && i < IDS_SHOWN; i++)
		fprintf(to, "%s%" PRIu64, i ? ", " : "", f->keeps[i]);
	if (f->keeps_n > IDS_SHOWN)
		fprintf(to, " and %zu more", f->keeps_n - IDS_SHOWN);
	fputc('\n', to);
}

/* The story, in lines of a terminal. */
static void
put_story(FILE *to, const struct leak_finding *f)
{
	const char *kind = leak_kind_names[f->kind];
	const char *word = f->story ? f->story : "";
	size_t column = strlen(kind) + 1;

	fputc('\n', to);
	for (; *kind; kind++)
		fputc(toupper((unsigned char)*kind), to);
	fputc(':', to);
	while (*word) {
		size_t n = strcspn(word, " ");

		if (column + 1 + n > COLUMNS) {
			fputc('\n', to);
			column = 0;
		} else {
			fputc(' ', to);
			column++;
		}
		fwrite(word, 1, n, to);
		column += n;
		word += n;
		word += strspn(word, " ");
	}
	fputc('\n', to);
}

static void
put_finding(FILE *to, const struct leak_finding *f, bool which_process)
{
	put_story(to, f);
	if (which_process) {
		put_key(to, "process");
		fprintf(to, "%d (%s)\n", (int)f->pid, f->process);
	}
	put_ids(to, f);
	put_stack(to, &f->stack,
		  f->kind == LEAK_LOCKED ? "it ran" : "waiting at");
	if (f->kind != LEAK_UNCLOSED && f->kind != LEAK_TIMER &&
	    f->kind != LEAK_CONTEXT)
		put_by(to, "started at", &f->creator, f->creator_id);
	put_object(to, f);
	put_keeps(to, f);
	put_other(to, "last sender", &f->last_sender);
	put_other(to, "last taker", &f->last_receiver);
	put_other(to, "let go by", &f->left_by);
	put_alive_by(to, f);
	if (f->held) {
		put_key(to, "holding");
		put_count(to, f->held);
		fputs(" bytes\n", to);
	}
}

/* Channels of one kind and place: one stands for all. */
static bool
is_like(const struct leak_finding *a, const struct leak_finding *b)
{
	return a->kind == LEAK_UNCLOSED && b->kind == a->kind &&
	       !a->suppressed && !b->suppressed && a->pid == b->pid &&
	       a->fingerprint == b->fingerprint;
}

static bool
was_told(const struct leak_results *r, size_t nth)
{
	for (size_t i = 0; i < nth; i++)
		if (is_like(&r->v[i], &r->v[nth]))
			return true;
	return false;
}

static void
put_others_like(FILE *to, const struct leak_results *r, size_t nth)
{
	size_t n = 0;

	for (size_t i = nth + 1; i < r->n; i++) {
		if (!is_like(&r->v[i], &r->v[nth]))
			continue;
		if (!n++)
			put_key(to, "and others");
		if (n <= IDS_SHOWN)
			fprintf(to, "%s#%" PRIu64, n > 1 ? ", " : "",
				r->v[i].channel);
	}
	if (n > IDS_SHOWN)
		fprintf(to, " and %zu more", n - IDS_SHOWN);
	if (n)
		fputc('\n', to);
}

static void
put_summary(FILE *to, const struct leak_results *r)
{
	const char *comma = "";

	fprintf(to, "\nleak check: ");
	for (int k = 0; k < LEAK_KINDS; k++) {
		if (!r->count[k])
			continue;
		fprintf(to, "%s", comma);
		put_count(to, r->count[k]);
		fprintf(to, " %s", leak_kind_names[k]);
		comma = ", ";
	}
	fprintf(to, "%s",
		*comma    ? "" :
		r->checks ? "no leaks" :
		r->looked ? "no suspects, but nothing was proven" :
			    "nothing was checked");
	if (r->checks > 1)
		fprintf(to, " (in %u checks)", r->checks);
	fputc('\n', to);
}

bool
leak_render_text(const struct leak_results *r, int fd)
{
	FILE *to = fdopen(dup(fd), "w");
	bool several = r->checks > 1, failed;

	if (!to)
		return false;
	for (size_t i = 0; i < r->n; i++)
		several |= r->v[i].pid != r->v[0].pid;
	for (size_t i = 0; i < r->n; i++) {
		if (r->v[i].suppressed || was_told(r, i))
			continue;
		put_finding(to, &r->v[i], several);
		put_others_like(to, r, i);
	}
	put_summary(to, r);
	failed = ferror(to);
	return !fclose(to) && !failed;
}
