// SPDX-License-Identifier: MIT
/*
 * profile.c - the profiles that can be had, and writing them
 *
 * Context    Putting a profile together takes milliseconds, and up to seconds
 *            for a million goroutines; writing it may block. On a goroutine
 *            both happen in a blocking section, so that others go on.
 * Locks      guard: one profile at a time, and not while a run ends.
 */
#include "profile.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "code.h"
#include "goro/goro.h"
#include "goro/profile.h"
#include "labels.h"
#include "profile_heap.h"
#include "profile_session.h"
#include "sched.h"
#include "thread.h"

#define WALL_NS 1000000000ll

const char *const gr_profile_names[GR_PROFILE_KINDS] = {
	[GR_PROFILE_GOROUTINE] = "goroutine",
	[GR_PROFILE_CREATION] = "creation",
	[GR_PROFILE_THREADCREATE] = "threadcreate",
	[GR_PROFILE_CHAN] = "chan",
	[GR_PROFILE_GOROUTINELEAK] = "goroutineleak",
	[GR_PROFILE_HEAP] = "heap",
	[GR_PROFILE_ALLOCS] = "allocs",
	[GR_PROFILE_BLOCK] = "block",
	[GR_PROFILE_WAIT] = "wait",
	[GR_PROFILE_MUTEX] = "mutex",
	[GR_PROFILE_SCHEDLATENCY] = "schedlatency",
};

extern const char gr_reason_names[GORO_WAIT_REASONS][32]; /* abi.c */

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

void
gr_profile_guard(void)
{
	pthread_mutex_lock(&guard);
}

void
gr_profile_unguard(void)
{
	pthread_mutex_unlock(&guard);
}

int64_t
gr_profile_time_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

int
gr_profile_find(const char *name)
{
	for (int i = 0; i < GR_PROFILE_KINDS; i++)
		if (!strcmp(gr_profile_names[i], name))
			return i;
	return -ENOENT;
}

/* All of it, whatever the descriptor's mode. 0 or -errno. */
int
gr_profile_write_all(int fd, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n) {
		ssize_t put = write(fd, at, n);

		if (put > 0) {
			at += put;
			n -= (size_t)put;
		} else if (put < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, -1);
		} else if (put < 0 && errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

static const char *
reason_text(uint32_t reason)
{
	return gr_reason_names[reason];
}

/* As Go has it; the two differ in what pprof shows at first. */
static void
describe_heap(enum gr_profile_kind kind, struct gr_profile_spec *spec)
{
	spec->value[0] = (struct gr_profile_type){ "alloc_objects", "count" };
	spec->value[1] = (struct gr_profile_type){ "alloc_space", "bytes" };
	spec->value[2] = (struct gr_profile_type){ "inuse_objects", "count" };
	spec->value[3] = (struct gr_profile_type){ "inuse_space", "bytes" };
	spec->values_n = 4;
	spec->gone = true;
	spec->count_shift = GR_PROFILE_COUNT_SHIFT;
	spec->period_type = (struct gr_profile_type){ "space", "bytes" };
	spec->period = gr_profile_heap_rate();
	if (kind == GR_PROFILE_ALLOCS)
		spec->default_type = "alloc_space";
}

/* What is counted, and in what. */
static void
describe(enum gr_profile_kind kind, struct gr_profile_spec *spec)
{
	const char *name = gr_profile_names[kind];

	if (kind == GR_PROFILE_HEAP || kind == GR_PROFILE_ALLOCS) {
		describe_heap(kind, spec);
		return;
	}
	spec->value[0] = (struct gr_profile_type){ name, "count" };
	spec->values_n = 1;
	spec->period = 1;
	if (kind == GR_PROFILE_CHAN) {
		spec->value[0].type = "channels";
		spec->value[1] = (struct gr_profile_type){ "items", "count" };
		spec->value[2] = (struct gr_profile_type){ "senders", "count" };
		spec->value[3] = (struct gr_profile_type){ "receivers", "coun"
									"t" };
		spec->values_n = 4;
		spec->default_type = "channels";
		spec->tag_key = "state";
		spec->tag_text = gr_profile_chan_text;
	}
	if (kind >= GR_PROFILE_BLOCK) {
		spec->value[0].type = kind == GR_PROFILE_SCHEDLATENCY ? "start"
									"s" :
									"conten"
									"tions";
		spec->value[1].type = kind == GR_PROFILE_SCHEDLATENCY ? "latenc"
									"y" :
									"delay";
		spec->value[1].unit = "nanoseconds";
		spec->values_n = 2;
		spec->count_shift = GR_PROFILE_COUNT_SHIFT;
		spec->scale = gr_cycle_ns();
		spec->tag_key = "reason";
		spec->tag_text = reason_text;
	}
	spec->period_type = spec->value[0];
}

/* Under the guard. */
static int
fill(struct gr_traces *ts, enum gr_profile_kind kind,
     const struct gr_regs *here, bool creators)
{
	if (creators && kind != GR_PROFILE_GOROUTINE)
		return -EOPNOTSUPP;
	if (!gr_code_refresh())
		return -ENOMEM;
	if (kind == GR_PROFILE_GOROUTINELEAK)
		return gr_profile_leaks(ts);
	if (kind == GR_PROFILE_HEAP || kind == GR_PROFILE_ALLOCS)
		return gr_profile_heap(ts);
	if (kind == GR_PROFILE_CHAN)
		gr_profile_chans(ts);
	else if (kind >= GR_PROFILE_BLOCK)
		gr_profile_events_copy(kind, ts);
	else
		gr_profile_goroutines(ts, kind, here, 0, creators);
	return 0;
}

int
gr_profile_collect(enum gr_profile_kind kind, const struct gr_regs *here,
		   bool creators, struct gr_traces **ret)
{
	struct gr_traces *ts = gr_traces_create(GR_TRACES_BYTES, true);
	int err;

	if (!ts)
		return -ENOMEM;
	gr_profile_guard();
	err = fill(ts, kind, here, creators);
	gr_profile_unguard();
	if (err)
		gr_traces_destroy(ts);
	else
		*ret = ts;
	return err;
}

static void
count(const struct gr_trace *t, void *arg)
{
	size_t *n = arg;

	*n += t->count;
}

size_t
gr_profile_count(enum gr_profile_kind kind)
{
	struct gr_traces *ts;
	size_t n = 0;

	/* Whether there are any takes stopping all threads. */
	if (kind == GR_PROFILE_GOROUTINELEAK)
		return 0;
	if (kind == GR_PROFILE_THREADCREATE)
		return (size_t)gr_threads_alive();
	if (kind < GR_PROFILE_THREADCREATE) {
		gr_profile_guard();
		n = goro_count();
		gr_profile_unguard();
		return n;
	}
	gr_labels_hold();
	if (!gr_profile_collect(kind, NULL, false, &ts)) {
		gr_traces_each(ts, count, &n);
		gr_traces_destroy(ts);
	}
	gr_labels_release();
	return gr_profile_is_weighed(kind) ? n >> GR_PROFILE_COUNT_SHIFT : n;
}

static int
encode(struct gr_traces *ts, struct gr_profile_spec *spec, int64_t duration_ns,
       struct gr_pb *ret)
{
	struct gr_code *code = gr_code_refresh();

	spec->time_ns = gr_profile_time_ns();
	spec->duration_ns = duration_ns;
	return code ? gr_profile_encode(ts, spec, &code->modules, ret) :
		      -ENOMEM;
}

int
gr_profile_encode_kind(enum gr_profile_kind kind, struct gr_traces *ts,
		       int64_t duration_ns, struct gr_pb *ret)
{
	struct gr_profile_spec spec = { 0 };

	describe(kind, &spec);
	return encode(ts, &spec, duration_ns, ret);
}

/* As fgprof has it. */
int
gr_profile_encode_wall(struct gr_traces *ts, int64_t period_ns,
		       int64_t duration_ns, struct gr_pb *ret)
{
	struct gr_profile_spec spec = {
		.value = { { "samples", "count" }, { "time", "nanoseconds" } },
		.values_n = 2,
		.period_type = { "wallclock", "nanoseconds" },
		.period = period_ns,
	};

	return encode(ts, &spec, duration_ns, ret);
}

int
gr_profile_make(enum gr_profile_kind kind, const struct gr_regs *here,
		bool creators, struct gr_pb *ret)
{
	struct gr_traces *ts;
	int err;

	gr_labels_hold();
	err = gr_profile_collect(kind, here, creators, &ts);
	if (!err) {
		err = gr_profile_encode_kind(kind, ts, 0, ret);
		gr_traces_destroy(ts);
	}
	gr_labels_release();
	return err;
}

/* Begin a blocking section, where there are goroutines that it can help. */
static bool
section_begin(void)
{
	const struct gr_m *m = gr_m_self();

	if (!m || !m->g || !m->p)
		return false;
	goro_blocking_begin();
	return true;
}

static void
section_end(bool begun)
{
	if (begun)
		goro_blocking_end();
}

static int
make_wall(struct gr_pb *ret)
{
	struct gr_profile_session s;
	int64_t until_ns = gr_now_ns() + WALL_NS, next_ns;
	int err = gr_profile_begin(&s, "wall", 0, false);

	if (err)
		return err;
	while ((next_ns = gr_profile_tick(&s)) < until_ns) {
		struct timespec t = { next_ns / 1000000000,
				      next_ns % 1000000000 };

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	}
	return gr_profile_end(&s, ret);
}

int
goro_profile_write(const char *kind, int fd)
{
	bool wall = !strcmp(kind, "wall");
	int k = wall ? 0 : gr_profile_find(kind), err;
	struct gr_pb bytes = { 0 };
	struct gr_regs here;
	bool section;

	if (k < 0)
		return k;
	gr_regs_capture(&here);
	section = section_begin();
	err = wall ? make_wall(&bytes) :
		     gr_profile_make((enum gr_profile_kind)k, &here, false,
				     &bytes);
	if (!err)
		err = gr_profile_write_all(fd, bytes.bytes, bytes.n);
	gr_pb_fini(&bytes);
	section_end(section);
	return err;
}

static int cpu_fd;

int
goro_profile_cpu_start(int fd, int hz)
{
	int err = gr_profile_cpu_start(hz, false);

	if (!err)
		cpu_fd = fd;
	return err;
}

int
goro_profile_cpu_stop(void)
{
	bool section = section_begin();
	struct gr_pb bytes = { 0 };
	int fd = cpu_fd, err = gr_profile_cpu_stop(&bytes);

	if (!err)
		err = gr_profile_write_all(fd, bytes.bytes, bytes.n);
	gr_pb_fini(&bytes);
	section_end(section);
	return err;
}
