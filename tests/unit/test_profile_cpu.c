// SPDX-License-Identifier: MIT
/*
 * test_profile_cpu.c - CPU time goes to who used it
 *
 * The program measures what each of its parts used by its thread's clock, and
 * the profile must say the same.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "goro/goro.h"
#include "profile_of.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
/* ThreadSanitizer hands signals over late, on whatever runs then; and what
 * was freed stays in use for a while with it, and with AddressSanitizer. */
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
enum { EXACT = false, SANITIZED = true };
#elif defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
enum { EXACT = true, SANITIZED = true };
#else
enum { EXACT = true, SANITIZED = false };
#endif

enum { SHARE = 30, MS = 1000000 };

static int64_t
thread_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

__attribute__((noinline)) static void
churn(uint64_t n)
{
	volatile uint64_t sink = 0;

	for (uint64_t i = 0; i < n; i++)
		sink = sink * 3 + i;
}

/* Two call paths to the same function; the comments keep the compiler from
 * making one of them. Each returns what it used. */
#define BURN(name)                                            \
	__attribute__((noinline)) static int64_t name(int ms) \
	{                                                     \
		int64_t start = thread_ns(), used;            \
                                                              \
		do {                                          \
			__asm__ volatile("# " #name);         \
			churn(20000);                         \
			used = thread_ns() - start;           \
		} while (used < (int64_t)ms * MS);            \
		return used;                                  \
	}
BURN(burn_less)
BURN(burn_more)

struct used {
	int64_t less, more;
};

static void
burn(struct used *u, int rounds)
{
	goro_preempt_off(); /* the clock is the thread's */
	for (int i = 0; i < rounds; i++) {
		u->less += burn_less(SHARE);
		u->more += burn_more(100 - SHARE);
	}
	goro_preempt_on();
}

static int
start_cpu(int hz)
{
	int fd = memfd_create("cpu", MFD_CLOEXEC);

	T_CHECK_EQ(goro_profile_cpu_start(fd, hz), 0);
	return fd;
}

static void
stop_cpu(int fd, struct gt_profile *ret)
{
	T_CHECK_EQ(goro_profile_cpu_stop(), 0);
	t_profile_read(fd, ret);
}

static bool
near(int64_t a, int64_t b, int64_t by)
{
	return a - b <= by && b - a <= by;
}

static void
check_samples(const struct gt_profile *p, const struct used *used)
{
	int64_t less = t_profile_sum(p, "burn_less", 1);
	int64_t more = t_profile_sum(p, "burn_more", 1);
	int64_t total = used->less + used->more;
	const char *how = gt_profile_string(p, p->comments.at[0]);

	/* Timers come with the kernel's tick, so time is told in 4 ms. */
	T_CHECK(near(less * 100 / (less + more), used->less * 100 / total,
		     strstr(how, "timers") ? 10 : 2));
	T_CHECK(near(less + more, total, total / 20));
	T_CHECK(t_profile_sum(p, "churn", 0) > 0);
	for (size_t i = 0; i < p->samples.n; i++) {
		const struct gt_profile_sample *s = &p->samples.at[i];

		if (!t_profile_has(p, s, "burn_less", false))
			continue;
		/* From the leaf to goro's entry, labels too. */
		T_CHECK(t_profile_has(p, s, "gr_g_main", false));
		T_CHECK(!strcmp(t_profile_label(p, s, "part"), "main"));
	}
}

T_GORO(cpu_time_goes_to_who_used_it)
{
	struct used used = { 0 };
	struct gt_profile p;
	int fd = start_cpu(1000);
	int64_t total, all;

	goro_label_set("part", "main");
	burn(&used, 12);
	stop_cpu(fd, &p);
	total = used.less + used.more;
	all = t_profile_sum(&p, NULL, 1);
	T_CHECK(all > 0);
	if (EXACT)
		check_samples(&p, &used);
	T_CHECK(!strcmp(gt_profile_string(&p, p.type[1].type), "cpu"));
	T_CHECK_EQ(p.period, 1000000);
	T_CHECK(p.duration_ns >= total);
	T_CHECK_EQ(p.comments.n, 1);
	gt_profile_fini(&p);
}

static void
burner(void *arg)
{
	struct used *u = arg;

	burn(u, 3);
}

/* Threads that start later are sampled as well. */
T_GORO(all_threads_are_sampled)
{
	struct used used[4] = { 0 };
	struct gt_profile p;
	int fd = start_cpu(500);
	int64_t total = 0;

	for (int i = 0; i < 4; i++)
		goro_go(burner, &used[i]);
	T_EVENTUALLY((goro_sleep(10 * MS), goro_count() == 1));
	stop_cpu(fd, &p);
	for (int i = 0; i < 4; i++)
		total += used[i].less + used[i].more;
	T_CHECK(total >= 4 * 300 * MS);
	if (EXACT)
		T_CHECK(near(t_profile_sum(&p, "burner", 1), total,
			     total / 10));
	gt_profile_fini(&p);
}

static bool go_on;

static void *
own_thread(void *arg)
{
	while (!__atomic_load_n(&go_on, __ATOMIC_ACQUIRE))
		sched_yield();
	burn_more(200);
	return arg;
}

/* Threads that are not the runtime's, if they were there at the start. */
static void
other_threads_are_sampled(void **state)
{
	struct gt_profile p;
	pthread_t thread;
	int fd;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, own_thread, NULL), 0);
	fd = start_cpu(0);
	__atomic_store_n(&go_on, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	burn_less(100);
	stop_cpu(fd, &p);
	assert_int_equal(p.period, 10000000);
	if (EXACT) {
		assert_true(t_profile_sum(&p, "own_thread", 1) >= 100ll * MS);
		assert_true(t_profile_sum(&p, "main", 1) >= 50ll * MS);
	}
	gt_profile_fini(&p);
}

static void
only_one_is_on_at_a_time(void **state)
{
	struct gt_profile p;
	int fd;

	(void)state;
	assert_int_equal(goro_profile_cpu_stop(), -EINVAL);
	assert_int_equal(goro_profile_cpu_start(1, -1), -EINVAL);
	assert_int_equal(goro_profile_cpu_start(1, 10001), -EINVAL);
	fd = start_cpu(0);
	assert_int_equal(goro_profile_cpu_start(1, 0), -EBUSY);
	stop_cpu(fd, &p);
	gt_profile_fini(&p);
	assert_int_equal(goro_profile_cpu_stop(), -EINVAL);
}

static int
fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static long
resident_pages(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long all = 0, resident = 0;

	assert_int_equal(fscanf(f, "%ld %ld", &all, &resident), 2);
	fclose(f);
	return resident;
}

static void
starts_and_stops_leave_nothing(void **state)
{
	enum { WARM = 20, MORE = 300 };
	int before = 0;
	long pages = 0;

	(void)state;
	for (int i = 0; i < WARM + MORE; i++) {
		struct gt_profile p;

		if (i == WARM) {
			before = fds();
			pages = resident_pages();
		}
		int fd = start_cpu(1000);
		churn(10000);
		stop_cpu(fd, &p);
		gt_profile_fini(&p);
	}
	assert_int_equal(fds(), before);
	assert_true(SANITIZED || resident_pages() - pages < 2048);
}

static void
on_mine(int sig)
{
	(void)sig;
}

static void
with_a_handler_of_its_own(void)
{
	signal(SIGPROF, on_mine);
	if (goro_profile_cpu_start(1, 0) == -EPERM)
		exit(3);
}

static void
with_the_option(void)
{
	setenv("GORODEBUG", "schedtrace=0,sigprof=off", 1);
	if (goro_profile_cpu_start(1, 0) == -EPERM)
		exit(3);
}

static void
after_a_profile_sigprof_does_no_harm(void)
{
	int fd = memfd_create("cpu", MFD_CLOEXEC);

	if (goro_profile_cpu_start(fd, 0) || raise(SIGPROF) ||
	    goro_profile_cpu_stop() || raise(SIGPROF))
		exit(1);
	exit(3);
}

/* Children: what they do to SIGPROF stays there. */
static void
sigprof_is_left_to_the_program(void **state)
{
	static struct t_child child;

	(void)state;
	t_child_run(&child, with_a_handler_of_its_own);
	assert_int_equal(child.status, 3);
	t_child_run(&child, with_the_option);
	assert_int_equal(child.status, 3);
	t_child_run(&child, after_a_profile_sigprof_does_no_harm);
	assert_int_equal(child.status, 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sigprof_is_left_to_the_program),
		cmocka_unit_test(cpu_time_goes_to_who_used_it),
		cmocka_unit_test(all_threads_are_sampled),
		cmocka_unit_test(other_threads_are_sampled),
		cmocka_unit_test(only_one_is_on_at_a_time),
		cmocka_unit_test(starts_and_stops_leave_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
