// SPDX-License-Identifier: MIT
/*
 * leak_results.c - the findings of all processes, as they come together
 *
 * Idea       What is alike is one finding: the runtime goes by addresses, but
 *            a line that the compiler has put in several places (a loop that
 *            is unrolled, a function that is inlined) is one place to people.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "leak.h"
#include "tracer/model.h"

const char *const leak_kind_names[LEAK_KINDS] = {
	[LEAK_DEADLOCK] = "deadlock",         [LEAK_LEAKED] = "leaked",
	[LEAK_UNCLOSED] = "unclosed-channel", [LEAK_SUSPECT] = "suspect",
	[LEAK_LEFTOVER] = "leftover",
	[LEAK_TIMER] = "unstopped-timer",
	[LEAK_CONTEXT] = "uncancelled-context",
	[LEAK_LOCKED] = "locked-by-ended",
};

/* --- Making them ---------------------------------------------------------- */

struct leak_finding *
leak_new(struct leak_results *r, enum leak_kind kind, pid_t pid,
	 const char *process)
{
	struct leak_finding *f;

	if (!gt_grow((void **)&r->v, r->n, 1, &r->room, sizeof(*r->v)))
		return NULL;
	f = &r->v[r->n++];
	memset(f, 0, sizeof(*f));
	f->kind = kind;
	f->pid = pid;
	f->process = strdup(process);
	return f;
}

void
leak_stack_add(struct leak_stack *s, const struct gt_frame *f, uint64_t pc)
{
	struct leak_frame *v = realloc(s->v, (s->n + 1) * sizeof(*v));
	char text[32];

	if (!v)
		return;
	s->v = v;
	v = &s->v[s->n];
	memset(v, 0, sizeof(*v));
	snprintf(text, sizeof(text), "0x%" PRIx64, pc);
	v->function = strdup(f ? f->function : text);
	if (f && f->file) {
		v->file = strdup(f->file);
		v->line = f->line;
	}
	v->internal = f && f->internal;
	s->n += v->function != NULL;
}

void
leak_problem(struct leak_results *r, const char *format, ...)
{
	char **v = realloc(r->problems, (r->problems_n + 1) * sizeof(*v));
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	cli_say("%s", text);
	if (!v)
		return;
	r->problems = v;
	v[r->problems_n] = strdup(text);
	r->problems_n += v[r->problems_n] != NULL;
}

/* The program's file, as the name of a thread is cut off after 15 bytes; but
 * that one anybody may read. */
void
leak_process_name(pid_t pid, char *buf, size_t room)
{
	char path[64], exe[PATH_MAX], *name, *end;
	ssize_t n;
	FILE *from;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	end = strstr(exe, " (deleted)");
	if (end)
		*end = '\0';
	name = strrchr(exe, '/');
	if (name) {
		snprintf(buf, room, "%s", name + 1);
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	from = fopen(path, "re");
	if (!from || !fgets(buf, (int)room, from))
		snprintf(buf, room, "?");
	buf[strcspn(buf, "\n")] = '\0';
	if (from)
		fclose(from);
}

/* --- What they say -------------------------------------------------------- */

const char *
leak_path(const char *file)
{
	static char here[PATH_MAX];
	size_t n;

	if (!*here && !getcwd(here, sizeof(here)))
		return file;
	n = strlen(here);
	return !strncmp(file, here, n) && file[n] == '/' ? file + n + 1 : file;
}

bool
leak_is_systems(const struct leak_frame *f)
{
	return f->internal || !strncmp(f->function, "goro_", 5) ||
	       !strncmp(f->function, "gr_", 3);
}

bool
leak_lacks_entry(const struct leak_stack *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!leak_is_systems(&s->v[i]))
			return false;
	return true;
}

const struct leak_frame *
leak_place(const struct leak_finding *f)
{
	for (size_t i = 0; i < f->stack.n; i++)
		if (!leak_is_systems(&f->stack.v[i]))
			return &f->stack.v[i];
	if (f->object_creator.n)
		return &f->object_creator.v[0];
	return f->stack.n ? &f->stack.v[0] : NULL;
}

/* --- Putting them together ------------------------------------------------ */

static bool
same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : !a && !b;
}

static bool
same_stack(const struct leak_stack *a, const struct leak_stack *b)
{
	if (a->n != b->n || a->cut != b->cut)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].line != b->v[i].line ||
		    !same_text(a->v[i].function, b->v[i].function) ||
		    !same_text(a->v[i].file, b->v[i].file))
			return false;
	return true;
}

/* Are they of the same place, and do they say the same? Channels are told of
 * one by one, and so are rings. */
static bool
are_alike(const struct leak_finding *a, const struct leak_finding *b)
{
	return a->kind == b->kind && a->pid == b->pid && !a->cycle_n &&
	       !b->cycle_n && same_text(a->stories, b->stories) &&
	       same_text(a->state, b->state) &&
	       same_stack(&a->stack, &b->stack) &&
	       same_stack(&a->creator, &b->creator) &&
	       same_stack(&a->object_creator, &b->object_creator);
}

static void
stack_fini(struct leak_stack *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].function);
		free(s->v[i].file);
	}
	free(s->v);
}

static void
finding_fini(struct leak_finding *f)
{
	stack_fini(&f->stack);
	stack_fini(&f->creator);
	stack_fini(&f->object_creator);
	free(f->process);
	free(f->ids);
	free(f->state);
	free(f->story);
	free(f->stories);
	free(f->name);
	free(f->object_name);
	free(f->cycle);
	for (size_t i = 0; i < f->alive_by_n; i++) {
		free(f->alive_by[i].kind);
		free(f->alive_by[i].variable);
	}
	free(f->alive_by);
	free(f->keeps);
	stack_fini(&f->left_by.at);
}

/* False: no memory, and nothing has changed. */
static bool
add_to(struct leak_finding *to, struct leak_finding *f)
{
	uint64_t *ids = realloc(to->ids,
				(to->ids_n + f->ids_n + 1) * sizeof(*ids));
	char *story = NULL;

	if (ids)
		to->ids = ids;
	if (!ids ||
	    asprintf(&story, "%" PRIu64 " %s", to->n + f->n, to->stories) < 0)
		return false;
	if (f->ids_n)
		memcpy(ids + to->ids_n, f->ids, f->ids_n * sizeof(*ids));
	to->ids_n += f->ids_n;
	to->n += f->n;
	to->held += f->held;
	to->first_n += f->first_n;
	to->last_n += f->last_n;
	if (f->wait_ns > to->wait_ns)
		to->wait_ns = f->wait_ns;
	if (f->wait_min_ns < to->wait_min_ns)
		to->wait_min_ns = f->wait_min_ns;
	free(to->story);
	to->story = story;
	return true;
}

bool
leak_has_said(const struct leak_results *r, pid_t pid)
{
	size_t i = 0;

	while (i < r->said_n && r->said[i] != pid)
		i++;
	return i < r->said_n;
}

void
leak_forget_asked(struct leak_results *r, size_t n, pid_t pid)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (i < n && r->v[i].asked && r->v[i].pid == pid)
			finding_fini(&r->v[i]);
		else
			r->v[kept++] = r->v[i];
	}
	r->n = kept;
}

void
leak_merge(struct leak_results *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		size_t k = r->v[i].stories ? 0 : n;

		while (k < n && !are_alike(&r->v[k], &r->v[i]))
			k++;
		if (k < n && add_to(&r->v[k], &r->v[i]))
			finding_fini(&r->v[i]);
		else
			r->v[n++] = r->v[i];
	}
	r->n = n;
}

static int
compare_ids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int
compare(const void *a, const void *b)
{
	const struct leak_finding *x = a, *y = b;

	if (x->kind != y->kind)
		return (int)x->kind - (int)y->kind;
	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	if (x->ids_n && y->ids_n && x->ids[0] != y->ids[0])
		return x->ids[0] < y->ids[0] ? -1 : 1;
	return 0;
}

void
leak_sort(struct leak_results *r)
{
	leak_merge(r);
	for (size_t i = 0; i < r->n; i++)
		if (r->v[i].ids_n)
			qsort(r->v[i].ids, r->v[i].ids_n, sizeof(*r->v[i].ids),
			      compare_ids);
	if (r->n)
		qsort(r->v, r->n, sizeof(*r->v), compare);
	memset(r->count, 0, sizeof(r->count));
	for (size_t i = 0; i < r->n; i++)
		if (!r->v[i].suppressed)
			r->count[r->v[i].kind] += r->v[i].n;
}

void
leak_results_fini(struct leak_results *r)
{
	for (size_t i = 0; i < r->n; i++)
		finding_fini(&r->v[i]);
	free(r->v);
	for (size_t i = 0; i < r->problems_n; i++)
		free(r->problems[i]);
	free(r->problems);
	free(r->said);
	memset(r, 0, sizeof(*r));
}
