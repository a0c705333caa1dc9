// SPDX-License-Identifier: MIT
/*
 * blocked.c - who waits for whom: a goroutine for each kind of object
 *
 * Each has a name, by which a test knows it. "ready" says that all have begun;
 * each of them waits a moment later, for good.
 */
#include <goro/goro.h>
#include <stdio.h>
#include <unistd.h>

static struct goro_waitgroup started;
static struct goro_chan *orders, *never, *dry;
static struct goro_mutex first, second, lone;
static struct goro_rwmutex table;
static struct goro_once once;
static struct goro_cond cond;
static int pipe_fds[2];

#define NOINLINE __attribute__((noinline))
/* The call before it is none that the compiler may turn into a jump. */
#define STAY __asm__ volatile("")
/* Keep an address where a reader of the stack finds it. */
#define KEEP(p) __asm__ volatile("" : : "m"(p))

static void
begin(const char *name)
{
	goro_set_name(name);
	goro_waitgroup_done(&started);
	goro_waitgroup_wait(&started);
}

static NOINLINE void
feeder(void *arg)
{
	int value = 7;

	(void)arg;
	begin("feeder");
	goro_chan_send(orders, &value);
	STAY;
}

static NOINLINE void
chooser(void *arg)
{
	int value = 8;
	struct goro_case cases[] = {
		GORO_SEND(orders, &value),
		GORO_RECV(NULL, NULL),
		GORO_RECV(never, NULL),
	};

	(void)arg;
	begin("chooser");
	goro_select(cases, 3);
	STAY;
}

/* Has locked one, wants the other. */
static NOINLINE void
left(void *arg)
{
	(void)arg;
	goro_mutex_lock(&first);
	begin("left");
	goro_mutex_lock(&second);
	STAY;
}

static NOINLINE void
right(void *arg)
{
	(void)arg;
	goro_mutex_lock(&second);
	begin("right");
	goro_mutex_lock(&first);
	STAY;
}

/* In nobody's circle: its owner just does not unlock. */
static NOINLINE void
owner(void *arg)
{
	(void)arg;
	goro_mutex_lock(&lone);
	begin("owner");
	goro_chan_recv(never, NULL);
	STAY;
}

static NOINLINE void
hopeful(void *arg)
{
	(void)arg;
	begin("hopeful");
	goro_mutex_lock(&lone);
	STAY;
}

static NOINLINE void
reader(void *arg)
{
	(void)arg;
	goro_rwmutex_rlock(&table);
	begin("reader");
	goro_chan_recv(never, NULL);
	STAY;
}

static NOINLINE void
writer(void *arg)
{
	(void)arg;
	begin("writer");
	goro_rwmutex_lock(&table);
	STAY;
}

static NOINLINE void
worker(void *arg)
{
	struct goro_waitgroup *group = arg;

	begin("worker");
	KEEP(group);
	goro_chan_recv(never, NULL);
	goro_waitgroup_done(group);
	STAY;
}

static NOINLINE void
gatherer(void *arg)
{
	struct goro_waitgroup group = { 0 };

	(void)arg;
	goro_waitgroup_add(&group, 2);
	goro_go(worker, &group);
	begin("gatherer");
	goro_waitgroup_wait(&group);
	STAY;
}

static void
prepare(void *arg)
{
	(void)arg;
	begin("preparer");
	goro_chan_recv(never, NULL);
	STAY;
}

static NOINLINE void
preparer(void *arg)
{
	(void)arg;
	goro_once_do(&once, prepare, NULL);
	STAY;
}

static NOINLINE void
prepared(void *arg)
{
	(void)arg;
	begin("prepared");
	goro_once_do(&once, prepare, NULL);
	STAY;
}

static NOINLINE void
listener(void *arg)
{
	struct goro_mutex lock = GORO_MUTEX_INIT;

	(void)arg;
	goro_mutex_lock(&lock);
	begin("listener");
	goro_cond_wait(&cond, &lock);
	STAY;
}

static NOINLINE void
in_out(void *arg)
{
	char c;

	(void)arg;
	begin("in_out");
	goro_read(pipe_fds[0], &c, 1);
	STAY;
}

static NOINLINE void
sleeper(void *arg)
{
	(void)arg;
	begin("sleeper");
	goro_sleep(3600 * INT64_C(1000000000));
	STAY;
}

static NOINLINE void
thirsty(void *arg)
{
	(void)arg;
	begin("thirsty");
	goro_chan_recv(dry, NULL);
	STAY;
}

static NOINLINE int
program(void *arg)
{
	static void (*const all[])(void *) = {
		feeder,   chooser,  left,   right,    owner,
		hopeful,  reader,   writer, gatherer, preparer,
		prepared, listener, in_out, sleeper,  thirsty,
	};
	enum { N = sizeof(all) / sizeof(*all) };

	(void)arg;
	orders = goro_chan_create(sizeof(int), 3);
	goro_chan_set_name(orders, "orders");
	for (int i = 0; i < 3; i++)
		goro_chan_send(orders, &i);
	never = goro_chan_create(0, 0);
	goro_chan_set_name(never, "never");
	dry = goro_chan_create(16, 1);
	if (pipe(pipe_fds))
		return 1;
	goro_label_set("tenant", "acme \"&\" sons");
	goro_label_set("stage", "1");
	/* All of these, the worker, and this one. */
	goro_waitgroup_add(&started, N + 2);
	for (int i = 0; i < N; i++)
		goro_go(all[i], NULL);
	goro_label_set("tenant", NULL);
	goro_label_set("stage", NULL);
	begin("program");
	puts("ready");
	fflush(stdout);
	goro_chan_recv(never, NULL);
	return 0;
}

int
main(void)
{
	return goro_run(program, NULL);
}
