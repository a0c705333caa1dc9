// SPDX-License-Identifier: MIT
/*
 * stress_profile.c - profiles of all kinds while the ground moves
 *
 * stress_profile SECONDS
 *
 * Threads and goroutines allocate, load and unload libraries, throw signals at
 * each other and start and end; meanwhile all profiles are taken, CPU at
 * 4,000 Hz. What hangs shows as a test that does not end, what breaks as a
 * profile that cannot be read.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "goro/goro.h"
#include "goro/profile.h"

enum { HZ = 4000, MS = 1000000 };

static bool over;
static struct goro_chan *ch;
static struct goro_mutex mu;
static struct goro_waitgroup left;

static bool
is_over(void)
{
	return __atomic_load_n(&over, __ATOMIC_RELAXED);
}

static void
check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "stress_profile: %s\n", what);
	abort();
}

/* --- Threads -------------------------------------------------------------------- */

static void *
allocate(void *arg)
{
	void *p[64] = { NULL };
	unsigned x = 1;

	while (!is_over()) {
		x = x * 1664525 + 1013904223;
		free(p[x >> 26]);
		p[x >> 26] = malloc(x >> 8 & 0xffff);
	}
	for (int i = 0; i < 64; i++)
		free(p[i]);
	return arg;
}

static void *
load(void *arg)
{
	static const char *const libraries[] = { "libz.so.1", "libresolv.so.2",
						 "libanl.so.1",
						 "libnss_dns.so.2" };

	for (unsigned i = 0; !is_over(); i++) {
		void *lib = dlopen(libraries[i % 4], RTLD_NOW | RTLD_LOCAL);

		if (lib)
			dlclose(lib);
	}
	return arg;
}

static void *
nothing(void *arg)
{
	return arg;
}

static void *
start_threads(void *arg)
{
	pthread_t thread;

	while (!is_over())
		if (!pthread_create(&thread, NULL, nothing, NULL))
			pthread_join(thread, NULL);
	return arg;
}

/* --- Goroutines ------------------------------------------------------------------ */

static void
ping(void *arg)
{
	while (!is_over()) {
		goro_chan_send(ch, NULL);
		goro_mutex_lock(&mu);
		goro_yield();
		goro_mutex_unlock(&mu);
	}
	goro_waitgroup_done(&left);
	(void)arg;
}

static void
pong(void *arg)
{
	while (goro_chan_recv(ch, NULL))
		;
	(void)arg;
}

static void
short_lived(void *arg)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", (unsigned)(uintptr_t)arg % 8);
	goro_label_set("turn", text);
	free(malloc(1000));
}

static void
spawn(void *arg)
{
	for (uintptr_t i = 0; !is_over(); i++) {
		goro_go(short_lived, (void *)i);
		if (i % 64 == 0)
			goro_sleep(MS / 10);
	}
	goro_waitgroup_done(&left);
	(void)arg;
}

/* Who lives in malloc() is hardly ever where he may be stopped, and the others
 * are to have their turn. */
static void
churn(void *arg)
{
	for (unsigned i = 0; !is_over(); i++) {
		free(realloc(malloc(100), 10000));
		if (i % 64 == 0)
			goro_yield();
	}
	goro_waitgroup_done(&left);
	(void)arg;
}

/* --- Profiles -------------------------------------------------------------------- */

static void
take_all(int fd)
{
	static const char *const kinds[] = { "goroutine",    "creation",
					     "threadcreate", "block",
					     "wait",         "mutex",
					     "schedlatency" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		unsigned char magic[2] = { 0 };

		check(!ftruncate(fd, 0) && !lseek(fd, 0, SEEK_SET), "no file");
		check(!goro_profile_write(kinds[i], fd), kinds[i]);
		check(pread(fd, magic, 2, 0) == 2 && magic[0] == 0x1f &&
			      magic[1] == 0x8b,
		      "not a profile");
	}
}

static int
program(void *arg)
{
	int64_t until_ns = goro_now() + *(int *)arg * 1000000000ll;
	int fd = memfd_create("profile", 0);
	int profiles = 0;

	ch = goro_chan_create(0, 0);
	goro_waitgroup_add(&left, 5);
	goro_profile_block_rate(1);
	goro_profile_mutex_fraction(1);
	goro_go(pong, NULL);
	goro_go(ping, NULL);
	goro_go(ping, NULL);
	goro_go(spawn, NULL);
	goro_go(churn, NULL);
	goro_go(churn, NULL);
	while (goro_now() < until_ns) {
		check(!goro_profile_cpu_start(fd, HZ), "no CPU profile");
		take_all(fd);
		goro_sleep(20 * MS);
		check(!goro_profile_cpu_stop(), "CPU profile lost");
		profiles++;
	}
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	goro_waitgroup_wait(&left);
	goro_chan_close(ch);
	printf("%d rounds of profiles\n", profiles);
	return 0;
}

int
main(int argc, char **argv)
{
	static void *(*const work[])(void *) = { allocate, allocate, load,
						 start_threads };
	enum { THREADS = sizeof(work) / sizeof(*work) };
	int seconds = argc > 1 ? atoi(argv[1]) : 3, status;
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		check(!pthread_create(&thread[i], NULL, work[i], NULL), "no "
									"threa"
									"d");
	status = goro_run(program, &seconds);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	return status;
}
