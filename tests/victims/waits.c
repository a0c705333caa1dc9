// SPDX-License-Identifier: MIT
/*
 * waits.c - a goroutine for each way to wait; prints the dump it expects
 *
 * Each goroutine says, before it waits, what a dump must show of it. Files and
 * lines of libgoro and of libc are "-": they are not this program's to know.
 * "ready" ends the text; a moment later the last of them waits as well.
 */
#include <goro/goro.h>
#include <stdbool.h>
#include <stdio.h>

enum { GOROUTINES_MAX = 32 };

static char expected[GOROUTINES_MAX][512];
static struct goro_waitgroup started, never_done;
static struct goro_chan *never, *other;
static struct goro_mutex held;

#define NOINLINE __attribute__((noinline))
/* The call before it is none that the compiler may turn into a jump. */
#define STAY __asm__ volatile("")

static void
expect(const char *header, const char *call, const char *function, int line,
       int started_at)
{
	char *text = expected[goro_self()];

	text += sprintf(text, "goroutine %d [%s]:\n", (int)goro_self(), header);
	if (call)
		text += sprintf(text, "%s(...)\n\t-\n", call);
	text += sprintf(text, "%s(...)\n\t%s:%d\n", function, __FILE__, line);
	if (started_at)
		sprintf(text, "created by program in goroutine 1\n\t%s:%d\n",
			__FILE__, started_at);
	goro_waitgroup_done(&started);
}

/* One line up from where it waits. */
#define EXPECT(header, call) \
	expect(header, call, __func__, __LINE__ + 1, (int)(long)arg)

static NOINLINE void
receiver(void *arg)
{
	EXPECT("chan receive", "goro_chan_recv");
	goro_chan_recv(never, NULL);
	STAY;
}

static NOINLINE void
sender(void *arg)
{
	EXPECT("chan send", "goro_chan_send");
	goro_chan_send(other, &arg);
	STAY;
}

static NOINLINE void
nil_receiver(void *arg)
{
	EXPECT("chan receive (nil chan)", "goro_chan_recv");
	goro_chan_recv(NULL, NULL);
	STAY;
}

static NOINLINE void
nil_sender(void *arg)
{
	EXPECT("chan send (nil chan)", "goro_chan_send");
	goro_chan_send(NULL, &arg);
	STAY;
}

static NOINLINE void
selecter(void *arg)
{
	struct goro_case cases[] = {
		GORO_RECV(never, NULL),
		GORO_RECV(NULL, NULL),
	};

	EXPECT("select", "goro_select");
	goro_select(cases, 2);
	STAY;
}

static NOINLINE void
empty_selecter(void *arg)
{
	EXPECT("select (no cases)", "goro_select");
	goro_select(NULL, 0);
	STAY;
}

static NOINLINE void
sleeper(void *arg)
{
	EXPECT("sleep", "goro_sleep");
	goro_sleep(3600 * INT64_C(1000000000));
	STAY;
}

static NOINLINE void
locker(void *arg)
{
	EXPECT("sync.Mutex.Lock", "goro_mutex_lock");
	goro_mutex_lock(&held);
	STAY;
}

static NOINLINE void
group_waiter(void *arg)
{
	EXPECT("sync.WaitGroup.Wait", "goro_waitgroup_wait");
	goro_waitgroup_wait(&never_done);
	STAY;
}

static NOINLINE void
named(void *arg)
{
	goro_set_name("the \"named\", one");
	EXPECT("chan receive name:\"the _named__ one\"", "goro_chan_recv");
	goro_chan_recv(never, NULL);
	STAY;
}

/* One line, wherever it is stopped. */
#define SPIN(n)  \
	for (;;) \
	n++

/* ThreadSanitizer's functions would be on its stack. */
__attribute__((no_sanitize("thread"))) static NOINLINE void
spinner(void *arg)
{
	static volatile long n;

	EXPECT("running", NULL);
	SPIN(n);
}

static void
print_expected(void)
{
	bool first = true;

	for (int id = 0; id < GOROUTINES_MAX; id++) {
		if (!expected[id][0])
			continue;
		printf("%s%s", first ? "" : "\n", expected[id]);
		first = false;
	}
	puts("ready");
	fflush(stdout);
}

static NOINLINE int
program(void *arg)
{
	int n = 0;

	(void)arg;
	never = goro_chan_create(0, 0);
	other = goro_chan_create(sizeof(void *), 0);
	goro_mutex_lock(&held);
	goro_waitgroup_add(&never_done, 1);
	goro_waitgroup_add(&started, 12);
#define GO(fn) n += goro_go(fn, (void *)(long)__LINE__) != 0
	GO(receiver);
	GO(sender);
	GO(nil_receiver);
	GO(nil_sender);
	GO(selecter);
	GO(empty_selecter);
	GO(sleeper);
	GO(locker);
	GO(group_waiter);
	GO(named);
	GO(spinner);
	if (n != 11)
		return 1;
	expect("chan receive", "goro_chan_recv", __func__, __LINE__ + 3, 0);
	goro_waitgroup_wait(&started);
	print_expected();
	goro_chan_recv(never, NULL);
	return 0;
}

int
main(void)
{
	return goro_run(program, NULL);
}
