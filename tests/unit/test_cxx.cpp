// SPDX-License-Identifier: MIT
/*
 * test_cxx.cpp - goroutines in C++17: exceptions stay within one goroutine
 *
 * Plain checks instead of cmocka's, whose longjmp() would skip destructors.
 */
#include <goro/goro.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

static void
check(bool right, const char *what)
{
	if (right)
		return;
	std::fprintf(stderr, "test_cxx: not so: %s\n", what);
	std::abort();
}

static int destroyed;

struct counted {
	~counted() { __atomic_fetch_add(&destroyed, 1, __ATOMIC_SEQ_CST); }
};

struct job {
	goro_chan *in, *out;
};

/* Parks between the throw's frame and the catch's: the goroutine may be on
 * another thread when it throws. */
static long
receive_or_throw(goro_chan *ch)
{
	counted guard;
	long value = 0;

	if (!goro_chan_recv(ch, &value))
		throw std::runtime_error("closed");
	if (value % 3 == 0)
		throw std::string("a multiple of three");
	return value;
}

static void
worker(void *arg)
{
	job *j = static_cast<job *>(arg);
	long caught = 0;

	for (;;) {
		try {
			receive_or_throw(j->in);
		} catch (const std::string &) {
			caught++;
			goro_yield(); /* inside the handler, too */
		} catch (const std::exception &e) {
			check(std::string(e.what()) == "closed", "its text");
			break;
		}
	}
	goro_chan_send(j->out, &caught);
}

static int
run(void *)
{
	enum { WORKERS = 8, VALUES = 3000 };
	job j = { goro_chan_create(sizeof(long), 4),
		  goro_chan_create(sizeof(long), 0) };
	long sum = 0, caught;

	for (int i = 0; i < WORKERS; i++)
		check(goro_go(worker, &j) != 0, "a goroutine starts");
	for (long v = 0; v < VALUES; v++) {
		goro_case cases[] = { GORO_SEND(j.in, &v) };
		check(goro_select(cases, 1) == 0, "the only case");
	}
	goro_chan_close(j.in);
	for (int i = 0; i < WORKERS; i++) {
		goro_case c = GORO_RECV(j.out, &caught);
		check(goro_select(&c, 1) == 0 && c.ok, "a worker's count");
		sum += caught;
	}
	check(sum == VALUES / 3, "each throw was caught, once");
	check(destroyed == VALUES + WORKERS, "each guard was destroyed");

	goro_mutex m = GORO_MUTEX_INIT;
	goro_mutex_lock(&m);
	goro_mutex_unlock(&m);
	goro_chan_unref(j.in);
	goro_chan_unref(j.out);
	return 0;
}

int
main()
{
	return goro_run(run, nullptr);
}
