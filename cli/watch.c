// SPDX-License-Identifier: MIT
/*
 * watch.c - goro-dump --watch: groups of goroutines, live
 *
 * Between looks the program waits for keys; a key never waits for a look to be
 * due. The screen belongs to curses, so messages go to its last line.
 */
#include "watch.h"

#include <curses.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

/* Groups that are shown, to a file of a name that is not taken. */
static void
save(struct watch *w)
{
	char name[64];
	FILE *f = NULL;

	for (int i = 1; i < 1000 && !f; i++) {
		snprintf(name, sizeof(name), "goro-dump-%d-%d.txt", w->o->pid,
			 i);
		f = fopen(name, "wx");
		if (!f && errno != EEXIST)
			break;
	}
	for (size_t i = 0; f && i < w->shown_n; i++)
		fprintf(f, "%s%" PRIu64 " goroutines (%+" PRId64 ") [%s]\n%s",
			i ? "\n" : "", w->rows[i].count, w->rows[i].growth,
			w->rows[i].status, w->rows[i].stack);
	if (f && !fclose(f))
		snprintf(w->message, sizeof(w->message),
			 "wrote %zu groups to %s", w->shown_n, name);
	else
		snprintf(w->message, sizeof(w->message), "cannot write %s: %s",
			 name, strerror(errno));
}

static void
type(struct watch *w, int key)
{
	size_t n = strlen(w->filter);

	if (key == '\n' || key == KEY_ENTER) {
		w->typing = false;
	} else if (key == 27) {
		w->typing = false;
		*w->filter = '\0';
	} else if (key == KEY_BACKSPACE || key == 127 || key == '\b') {
		w->filter[n ? n - 1 : 0] = '\0';
	} else if (key >= ' ' && key < 127 && n + 1 < sizeof(w->filter)) {
		w->filter[n] = (char)key;
		w->filter[n + 1] = '\0';
	}
	watch_arrange(w);
}

static void
step(struct watch *w, long by)
{
	long at = (long)w->at + by;

	if (at >= (long)w->shown_n)
		at = (long)w->shown_n - 1;
	w->at = at > 0 ? at : 0;
}

/* False: enough. */
static bool
take_key(struct watch *w, int key)
{
	*w->message = '\0';
	if (w->help) {
		w->help = false;
		return true;
	}
	if (w->typing) {
		type(w, key);
		return true;
	}
	switch (key) {
	case 'q':
		return false;
	case KEY_UP:
	case 'k':
		step(w, -1);
		break;
	case KEY_DOWN:
	case 'j':
		step(w, 1);
		break;
	case KEY_PPAGE:
		step(w, 3 - LINES);
		break;
	case KEY_NPAGE:
		step(w, LINES - 3);
		break;
	case '\n':
	case KEY_ENTER:
		if (w->at < w->shown_n)
			w->rows[w->at].open = !w->rows[w->at].open;
		break;
	case 's':
		w->sort = (w->sort + 1) % WATCH_SORTS;
		watch_arrange(w);
		break;
	case '/':
		w->typing = true;
		break;
	case 'p':
		w->paused = !w->paused;
		break;
	case 'w':
		save(w);
		break;
	case '?':
	case 'h':
		w->help = true;
		break;
	}
	return true;
}

static void
run(struct watch *w)
{
	uint64_t next = now_ns() + w->o->watch_ns;

	for (bool more = true; more;) {
		uint64_t now = now_ns();
		int key;

		if (now >= next) {
			if (!w->paused && !w->ended)
				watch_look(w);
			next = now_ns() + w->o->watch_ns;
			now = now_ns();
		}
		watch_draw(w);
		uint64_t left_ms = next > now ? (next - now) / 1000000 + 1 : 1;
		timeout(left_ms < 1000 ? (int)left_ms : 1000);
		key = getch();
		if (key != ERR)
			more = take_key(w, key);
	}
}

int
watch(struct dump_options *o)
{
	struct watch w = { .o = o };

	if (o->sort == GT_SORT_WAIT)
		w.sort = WATCH_WAIT;
	/* What cannot be watched at all is said as for a dump. */
	watch_look(&w);
	if (w.ended) {
		cli_say("%s", w.message);
		watch_forget(&w);
		return CLI_FAILED;
	}
	setlocale(LC_ALL, "");
	if (!newterm(NULL, stdout, stdin)) {
		cli_say("the terminal '%s' is not known", getenv("TERM") ?: "");
		watch_forget(&w);
		return CLI_FAILED;
	}
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	if (o->colour && has_colors()) {
		start_color();
		use_default_colors();
		init_pair(1, COLOR_RED, -1);
	}
	run(&w);
	endwin();
	watch_forget(&w);
	return CLI_OK;
}
