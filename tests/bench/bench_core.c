// SPDX-License-Identifier: MIT
/*
 * bench_core.c - the scheduler and channels, work for work as in go/bench.go
 *
 * One line a result: its name, its value, its unit. `compare` runs both.
 *
 *   bench_core [WORK...]     all by default
 *   bench_core --list        their names
 */
#include <goro/goro.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 1000000 };

static void
report(const char *name, double value, const char *unit)
{
	printf("%s %.1f %s\n", name, value, unit);
}

static struct goro_chan *a, *b;

static void
pong(void *arg)
{
	long x;

	(void)arg;
	for (int i = 0; i < N; i++) {
		goro_chan_recv(a, &x);
		goro_chan_send(b, &x);
	}
}

static int64_t
ping_pong(void)
{
	long x = 0;

	goro_go(pong, NULL);
	for (int i = 0; i < N; i++) {
		goro_chan_send(a, &x);
		goro_chan_recv(b, &x);
	}
	return N;
}

static void
yield_often(void *wg)
{
	for (int i = 0; i < N; i++)
		goro_yield();
	goro_waitgroup_done(wg);
}

static int64_t
yield(void)
{
	struct goro_waitgroup wg = GORO_WAITGROUP_INIT;

	goro_waitgroup_add(&wg, 2);
	goro_go(yield_often, &wg);
	goro_go(yield_often, &wg);
	goro_waitgroup_wait(&wg);
	return 2 * N;
}

static void
send_one(void *arg)
{
	(void)arg;
	goro_chan_send(b, &(long){ 1 });
}

static int64_t
spawn_join(void)
{
	long x;

	for (int i = 0; i < N; i++) {
		goro_go(send_one, NULL);
		goro_chan_recv(b, &x);
	}
	return N;
}

static void
finish(void *wg)
{
	goro_waitgroup_done(wg);
}

static int64_t
spawn_many(void)
{
	struct goro_waitgroup wg = GORO_WAITGROUP_INIT;

	goro_waitgroup_add(&wg, N);
	for (int i = 0; i < N; i++)
		goro_go(finish, &wg);
	goro_waitgroup_wait(&wg);
	return N;
}

static struct goro_chan *items;

static void
produce(void *n)
{
	for (long i = 0; i < (long)n; i++)
		goro_chan_send(items, &i);
}

static void
consume(void *wg)
{
	long x;

	while (goro_chan_recv(items, &x))
		;
	goro_waitgroup_done(wg);
}

static int64_t
pass(int each)
{
	struct goro_waitgroup wg = GORO_WAITGROUP_INIT;

	items = goro_chan_create(sizeof(long), 128);
	goro_waitgroup_add(&wg, each);
	for (int i = 0; i < each; i++)
		goro_go(consume, &wg);
	for (int i = 1; i < each; i++)
		goro_go(produce, (void *)(long)(N / each));
	produce((void *)(long)(N / each));
	while (goro_count() > (size_t)each + 1)
		goro_yield();
	goro_chan_close(items);
	goro_waitgroup_wait(&wg);
	goro_chan_unref(items);
	return N;
}

static int64_t
buffered_1_1(void)
{
	return pass(1);
}

static int64_t
buffered_4_4(void)
{
	return pass(4);
}

/* A ready select of @n with the send that makes it ready. */
static int64_t
ready_select(int n)
{
	struct goro_chan *ch[8];
	struct goro_case cases[8];
	long x = 0;

	for (int i = 0; i < n; i++) {
		ch[i] = goro_chan_create(sizeof(long), 1);
		cases[i] = GORO_RECV(ch[i], &x);
	}
	for (int i = 0; i < N; i++) {
		goro_chan_send(ch[i % n], &x);
		goro_select(cases, n);
	}
	for (int i = 0; i < n; i++)
		goro_chan_unref(ch[i]);
	return N;
}

static int64_t
select_ready_2(void)
{
	return ready_select(2);
}

static int64_t
select_ready_8(void)
{
	return ready_select(8);
}

struct senders {
	struct goro_chan *ch[8];
	int n;
};

static void
send_in_turn(void *arg)
{
	struct senders *s = arg;

	for (long i = 0; i < N / 4; i++)
		goro_chan_send(s->ch[i % s->n], &i);
}

/* A select that waits, and the send that wakes it. */
static int64_t
blocking_select(int n)
{
	struct senders s = { .n = n };
	struct goro_case cases[8];
	long x = 0;

	for (int i = 0; i < n; i++) {
		s.ch[i] = goro_chan_create(sizeof(long), 0);
		cases[i] = GORO_RECV(s.ch[i], &x);
	}
	goro_go(send_in_turn, &s);
	for (int i = 0; i < N / 4; i++)
		goro_select(cases, n);
	for (int i = 0; i < n; i++)
		goro_chan_unref(s.ch[i]);
	return N / 4;
}

static int64_t
select_wait_2(void)
{
	return blocking_select(2);
}

static int64_t
select_wait_8(void)
{
	return blocking_select(8);
}

struct filter {
	struct goro_chan *in, *out;
	long prime;
};

static void
generate(void *ch)
{
	for (long i = 2;; i++)
		goro_chan_send(ch, &i);
}

static void
sift(void *arg)
{
	struct filter f = *(struct filter *)arg;
	long i;

	for (;;) {
		goro_chan_recv(f.in, &i);
		if (i % f.prime)
			goro_chan_send(f.out, &i);
	}
}

static int64_t
sieve(void)
{
	enum { PRIMES = 2000 };
	struct goro_chan *ch = goro_chan_create(sizeof(long), 0);

	goro_go(generate, ch);
	for (int i = 0; i < PRIMES; i++) {
		struct filter f = { .in = ch };

		goro_chan_recv(ch, &f.prime);
		ch = f.out = goro_chan_create(sizeof(long), 0);
		goro_go_copy(sift, &f, sizeof(f));
	}
	return PRIMES;
}

static struct goro_mutex mutex;
static long counter;

static void
count_up(void *wg)
{
	for (int i = 0; i < N / 8; i++) {
		goro_mutex_lock(&mutex);
		counter++;
		goro_mutex_unlock(&mutex);
	}
	goro_waitgroup_done(wg);
}

/* Held while others run: they all come to wait. */
static void
count_up_slowly(void *wg)
{
	for (int i = 0; i < N / 8; i++) {
		goro_mutex_lock(&mutex);
		goro_yield();
		counter++;
		goro_mutex_unlock(&mutex);
	}
	goro_waitgroup_done(wg);
}

static int64_t
lock_alone(void)
{
	for (int i = 0; i < N; i++) {
		goro_mutex_lock(&mutex);
		goro_mutex_unlock(&mutex);
	}
	return N;
}

static int64_t
eight(void (*fn)(void *wg))
{
	struct goro_waitgroup wg = GORO_WAITGROUP_INIT;

	goro_waitgroup_add(&wg, 8);
	for (int i = 0; i < 8; i++)
		goro_go(fn, &wg);
	goro_waitgroup_wait(&wg);
	return N;
}

static int64_t
lock_8(void)
{
	return eight(count_up);
}

static int64_t
lock_8_yield(void)
{
	return eight(count_up_slowly);
}

/* Ten children each, down to a million leaves that send their number up. */
struct node {
	struct goro_chan *up;
	long number, leaves;
};

static void
node(void *arg)
{
	struct node n = *(struct node *)arg,
		    child = { .leaves = n.leaves / 10 };
	long sum = n.number, x;

	if (n.leaves > 1) {
		child.up = goro_chan_create(sizeof(long), 0);
		for (int i = 0; i < 10; i++) {
			child.number = n.number + i * child.leaves;
			goro_go_copy(node, &child, sizeof(child));
		}
		sum = 0;
		for (int i = 0; i < 10; i++) {
			goro_chan_recv(child.up, &x);
			sum += x;
		}
		goro_chan_unref(child.up);
	}
	goro_chan_send(n.up, &sum);
}

static int64_t
skynet(void)
{
	struct node root = { .up = a, .leaves = N };
	long sum;

	goro_go_copy(node, &root, sizeof(root));
	goro_chan_recv(a, &sum);
	if (sum != (long)N * (N - 1) / 2)
		abort();
	return N;
}

/* --- Goroutines that wait ------------------------------------------------- */

static double
resident_bytes(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*s %ld", &pages) != 1)
		abort();
	fclose(f);
	return pages * 4096.0;
}

static struct goro_waitgroup arrived, left;

static void
park(void *ch)
{
	goro_waitgroup_done(&arrived);
	goro_chan_recv(ch, NULL);
	goro_waitgroup_done(&left);
}

static int64_t
parked(void)
{
	double before = resident_bytes();
	int64_t start_ns = goro_now(), parked_ns;

	goro_waitgroup_add(&arrived, N);
	goro_waitgroup_add(&left, N);
	for (int i = 0; i < N; i++)
		if (!goro_go(park, a))
			abort();
	goro_waitgroup_wait(&arrived);
	parked_ns = goro_now();
	report("parked-1m-start", (double)(parked_ns - start_ns) / N, "ns");
	report("parked-1m-resident", (resident_bytes() - before) / N, "B");
	start_ns = goro_now();
	goro_chan_close(a);
	goro_waitgroup_wait(&left);
	report("parked-1m-release", (double)(goro_now() - start_ns) / N, "ns");
	return 0;
}

static void
sleep_long(void *wg)
{
	goro_sleep(6000000000);
	goro_waitgroup_done(wg);
}

/* What a million sleeps of six seconds take beyond the six. */
static int64_t
sleepers(void)
{
	struct goro_waitgroup wg = GORO_WAITGROUP_INIT;
	int64_t start_ns = goro_now();

	goro_waitgroup_add(&wg, N);
	for (int i = 0; i < N; i++)
		if (!goro_go(sleep_long, &wg))
			abort();
	goro_waitgroup_wait(&wg);
	report("sleepers-1m", (goro_now() - start_ns - 6e9) / N, "ns");
	return 0;
}

enum { LATE_GOROUTINES = 1000, LATE_SLEEPS = 20 };

static int64_t late_ns[LATE_GOROUTINES * LATE_SLEEPS];

static void
sleep_often(void *arg)
{
	int nth = (int)(long)arg;

	for (int i = 0; i < LATE_SLEEPS; i++) {
		/* 1 to 50 ms, spread evenly, the same in Go. */
		int64_t ns = 1000000 + (nth * 7919L + i * 104729L) % 49000000;
		int64_t start_ns = goro_now();

		goro_sleep(ns);
		late_ns[nth * LATE_SLEEPS + i] = goro_now() - start_ns - ns;
	}
	goro_waitgroup_done(&left);
}

static int
compare_ns(const void *x, const void *y)
{
	int64_t p = *(const int64_t *)x, q = *(const int64_t *)y;

	return p < q ? -1 : p > q;
}

static void
report_lateness(const char *name, int count)
{
	char text[64];

	qsort(late_ns, count, sizeof(*late_ns), compare_ns);
	snprintf(text, sizeof(text), "%s-p50", name);
	report(text, late_ns[count / 2] / 1e3, "us");
	snprintf(text, sizeof(text), "%s-p99", name);
	report(text, late_ns[count / 100 * 99] / 1e3, "us");
}

static int64_t
lateness(void)
{
	goro_waitgroup_add(&left, LATE_GOROUTINES);
	for (long i = 0; i < LATE_GOROUTINES; i++)
		goro_go(sleep_often, (void *)i);
	goro_waitgroup_wait(&left);
	report_lateness("lateness", LATE_GOROUTINES * LATE_SLEEPS);
	return 0;
}

/* One goroutine that sleeps for 1 ms, again and again. */
static void
sleep_1_ms(int times, const char *name)
{
	for (int i = 0; i < times; i++) {
		int64_t start_ns = goro_now();

		goro_sleep(1000000);
		late_ns[i] = goro_now() - start_ns - 1000000;
	}
	report_lateness(name, times);
}

static int64_t
lateness_alone(void)
{
	sleep_1_ms(500, "late-1ms");
	return 0;
}

static bool spinners_end;

static void
spin(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&spinners_end, __ATOMIC_RELAXED))
		;
}

/* The same beside as many goroutines that never call anything as there are
 * workers. */
static int64_t
lateness_beside_spinners(void)
{
	for (int i = goro_maxprocs(0); i; i--)
		goro_go(spin, NULL);
	sleep_1_ms(100, "late-spinners");
	__atomic_store_n(&spinners_end, true, __ATOMIC_RELAXED);
	return 0;
}

/* -------------------------------------------------------------------------- */

static const struct work {
	const char *name;
	/* Returns the number of operations; 0: it has reported by itself. */
	int64_t (*run)(void);
} works[] = {
	{ "ping-pong", ping_pong },
	{ "yield", yield },
	{ "spawn-join", spawn_join },
	{ "spawn-many", spawn_many },
	{ "buffered-1-1", buffered_1_1 },
	{ "buffered-4-4", buffered_4_4 },
	{ "select-ready-2", select_ready_2 },
	{ "select-ready-8", select_ready_8 },
	{ "select-wait-2", select_wait_2 },
	{ "select-wait-8", select_wait_8 },
	{ "sieve-2000", sieve },
	{ "mutex-alone", lock_alone },
	{ "mutex-8", lock_8 },
	{ "mutex-8-yield", lock_8_yield },
	{ "skynet-1m", skynet },
	{ "parked-1m", parked },
	{ "sleepers-1m", sleepers },
	{ "lateness", lateness },
	{ "late-1ms", lateness_alone },
	{ "late-spinners", lateness_beside_spinners },
};

static int
run_one(void *arg)
{
	const struct work *w = arg;
	int64_t start_ns, n;

	a = goro_chan_create(sizeof(long), 0);
	b = goro_chan_create(sizeof(long), 0);
	start_ns = goro_now();
	n = w->run();
	if (n)
		report(w->name, (double)(goro_now() - start_ns) / n, "ns");
	return 0;
}

int
main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(works) / sizeof(*works); i++) {
		bool wanted = argc == 1;

		if (argc == 2 && !strcmp(argv[1], "--list"))
			puts(works[i].name);
		for (int k = 1; k < argc; k++)
			wanted |= !strcmp(argv[k], works[i].name);
		if (wanted)
			goro_run(run_one, (void *)&works[i]);
	}
	return 0;
}
