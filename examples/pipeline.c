// SPDX-License-Identifier: MIT
/*
 * pipeline.c - numbers that flow through stages
 *
 * Each stage is a function that takes the channel it reads, starts a goroutine
 * and returns the channel which that goroutine writes. A stage closes what it
 * writes when there is no more to come, and so the end travels down the line.
 *
 * Usage: pipeline [NUMBERS]
 * After "Go Concurrency Patterns: Pipelines and cancellation", go.dev/blog.
 */
#include <goro/goro.h>
#include <stdio.h>
#include <stdlib.h>

/* What a stage's goroutine gets: its two ends, of which it owns both. */
struct stage {
	struct goro_chan *in, *out;
	long limit;
};

static struct goro_chan *
start_stage(void (*fn)(void *arg), struct goro_chan *in, long limit)
{
	struct stage s = { in, goro_chan_create(sizeof(long), 16), limit };

	goro_chan_ref(s.out); /* one for the goroutine, one for our caller */
	goro_go_copy(fn, &s, sizeof(s));
	return s.out;
}

static void
end_stage(struct stage *s)
{
	goro_chan_close(s->out);
	goro_chan_unref(s->out);
	goro_chan_unref(s->in);
}

static void
count(void *arg)
{
	struct stage *s = arg;

	for (long n = 1; n <= s->limit; n++)
		goro_chan_send(s->out, &n);
	end_stage(s);
}

static void
square(void *arg)
{
	struct stage *s = arg;
	long n;

	while (goro_chan_recv(s->in, &n))
		goro_chan_send(s->out, &(long){ n * n });
	end_stage(s);
}

static void
keep_odd(void *arg)
{
	struct stage *s = arg;
	long n;

	while (goro_chan_recv(s->in, &n))
		if (n % 2)
			goro_chan_send(s->out, &n);
	end_stage(s);
}

static int
run(void *arg)
{
	long limit = *(long *)arg, n, sum = 0;
	struct goro_chan *numbers = start_stage(count, NULL, limit);
	struct goro_chan *squares = start_stage(square, numbers, 0);
	struct goro_chan *odd = start_stage(keep_odd, squares, 0);

	while (goro_chan_recv(odd, &n))
		sum += n;
	goro_chan_unref(odd);
	printf("sum of the odd squares of 1 to %ld: %ld\n", limit, sum);
	return 0;
}

int
main(int argc, char **argv)
{
	long limit = argc > 1 ? atol(argv[1]) : 1000;

	return goro_run(run, &limit);
}
