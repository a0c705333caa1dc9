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
#include "tracer/describe.h"
#include "tracer/model.h"
#include "tracer/symbolize.h"

enum { IDS_MAX = 1 << 22, FRAMES_MAX = 256 };

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
add_pc(struct names *n, struct leak_stack *s, uint64_t pc, bool exact)
{
	const struct gt_symbol *symbol = NULL;
	uint32_t id;

	if (!pc)
		return;
	if (n->good && (id = gt_pctab_id(&n->pcs, pc, exact)))
		symbol = gt_symbols_get(&n->symbols, id);
	if (!symbol) {
		leak_stack_add(s, NULL, pc);
		return;
	}
	for (uint32_t i = 0; i < symbol->n; i++)
		leak_stack_add(s, &symbol->frames[i], pc);
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
	char variable[256];
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
	if (!f->channel && n->good &&
	    gt_variable_at(&n->symbols, f->object, variable, sizeof(variable)))
		f->object_name = strdup(variable);
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

/* "KIND ADDRESS ID" */
static void
read_step(struct leak_finding *f, struct names *n, char *at)
{
	char *kind = strsep(&at, " "), variable[256];
	struct leak_step *v = reallocarray(f->alive_by, f->alive_by_n + 1,
					   sizeof(*v));

	if (!v)
		return;
	f->alive_by = v;
	v = &v[f->alive_by_n++];
	*v = (struct leak_step){ .kind = strdup(kind) };
	if (at) {
		v->address = number(&at);
		v->id = number(&at);
	}
	if (n->good && !strcmp(kind, "data") &&
	    gt_variable_at(&n->symbols, v->address, variable, sizeof(variable)))
		v->variable = strdup(variable);
}

/* "ID ENDED PC" */
static void
read_other(struct leak_other *o, struct names *n, char *at)
{
	o->id = number(&at);
	o->ended = number(&at);
	add_pc(n, &o->at, number(&at), false);
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
	else if (!strcmp(key, "stories"))
		set_text(&f->stories, rest);
	else if (!strcmp(key, "name"))
		set_text(&f->name, rest);
	else if (!strcmp(key, "object-name"))
		set_text(&f->object_name, rest);
	else if (!strcmp(key, "object"))
		read_object(f, n, rest);
	else if (!strcmp(key, "frames"))
		read_frames(f, n, rest);
	else if (!strcmp(key, "entry") && leak_lacks_entry(&f->stack))
		add_pc(n, &f->stack, number(&rest), true);
	else if (!strcmp(key, "cut"))
		f->stack.cut = true;
	else if (!strcmp(key, "cycle"))
		f->cycle = numbers(rest, &f->cycle_n);
	else if (!strcmp(key, "alive-by"))
		read_step(f, n, rest);
	else if (!strcmp(key, "keeps"))
		f->keeps = numbers(rest, &f->keeps_n);
	else if (!strcmp(key, "last-sender"))
		read_other(&f->last_sender, n, rest);
	else if (!strcmp(key, "last-receiver"))
		read_other(&f->last_receiver, n, rest);
	else if (!strcmp(key, "left-by"))
		read_other(&f->left_by, n, rest);
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
	f = k < LEAK_KINDS && rest ? leak_new(r, k, pid, process) : NULL;
	if (f)
		f->n = number(&rest);
	return f;
}

static void
say_error(struct leak_results *r, pid_t pid, const char *process, char *rest)
{
	int err = (int)number(&rest), culprit = (int)number(&rest);

	if (culprit)
		leak_problem(r,
			     "process %d (%s) could not be checked: thread %d "
			     "does not stop; does it block SIGURG?",
			     (int)pid, process, culprit);
	else
		leak_problem(r, "process %d (%s) could not be checked: %s",
			     (int)pid, process, strerror(err));
}

static void
note_said(struct leak_results *r, pid_t pid)
{
	pid_t *v = realloc(r->said, (r->said_n + 1) * sizeof(*v));

	if (!v)
		return;
	r->said = v;
	v[r->said_n++] = pid;
}

bool
leak_read(struct leak_results *r, FILE *from, pid_t pid)
{
	struct leak_finding *f = NULL;
	bool begun = false, done = false, failed = false, asked = false;
	bool signal = false, known = false, named = false;
	char *line = NULL, process[64];
	struct names names = { 0 };
	size_t room = 0, before = r->n;
	ssize_t n;

	leak_process_name(pid, process, sizeof(process));
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
		if (!strcmp(key, "error")) {
			say_error(r, pid, process, rest);
			failed = true;
		} else if (!strcmp(key, "when")) {
			signal = !strcmp(rest, "signal");
			asked = signal || !strcmp(rest, "asked");
			/* It was told to end as we asked, and does: what it
			 * said then was whole, this may not be. */
			done = signal && leak_has_said(r, pid);
			known = done;
		} else if (!strcmp(key, "heap")) {
			r->inexact |= !!strcmp(rest, "exact");
		} else if (!strcmp(key, "goroutines")) {
			r->goroutines += number(&rest);
		} else if (!strcmp(key, "unsound")) {
			r->unsound = true;
		} else if (!strcmp(key, "group")) {
			if (!named)
				names_open(&names, pid);
			named = true;
			f = begin_finding(r, pid, process, rest);
			if (f)
				f->asked = asked;
		} else if (f) {
			read_field(f, &names, key, rest);
		}
	}
	free(line);
	if (named)
		names_close(&names);
	if (!done || failed || known)
		return done;
	leak_forget_asked(r, before, pid);
	if (asked)
		note_said(r, pid);
	r->checks++;
	return done;
}
