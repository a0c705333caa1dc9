// SPDX-License-Identifier: MIT
/*
 * leak_text.c - the findings for people
 *
 *	LEAKED: 2 goroutines wait to send on a channel that nothing that still
 *	runs can reach: they can never go on
 *	    waiting at  worker (pool.c:41)
 *	           in   serve (pool.c:60)
 *	    started at  main (pool.c:77) by goroutine 1
 *	    channel     "jobs", unbuffered, made at main (pool.c:70)
 *	    goroutines  7, 9
 *	    holding     4,160 bytes
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "leak.h"

enum { IDS_SHOWN = 10 };

static void
put_key(FILE *to, const char *key)
{
	fprintf(to, "    %-11s ", key);
}

static void
put_frame(FILE *to, const struct leak_frame *f)
{
	fputs(f->function, to);
	if (f->file)
		fprintf(to, " (%s:%" PRIu32 ")", f->file, f->line);
	fputc('\n', to);
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
	fprintf(to, "%s", s->v[0].function);
	if (s->v[0].file)
		fprintf(to, " (%s:%" PRIu32 ")", s->v[0].file, s->v[0].line);
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
		put_key(to, "lock");
		fprintf(to, "at 0x%" PRIx64, f->object);
		if (f->owner)
			fprintf(to, ", %s by goroutine %" PRIu64,
				f->owner_ended ? "left locked" : "held",
				f->owner);
		fputc('\n', to);
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
put_finding(FILE *to, const struct leak_finding *f, bool which_process)
{
	const char *kind = leak_kind_names[f->kind];

	fputc('\n', to);
	for (; *kind; kind++)
		fputc(toupper((unsigned char)*kind), to);
	fprintf(to, ": %s\n", f->story ? f->story : "");
	if (which_process) {
		put_key(to, "process");
		fprintf(to, "%d (%s)\n", (int)f->pid, f->process);
	}
	put_ids(to, f);
	put_stack(to, &f->stack, "waiting at");
	if (f->kind != LEAK_UNCLOSED)
		put_by(to, "started at", &f->creator, f->creator_id);
	put_object(to, f);
	if (f->held) {
		put_key(to, "holding");
		put_count(to, f->held);
		fputs(" bytes\n", to);
	}
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
	fprintf(to, "%s\n",
		*comma    ? "" :
		r->checks ? "no leaks" :
		r->looked ? "no suspects, but nothing was proven" :
			    "nothing was checked");
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
	for (size_t i = 0; i < r->n; i++)
		if (!r->v[i].suppressed)
			put_finding(to, &r->v[i], several);
	put_summary(to, r);
	failed = ferror(to);
	return !fclose(to) && !failed;
}
