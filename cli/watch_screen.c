// SPDX-License-Identifier: MIT
/*
 * watch_screen.c - what --watch shows
 *
 *	goro-dump 4711  1,234 goroutines +12  56 groups  by growth
 *	  COUNT   GROWTH     WAIT  STATE             WHERE
 *	  1,000      +12     3m4s  chan receive      worker pool.c:41
 */
#include <curses.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tracer/out.h"
#include "watch.h"

enum { HEAD = 2, FOOT = 1 };

static const char *const sorts[] = {
	[WATCH_COUNT] = "count",
	[WATCH_GROWTH] = "growth",
	[WATCH_WAIT] = "wait",
};

static const char help[] = "up, down, PgUp, PgDn   move\n"
			   "Enter                  show or hide the group's "
			   "stack\n"
			   "s                      sort by count, growth or "
			   "wait\n"
			   "/                      show groups with this in "
			   "their state or stack\n"
			   "p                      pause, and go on\n"
			   "w                      write what is shown to a "
			   "file\n"
			   "q                      quit\n"
			   "\n"
			   "GROWTH is the change since --watch began. Any key "
			   "ends this help.";

static void
put_line(int y, const char *text)
{
	mvaddnstr(y, 0, text, COLS);
	clrtoeol();
}

static void
draw_head(const struct watch *w)
{
	char line[256];

	snprintf(line, sizeof(line),
		 "goro-dump %d  %" PRIu64 " goroutines %+" PRId64 "  %zu "
		 "groups  by "
		 "%s%s%s%s%s",
		 w->o->pid, w->goroutines, w->growth, w->groups_n,
		 sorts[w->sort], *w->filter ? "  /" : "", w->filter,
		 w->paused ? "  paused" : "", w->ended ? "  ended" : "");
	attron(A_BOLD);
	put_line(0, line);
	attroff(A_BOLD);
	attron(A_REVERSE);
	put_line(1, "   COUNT   GROWTH     WAIT  STATE                 WHERE");
	mvchgat(1, 0, -1, A_REVERSE, 0, NULL);
	attroff(A_REVERSE);
}

static void
draw_row(int y, const struct watch_row *row, bool chosen)
{
	char line[512], wait[32] = "";
	struct gt_out out = { .fd = -1, .room = sizeof(wait), .buf = wait };

	if (row->max_wait_ns)
		gt_out_duration(&out, row->max_wait_ns);
	snprintf(line, sizeof(line),
		 "%8" PRIu64 " %+8" PRId64 " %8.*s  %-20.20s  %s", row->count,
		 row->growth, (int)out.n, wait, row->status, row->where);
	int attributes = (chosen ? A_REVERSE : 0) |
			 (row->growth > 0 ? A_BOLD | COLOR_PAIR(1) : 0);
	attron(attributes);
	put_line(y, line);
	attroff(attributes);
}

/* The lines of an open stack, as far as they fit; the next line. */
static int
draw_stack(int y, const char *stack)
{
	while (*stack && y < LINES - FOOT) {
		int n = (int)strcspn(stack, "\n");

		move(y, 0);
		clrtoeol();
		mvaddnstr(y, *stack == '\t' ? 12 : 8, stack + (*stack == '\t'),
			  n - (*stack == '\t'));
		stack += n + (stack[n] == '\n');
		y++;
	}
	return y;
}

static void
draw_foot(const struct watch *w)
{
	char line[80];

	snprintf(line, sizeof(line), "/%s", w->filter);
	put_line(LINES - 1, w->typing   ? line :
			    *w->message ? w->message :
					  "q quit  s sort  / filter  Enter "
					  "stack  p pause  "
					  "w write  ? help");
}

/* Keep the cursor's row on the screen. */
static void
scroll_to(struct watch *w)
{
	size_t fit = LINES > HEAD + FOOT ? LINES - HEAD - FOOT : 1;

	if (w->at < w->top)
		w->top = w->at;
	if (w->at >= w->top + fit)
		w->top = w->at - fit + 1;
}

void
watch_draw(struct watch *w)
{
	int y = HEAD;

	scroll_to(w);
	erase();
	draw_head(w);
	for (size_t i = w->top; i < w->shown_n && y < LINES - FOOT; i++) {
		draw_row(y++, &w->rows[i], i == w->at);
		if (w->rows[i].open)
			y = draw_stack(y, w->rows[i].stack);
	}
	if (w->help)
		draw_stack(HEAD, help);
	draw_foot(w);
	refresh();
}
