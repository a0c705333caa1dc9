/* SPDX-License-Identifier: MIT */
/*
 * watch.h - goro-dump --watch: groups of goroutines, live, on a whole screen
 */
#ifndef WATCH_H
#define WATCH_H

#include "dump_options.h"

/* Until the user has enough; an exit status. */
int watch(struct dump_options *o);

enum { WATCH_ROWS_MAX = 1000 };

enum watch_sort { WATCH_COUNT, WATCH_GROWTH, WATCH_WAIT, WATCH_SORTS };

/* A group, as it was at the last look. */
struct watch_row {
	uint64_t hash; /* of its state and stack: the same next time */
	uint64_t count;
	int64_t growth; /* since the first look */
	uint64_t min_wait_ns, max_wait_ns;
	uint64_t some_id; /* the lowest */
	char status[48];
	char where[160];
	char *stack; /* as in a dump; allocated */
	bool open;   /* the stack is shown */
};

/* Where a group's growth is counted from. */
struct watch_first {
	uint64_t hash, count;
};

struct watch {
	struct dump_options *o;
	/* Of the last look; the first shown_n are those that match the filter,
	 * in order. */
	struct watch_row *rows;
	size_t rows_n, shown_n;
	size_t groups_n; /* that there are: at most WATCH_ROWS_MAX are rows */
	uint64_t goroutines;
	int64_t growth;             /* of all of them, since the first look */
	struct watch_first *firsts; /* every group ever seen, by hash */
	size_t firsts_n, firsts_room;
	uint64_t first_goroutines;
	bool looked; /* groups that come from now on began at 0 */
	enum watch_sort sort;
	size_t at, top; /* the row under the cursor, the first on the screen */
	char filter[64];
	bool typing; /* the filter */
	bool paused, help;
	char message[640]; /* in the last line, until the next key */
	bool ended;        /* it cannot be looked at any more */
};

/* watch_look.c: look at the process; `message` says why if that fails. What is
 * known of groups from before is kept. */
void watch_look(struct watch *w);
/* Filter and sort anew, without a look. */
void watch_arrange(struct watch *w);
void watch_forget(struct watch *w);

/* watch_screen.c */
void watch_draw(struct watch *w);

#endif
