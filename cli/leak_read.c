// SPDX-License-Identifier: MIT
/*
 * leak_read.c - one check, as the process tells it
 *
 * The message is trusted no more than the process: unknown lines are passed
 * over, numbers are bounded, and without a "done" at its end it counts for
 * nothing.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "leak.h"
#include "tracer/model.h"
#include "tracer/symbolize.h"

enum { IDS_MAX = 1 << 22, FRAMES_MAX = 256 };

const char *const leak_kind_names[LEAK_KINDS] = {
	[LEAK_DEADLOCK] = "deadlock",         [LEAK_LEAKED] = "leaked",
	[LEAK_UNCLOSED] = "unclosed-channel", [LEAK_SUSPECT] = "suspect",
	[LEAK_LEFTOVER] = "leftover",
};

/* The process, to look up names in. */
struct names {
	struct gt_target *t;
	struct gt_abi abi;
	struct gt_modules modules;
	struct gt_pctab pcs;
	struct gt_symbols symbols;
	bool good;
};

static void
names_open(struct names *n, pid_t pid)
{
	struct gt_error *err;

	memset(n, 0, sizeof(*n));
	err = gt_target_live_open(pid, &n->t);
	if (!err)
		err = gt_abi_find(n->t, &n->abi);
	if (!err)
		err = gt_modules_init(&n->modules, n->t);
	if (!err && (err = gt_pctab_init(&n->pcs)))
		gt_modules_fini(&n->modules);
	if (err) {
		cli_say("process %d: no names: %s", (int)pid, err->text);
		gt_error_free(err);
		return;
	}
	gt_symbols_init(&n->symbols, &n->modules, &n->pcs, &n->abi);
	n->good = true;
}

static void
names_close(struct names *n)
{
	if (n->good) {
		gt_symbols_fini(&n->symbols);
		gt_pctab_fini(&n->pcs);
		gt_modules_fini(&n->modules);
	}
	gt_target_destroyp(&n->t);
}

static void
add_frame(struct leak_stack *s, const struct gt_frame *f, uint64_t pc)
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

static void
add_pc(struct names *n, struct leak_stack *s, uint64_t pc, bool exact)
{
	const struct gt_symbol *symbol = NULL;
	uint32_t id;

	if (!pc)
		return;
	if (n->good && (id = gt_pctab_id(&n->pcs, pc, exact)))
		symbol = gt_symbols_get(&n->symbols, id);
	if (!symbol) {
		add_frame(s, NULL, pc);
		return;
	}
	for (uint32_t i = 0; i < symbol->n; i++)
		add_frame(s, &symbol->frames[i], pc);
}

/* --- Lines ---------------------------------------------------------------- */

static uint64_t
number(char **at)
{
	return strtoull(*at, at, 0);
}

static uint64_t *
numbers(char *at, size_t *ret_n)
{
	uint64_t *v = NULL;
	size_t n = 0, room = 0;

	for (;;) {
		char *end;
		uint64_t x = strtoull(at, &end, 0);

		if (end == at || n == IDS_MAX)
			break;
		at = end;
		if (n == room) {
			uint64_t *more;

			room = room ? 2 * room : 16;
			more = realloc(v, room * sizeof(*v));
			if (!more)
				break;
			v = more;
		}
		v[n++] = x;
	}
	*ret_n = n;
	return v;
}

static void
read_object(struct leak_finding *f, struct names *n, char *at)
{
	uint64_t pc;

	f->has_object = true;
	f->object = number(&at);
	f->channel = number(&at);
	f->object_creator_id = number(&at);
	pc = number(&at);
	f->elem_bytes = number(&at);
	f->cap = number(&at);
	f->len = number(&at);
	f->closed = number(&at);
	add_pc(n, &f->object_creator, pc, false);
}

static void
read_frames(struct leak_finding *f, struct names *n, char *at)
{
	bool exact = number(&at);

	for (int i = 0; i < FRAMES_MAX; i++) {
		uint64_t pc = number(&at);

		if (!pc)
			break;
		add_pc(n, &f->stack, pc, exact && !i);
	}
}

/* Is it of the runtime or of libc, which do only what they are told? */
static bool
is_systems(const struct leak_frame *f)
{
	return f->internal || !strncmp(f->function, "goro_", 5) ||
	       !strncmp(f->function, "gr_", 3);
}

/* The goroutine's function. It is the last of the frames, unless its last call
 * took its place there. */
static void
read_entry(struct leak_finding *f, struct names *n, char *at)
{
	for (size_t i = 0; i < f->stack.n; i++)
		if (!is_systems(&f->stack.v[i]))
			return;
	add_pc(n, &f->stack, number(&at), true);
}

static void
set_text(char **to, const char *text)
{
	free(*to);
	*to = strdup(text);
}

static void
read_field(struct leak_finding *f, struct names *n, const char *key, char *rest)
{
	if (!strcmp(key, "ids"))
		f->ids = numbers(rest, &f->ids_n);
	else if (!strcmp(key, "state"))
		set_text(&f->state, rest);
	else if (!strcmp(key, "story"))
		set_text(&f->story, rest);
	else if (!strcmp(key, "name"))
		set_text(&f->name, rest);
	else if (!strcmp(key, "object-name"))
		set_text(&f->object_name, rest);
	else if (!strcmp(key, "object"))
		read_object(f, n, rest);
	else if (!strcmp(key, "frames"))
		read_frames(f, n, rest);
	else if (!strcmp(key, "entry"))
		read_entry(f, n, rest);
	else if (!strcmp(key, "cut"))
		f->stack.cut = true;
	else if (!strcmp(key, "cycle"))
		f->cycle = numbers(rest, &f->cycle_n);
	else if (!strcmp(key, "held"))
		f->held = number(&rest);
	else if (!strcmp(key, "owner")) {
		f->owner = number(&rest);
		f->owner_ended = number(&rest);
	} else if (!strcmp(key, "creator")) {
		f->creator_id = number(&rest);
		add_pc(n, &f->creator, number(&rest), false);
	}
}

/* A new finding, from "group KIND N"; NULL: of no kind that we know. */
static struct leak_finding *
begin_finding(struct leak_results *r, pid_t pid, const char *process,
	      char *rest)
{
	char *kind = strsep(&rest, " ");
	struct leak_finding *f;
	int k = 0;

	while (k < LEAK_KINDS && strcmp(kind, leak_kind_names[k]))
		k++;
	if (k == LEAK_KINDS || !rest ||
	    !gt_grow((void **)&r->v, r->n, 1, &r->room, sizeof(*r->v)))
		return NULL;
	f = &r->v[r->n++];
	memset(f, 0, sizeof(*f));
	f->kind = k;
	f->pid = pid;
	f->process = strdup(process);
	f->n = number(&rest);
	return f;
}

static void
read_name(pid_t pid, char *buf, size_t room)
{
	char path[64];
	FILE *from;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	from = fopen(path, "re");
	if (!from || !fgets(buf, (int)room, from))
		snprintf(buf, room, "?");
	buf[strcspn(buf, "\n")] = '\0';
	if (from)
		fclose(from);
}

static void
say_error(struct leak_results *r, pid_t pid, char *rest)
{
	int err = (int)number(&rest), culprit = (int)number(&rest);

	r->failures++;
	if (culprit)
		cli_say("process %d could not be checked: thread %d does not "
			"stop; does it block SIGURG?",
			(int)pid, culprit);
	else
		cli_say("process %d could not be checked: %s", (int)pid,
			strerror(err));
}

bool
leak_read(struct leak_results *r, FILE *from, pid_t pid)
{
	struct leak_finding *f = NULL;
	bool begun = false, done = false;
	char *line = NULL, process[64];
	struct names names;
	size_t room = 0;
	ssize_t n;

	names_open(&names, pid);
	read_name(pid, process, sizeof(process));
	while (!done && (n = getline(&line, &room, from)) > 0) {
		char *rest = line, *key;

		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		key = strsep(&rest, " ");
		rest = rest ? rest : line + strlen(line);
		if (!begun && (strcmp(key, "goro-leak") || strcmp(rest, "1")))
			break;
		begun = true;
		done = !strcmp(key, "done");
		if (!strcmp(key, "error"))
			say_error(r, pid, rest);
		else if (!strcmp(key, "heap"))
			r->inexact |= !!strcmp(rest, "exact");
		else if (!strcmp(key, "goroutines"))
			r->goroutines += number(&rest);
		else if (!strcmp(key, "unsound"))
			r->unsound = true;
		else if (!strcmp(key, "group"))
			f = begin_finding(r, pid, process, rest);
		else if (f)
			read_field(f, &names, key, rest);
	}
	free(line);
	names_close(&names);
	r->checks += done;
	return done;
}

/* --- All of them ---------------------------------------------------------- */

const struct leak_frame *
leak_place(const struct leak_finding *f)
{
	for (size_t i = 0; i < f->stack.n; i++)
		if (!is_systems(&f->stack.v[i]))
			return &f->stack.v[i];
	if (f->object_creator.n)
		return &f->object_creator.v[0];
	return f->stack.n ? &f->stack.v[0] : NULL;
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
	if (r->n)
		qsort(r->v, r->n, sizeof(*r->v), compare);
	memset(r->count, 0, sizeof(r->count));
	for (size_t i = 0; i < r->n; i++)
		if (!r->v[i].suppressed)
			r->count[r->v[i].kind] += r->v[i].n;
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

void
leak_results_fini(struct leak_results *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct leak_finding *f = &r->v[i];

		stack_fini(&f->stack);
		stack_fini(&f->creator);
		stack_fini(&f->object_creator);
		free(f->process);
		free(f->ids);
		free(f->state);
		free(f->story);
		free(f->name);
		free(f->object_name);
		free(f->cycle);
	}
	free(r->v);
	memset(r, 0, sizeof(*r));
}
