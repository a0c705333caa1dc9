// SPDX-License-Identifier: MIT
/*
 * fanin.c - two channels become one, until both have ended
 *
 * The trick is the nil channel: select never chooses a NULL channel, so
 * whoever has ended is set to NULL and the select goes on with the other. A
 * closed channel, in contrast, is always ready, and would be chosen again and
 * again.
 */
#include <goro/goro.h>
#include <stdio.h>

struct speaker {
	const char *name;
	int words;
	int64_t pause_ns;
	struct goro_chan *out;
};

struct merge {
	struct goro_chan *a, *b, *out;
};

struct word {
	const char *who;
	int nth;
};

static void
speak(void *arg)
{
	struct speaker *s = arg;

	for (int i = 1; i <= s->words; i++) {
		goro_chan_send(s->out, &(struct word){ s->name, i });
		goro_sleep(s->pause_ns);
	}
	goro_chan_close(s->out);
	goro_chan_unref(s->out);
}

static void
merge(void *arg)
{
	struct merge *m = arg;
	struct goro_chan **ends[] = { &m->a, &m->b };
	struct word w;

	while (m->a || m->b) {
		struct goro_case cases[] = {
			GORO_RECV(m->a, &w),
			GORO_RECV(m->b, &w),
		};
		int i = goro_select(cases, 2);

		if (cases[i].ok) {
			goro_chan_send(m->out, &w);
		} else {
			goro_chan_unref(*ends[i]);
			*ends[i] = NULL;
		}
	}
	goro_chan_close(m->out);
	goro_chan_unref(m->out);
}

/* Start one who says @words words; returns where to listen. */
static struct goro_chan *
start_speaker(const char *name, int words, int64_t pause_ns)
{
	struct goro_chan *ch = goro_chan_create(sizeof(struct word), 0);
	struct speaker s = { name, words, pause_ns, goro_chan_ref(ch) };

	goro_go_copy(speak, &s, sizeof(s));
	return ch;
}

/* One channel for two. */
static struct goro_chan *
fan_in(struct goro_chan *a, struct goro_chan *b)
{
	struct goro_chan *ch = goro_chan_create(sizeof(struct word), 0);
	struct merge m = { a, b, goro_chan_ref(ch) };

	goro_go_copy(merge, &m, sizeof(m));
	return ch;
}

static int
run(void *arg)
{
	const int64_t ms = 1000000;
	struct goro_chan *ann = start_speaker("Ann", 8, 10 * ms);
	struct goro_chan *joe = start_speaker("Joe", 3, 30 * ms);
	struct goro_chan *both = fan_in(ann, joe);
	struct word w;

	(void)arg;
	while (goro_chan_recv(both, &w))
		printf("%s says word %d\n", w.who, w.nth);
	goro_chan_unref(both);
	return 0;
}

int
main(void)
{
	return goro_run(run, NULL);
}
