// SPDX-License-Identifier: MIT
/*
 * trouble.c - programs that hang, leak or burn, to be looked at
 *
 *	trouble pipeline|deadlock|leak|busy
 *
 * docs/diagnosing.md shows how goro-dump finds out what is wrong with each.
 */
#include <goro/goro.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_MS INT64_C(1000000)

/* ---- pipeline: the last stage gives up, and nobody tells the others ---- */

static struct goro_chan *lines, *records;

static void
read_lines(void *arg)
{
	(void)arg;
	for (int line = 1;; line++)
		goro_chan_send(lines, &line);
}

static void
parse(void *arg)
{
	int line;

	(void)arg;
	while (goro_chan_recv(lines, &line)) {
		int record = line * line;

		goro_chan_send(records, &record);
	}
}

/* Returns at the first record that it does not like. */
static void
store(void *arg)
{
	int record;

	(void)arg;
	while (goro_chan_recv(records, &record))
		if (record > 100)
			return;
}

static void
start_pipeline(void)
{
	lines = goro_chan_create(sizeof(int), 4);
	records = goro_chan_create(sizeof(int), 4);
	goro_chan_set_name(lines, "lines");
	goro_chan_set_name(records, "records");
	goro_go(read_lines, NULL);
	goro_go(parse, NULL);
	goro_go(store, NULL);
}

/* ---- deadlock: two locks, taken in two orders ---- */

struct account {
	struct goro_mutex lock;
	long balance;
};

static struct account checking = { .balance = 100 };
static struct account savings = { .balance = 100 };

struct transfer {
	struct account *from, *to;
};

static void
transfer(void *arg)
{
	const struct transfer *t = arg;

	goro_mutex_lock(&t->from->lock);
	goro_sleep(NS_PER_MS); /* looks up the rate, say */
	goro_mutex_lock(&t->to->lock);
	t->from->balance--;
	t->to->balance++;
	goro_mutex_unlock(&t->to->lock);
	goro_mutex_unlock(&t->from->lock);
}

static void
print_balance(void *arg)
{
	(void)arg;
	goro_mutex_lock(&savings.lock);
	printf("%ld\n", savings.balance);
	goro_mutex_unlock(&savings.lock);
}

static void
start_transfers(void)
{
	static const struct transfer there = { &checking, &savings };
	static const struct transfer back = { &savings, &checking };

	goro_go(transfer, (void *)&there);
	goro_go(transfer, (void *)&back);
	goro_sleep(10 * NS_PER_MS);
	goro_go(print_balance, NULL);
}

/* ---- leak: an answer for which nobody waits any more ---- */

static void
look_up(void *arg)
{
	struct goro_chan *answer = arg;
	int value = 42;

	goro_sleep(20 * NS_PER_MS); /* too slow */
	goro_chan_send(answer, &value);
	goro_chan_unref(answer);
}

static void
handle_request(void)
{
	struct goro_chan *answer = goro_chan_create(sizeof(int), 0);
	int value;

	goro_go(look_up, goro_chan_ref(answer));
	if (goro_chan_recv_until(answer, &value, goro_now() + 5 * NS_PER_MS))
		value = 0; /* without an answer, then */
	goro_chan_unref(answer);
}

static void
serve(void *arg)
{
	(void)arg;
	for (;;)
		handle_request();
}

/* ---- busy: a loop that does not end ---- */

static uint32_t
checksum(const char *text)
{
	uint32_t sum = 0;

	/* Nobody advances: the end is never reached. */
	for (volatile size_t i = 0; text[i];)
		sum = sum * 31 + (unsigned char)text[i];
	return sum;
}

static void
verify(void *arg)
{
	printf("%u\n", (unsigned)checksum(arg));
}

/* ---- */

static int
program(void *arg)
{
	const char *what = arg;

	if (strcmp(what, "pipeline") == 0)
		start_pipeline();
	else if (strcmp(what, "deadlock") == 0)
		start_transfers();
	else if (strcmp(what, "leak") == 0)
		goro_go(serve, NULL);
	else if (strcmp(what, "busy") == 0)
		goro_go(verify, (void *)(uintptr_t) "some text");
	else
		return 64;
	puts("ready");
	fflush(stdout);
	for (;;)
		goro_sleep(1000 * NS_PER_MS);
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s pipeline|deadlock|leak|busy\n",
			argv[0]);
		return 64;
	}
	return goro_run(program, argv[1]);
}
