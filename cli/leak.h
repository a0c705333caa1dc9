/* SPDX-License-Identifier: MIT */
/*
 * leak.h - what goro-leakcheck has been told, and what it makes of it
 *
 * Idea       Each check in a process of the command is a message of lines
 *            (leak_read.c). What it finds is kept as findings, with names and
 *            lines, as the process is gone when the report is written. The
 *            renderers see nothing else.
 */
#ifndef CLI_LEAK_H
#define CLI_LEAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "tracer/symbolize.h"

/* By strength, the strongest first: the order of the report. */
enum leak_kind {
	LEAK_DEADLOCK,
	LEAK_LEAKED,
	LEAK_UNCLOSED,
	LEAK_SUSPECT,
	LEAK_LEFTOVER,
	/* What may have led to the others; it fails nothing by itself. */
	LEAK_TIMER,
	LEAK_CONTEXT,
	LEAK_LOCKED,
	LEAK_KINDS,
};
extern const char *const leak_kind_names[LEAK_KINDS];

struct leak_frame {
	char *function, *file; /* file: NULL, not known */
	uint32_t line;
	bool internal;
};

struct leak_stack {
	struct leak_frame *v;
	size_t n;
	bool cut;
};

/* On the way from what the program can get at to what is waited for. */
struct leak_step {
	char *kind;     /* as in docs/LEAKS.md */
	char *variable; /* NULL: none that is known */
	uint64_t address, id;
};

struct leak_finding {
	enum leak_kind kind;
	pid_t pid;
	bool asked;    /* found amid a run: its later checks say it again */
	char *process; /* the command's name */
	uint64_t n;    /* goroutines; or 1, a channel */
	uint64_t *ids;
	size_t ids_n;
	char *state, *story, *name;
	char *stories;    /* behind the number, for several of them; or NULL */
	/* Of suspects: the longest wait, and the shortest; of how many they
	 * are in the first sample and in the last, if those become more. */
	uint64_t wait_ns, wait_min_ns, first_n, last_n;
	bool grows;
	struct leak_stack stack;   /* where it waits */
	struct leak_stack creator; /* where it was started: one call */
	uint64_t creator_id;

	bool has_object;
	uint64_t object, channel; /* address; number, of a channel */
	char *object_name; /* a lock's: of its variable */
	uint64_t object_creator_id, elem_bytes, cap, len;
	bool closed;
	struct leak_stack object_creator;

	uint64_t owner; /* of the lock; 0: none, or not known */
	bool owner_ended;
	uint64_t *cycle;
	size_t cycle_n;
	uint64_t held;
	uint64_t *keeps; /* of a timer or context: who waits for it */
	size_t keeps_n;
	/* Who was the last at the other side, and gave it back. */
	struct leak_other {
		uint64_t id; /* 0: not known */
		bool ended;
		struct leak_stack at;
	} last_sender, last_receiver, left_by;
	struct leak_step *alive_by; /* of one left over: the root first */
	size_t alive_by_n;

	uint64_t fingerprint;
	bool suppressed; /* or known from the baseline: not counted */
};

struct leak_results {
	struct leak_finding *v;
	size_t n, room;
	unsigned checks; /* that were made */
	bool looked;     /* for suspects, from outside */
	char **problems; /* why a check could not be made, a line each */
	size_t problems_n;
	pid_t *said; /* those that were checked as they were told to end */
	size_t said_n;
	bool unsound;
	bool inexact; /* in one of them the heap counted as in use */
	uint64_t goroutines;
	uint64_t count[LEAK_KINDS]; /* of those that are not suppressed */
};

/* Take in one message, of the process @pid, which still lives: its names are
 * looked up in it. False: it makes no sense. */
bool leak_read(struct leak_results *r, FILE *from, pid_t pid);

/* A new finding, all else in it 0; NULL: no memory. */
struct leak_finding *leak_new(struct leak_results *r, enum leak_kind kind,
			      pid_t pid, const char *process);
/* Is it known what it has found, when it was asked or told to end? */
bool leak_has_said(const struct leak_results *r, pid_t pid);
/* @pid has checked itself again: of the first @n findings forget those that it
 * was asked for before, as verdicts stand. */
void leak_forget_asked(struct leak_results *r, size_t n, pid_t pid);
/* @f NULL: nothing is known of the address. */
void leak_stack_add(struct leak_stack *s, const struct gt_frame *f,
		    uint64_t pc);
/* Say why something was not checked, and keep it for the reports. */
__attribute__((format(printf, 2, 3))) void
leak_problem(struct leak_results *r, const char *format, ...);
void leak_results_fini(struct leak_results *r);

/* What the process runs, as people call it. */
void leak_process_name(pid_t pid, char *buf, size_t room);

/* A file's path as people and CI systems want it: below here if it is. */
const char *leak_path(const char *file);

/* Is it of the runtime, which does only what it is told? */
bool leak_is_systems(const struct leak_frame *f);
/* Is none of them the program's own? The goroutine's function is the last of
 * the frames, unless its last call took its place there. */
bool leak_lacks_entry(const struct leak_stack *s);
/* The frame to blame: the innermost one that is the program's own, or NULL. */
const struct leak_frame *leak_place(const struct leak_finding *f);

/* Put those together that are alike. */
void leak_merge(struct leak_results *r);
/* And all in order, and count them. */
void leak_sort(struct leak_results *r);

/* Renderers; false when it could not be written. */
bool leak_render_text(const struct leak_results *r, int fd);
bool leak_render_json(const struct leak_results *r, int fd);
bool leak_render_junit(const struct leak_results *r, int fd);
bool leak_render_sarif(const struct leak_results *r, int fd);
bool leak_render_tap(const struct leak_results *r, int fd);
bool leak_render_github(const struct leak_results *r, int fd);

#endif
