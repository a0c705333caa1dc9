// SPDX-License-Identifier: MIT
/*
 * server.c - a service to look into, with a bug to find
 *
 * A bicycle workshop. Orders arrive; workers price each one, part by part, by
 * asking a slow supplier; the shipper sends off what is ready; the accountant
 * keeps the ledger, when the archiver lets him; the auditor never stops adding
 * up. And somebody forgot a close: every large order leaves its packers behind,
 * waiting for a next item that never comes.
 *
 *	$ server &
 *	server: process 4711, stops on SIGTERM
 *	$ goro-dump 4711
 *
 * shows all of them where they are, and more packers each time.
 */
#include <goro/goro.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum {
	WORKERS = 4,
	PACKERS = 3, /* for a large order */
	ITEMS_OF_LARGE = 12,
	MS = 1000000,
};

struct order {
	int nth, items;
};

struct quote_request {
	int part;
	struct goro_chan *reply; /* of int, the price */
};

static struct goro_chan *quit;       /* closed on SIGTERM */
static struct goro_chan *orders;     /* of struct order */
static struct goro_chan *shipments;  /* of struct order */
static struct goro_chan *complaints; /* of struct order; nobody complains */
static struct goro_chan *quotes;     /* of struct quote_request */

static struct goro_mutex ledger_lock;
static int ledger_entries;
static atomic_int shipped;

static struct goro_chan *
named_chan(const char *name, size_t elem_bytes, size_t capacity)
{
	struct goro_chan *ch = goro_chan_create(elem_bytes, capacity);

	goro_chan_set_name(ch, name);
	return ch;
}

/* --- Pricing -------------------------------------------------------------- */

/* Answers one question at a time, and takes its time over it. */
static void
supplier(void *arg)
{
	struct quote_request q;

	(void)arg;
	while (goro_chan_recv(quotes, &q)) {
		goro_sleep(2 * MS);
		goro_chan_send(q.reply, &(int){ 10 + q.part % 7 });
	}
}

static int
ask_supplier(int part)
{
	struct goro_chan *reply = named_chan("reply", sizeof(int), 0);
	int price;

	goro_chan_send(quotes, &(struct quote_request){ part, reply });
	goro_chan_recv(reply, &price);
	goro_chan_unref(reply);
	return price;
}

/* A part is made of two smaller ones, down to what is bought. */
static int
price_part(int part, int depth)
{
	int left, right;

	if (depth == 0)
		return ask_supplier(part);
	left = price_part(2 * part, depth - 1);
	right = price_part(2 * part + 1, depth - 1);
	return left + right;
}

static int
price_order(const struct order *o)
{
	int frame = price_part(1, 3), wheels = 2 * price_part(2, 2);

	return o->items * (frame + wheels);
}

/* --- Packing, and the bug ------------------------------------------------- */

static void
packer(void *arg)
{
	struct goro_chan *items = arg;
	int item;

	while (goro_chan_recv(items, &item))
		goro_sleep(MS);
	goro_chan_unref(items);
}

static void
pack_large(const struct order *o)
{
	struct goro_chan *items = named_chan("items", sizeof(int), 0);

	for (int i = 0; i < PACKERS; i++)
		goro_go_attr(&(struct goro_attr){ .name = "packer" }, packer,
			     goro_chan_ref(items));
	for (int i = 0; i < o->items; i++)
		goro_chan_send(items, &i);
	/* Here goro_chan_close(items) is missing. */
	goro_chan_unref(items);
}

/* --- Workers and their customers ------------------------------------------ */

static void
handle_order(const struct order *o)
{
	if (o->items >= ITEMS_OF_LARGE)
		pack_large(o);
	if (price_order(o) > 0)
		goro_chan_send(shipments, o);
}

static void
worker(void *arg)
{
	struct order o;

	(void)arg;
	while (goro_chan_recv(orders, &o))
		handle_order(&o);
}

/* Every fifth order is a large one. */
static void
customers(void *arg)
{
	(void)arg;
	for (int nth = 0;; nth++) {
		int items = nth % 5 ? 1 : ITEMS_OF_LARGE;

		goro_chan_send(orders, &(struct order){ nth, items });
		goro_sleep(100 * MS);
	}
}

static void
shipper(void *arg)
{
	struct order o;

	(void)arg;
	for (;;) {
		struct goro_case cases[] = {
			GORO_RECV(shipments, &o),
			GORO_RECV(complaints, &o),
			GORO_RECV(quit, NULL),
		};

		switch (goro_select(cases, 3)) {
		case 0:
			shipped++;
			break;
		case 1:
			shipped--;
			break;
		default:
			return;
		}
	}
}

/* --- The office ----------------------------------------------------------- */

/* Copies the ledger to a slow disk, and keeps it to himself meanwhile. */
static void
archiver(void *arg)
{
	(void)arg;
	for (;;) {
		goro_mutex_lock(&ledger_lock);
		goro_sleep(500 * MS);
		goro_mutex_unlock(&ledger_lock);
		goro_sleep(MS);
	}
}

static void
accountant(void *arg)
{
	(void)arg;
	for (;;) {
		goro_mutex_lock(&ledger_lock);
		ledger_entries++;
		goro_mutex_unlock(&ledger_lock);
		goro_sleep(MS);
	}
}

static unsigned
checksum(unsigned sum)
{
	for (int i = 0; i < 1000000; i++)
		sum = sum * 31 + i;
	return sum;
}

/* Computes all the time, and lets the others run now and then. */
static void
auditor(void *arg)
{
	volatile unsigned sum = 0;

	(void)arg;
	for (;;) {
		sum = checksum(sum);
		goro_yield();
	}
}

/* --- The program ---------------------------------------------------------- */

static void
start(const char *name, void (*fn)(void *arg))
{
	goro_go_attr(&(struct goro_attr){ .name = name }, fn, NULL);
}

static int
run(void *arg)
{
	(void)arg;
	goro_set_name("main");
	orders = named_chan("orders", sizeof(struct order), 8);
	shipments = named_chan("shipments", sizeof(struct order), 0);
	complaints = named_chan("complaints", sizeof(struct order), 0);
	quotes = named_chan("quotes", sizeof(struct quote_request), 0);

	start("supplier", supplier);
	for (int i = 0; i < WORKERS; i++)
		start("worker", worker);
	start("customers", customers);
	start("shipper", shipper);
	start("archiver", archiver);
	start("accountant", accountant);
	start("auditor", auditor);

	printf("server: process %d, stops on SIGTERM\n", (int)getpid());
	fflush(stdout);
	goro_chan_recv(quit, NULL);
	printf("server: %d orders shipped, %zu goroutines left\n", shipped,
	       goro_count());
	return 0;
}

/* A thread of our own, not a goroutine: sigwait() blocks it. Closing a channel
 * is allowed from any thread. */
static void *
wait_for_signal(void *arg)
{
	int sig;

	sigwait(arg, &sig);
	goro_chan_close(quit);
	return NULL;
}

int
main(void)
{
	pthread_t thread;
	sigset_t set;

	/* Before there are other threads, so that all of them inherit it. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	quit = named_chan("quit", 0, 0);
	if (pthread_create(&thread, NULL, wait_for_signal, &set))
		return 1;
	pthread_detach(thread);
	return goro_run(run, NULL);
}
