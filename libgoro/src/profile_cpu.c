// SPDX-License-Identifier: MIT
/*
 * profile_cpu.c - where CPU time goes, by SIGPROF
 *
 * Idea       Each thread has a clock of its own CPU time that sends it a
 *            signal every period; the handler walks the stack and adds it to
 *            the table. The clock is a perf event of the kernel's, exact to
 *            10 kHz, or where those are forbidden a POSIX timer, which comes
 *            with the kernel's tick only (100 to 1,000 a second). A sample
 *            counts for all the CPU time since the thread's last one, so late
 *            or merged signals cost detail, not time.
 * Lost       setitimer(): one signal for the process, which lands on any
 *            thread; of two busy ones it may favour one all the time.
 * Threads    All that are there at the start, and the runtime's later ones.
 *            Each has a slot; only its own handler writes `last_ns`.
 * Stack      found by the address: during a switch the thread's word for the
 *            goroutine that it runs is early.
 * End        The clocks are stopped, then handlers under way are waited for.
 *            A signal may still be on its way to a thread that blocks it, so
 *            the handler stays: it finds the profile off.
 * Locks      control: start, stop, slots. The handler takes none.
 * Source     Go, runtime/os_linux.go setThreadCPUProfiler(); async-profiler,
 *            docs/CpuSamplingEngines.md
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "code.h"
#include "labels.h"
#include "options.h"
#include "profile.h"
#include "sched.h"

enum {
	DEFAULT_HZ = 100,
	MAX_HZ = 10000,
	THREADS = 1024, /* sampled; those beyond are counted as missed */
};

/* Where glibc's struct sigevent keeps the thread. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

struct slot {
	pid_t tid; /* 0: free; [pair cpu-slot] */
	int fd;    /* perf event, or -1 */
	timer_t timer;
	bool timed;      /* it has that */
	int64_t last_ns; /* of its CPU time, at the last sample; [pair cpu-last] */
	struct gr_own_stack own;
};

static struct {
	pthread_mutex_t control;
	bool on;           /* [pair cpu-on] */
	uint32_t handlers; /* under way; [pair cpu-on] */
	struct gr_traces *ts;
	struct gr_code *code;
	struct slot *slots;
	uint32_t slots_n; /* [pair cpu-slot] */
	uint32_t missed;  /* threads without a clock */
	int64_t period_ns, start_ns;
	bool creators; /* who started the goroutine is told */
	enum { TIMERS, PERF_USER, PERF_ALL } source;
	bool installed;
} cpu = { .control = PTHREAD_MUTEX_INITIALIZER };

/* --- The handler ---------------------------------------------------------- */

static struct slot *
slot_of(pid_t tid)
{
	uint32_t n = gr_load_acq(&cpu.slots_n); /* [pair cpu-slot] */

	for (uint32_t i = 0; i < n; i++)
		if (gr_load_acq(&cpu.slots[i].tid) == tid)
			return &cpu.slots[i];
	return NULL;
}

static int64_t
clock_ns(clockid_t id)
{
	struct timespec t;

	return clock_gettime(id, &t) ? 0 : t.tv_sec * 1000000000ll + t.tv_nsec;
}

/*
 * Did the walk end at a signal's frame? SIGPROF has come with another signal,
 * and interrupted the handler of that, which is on the alternate stack: go on
 * with what that one interrupted. The kernel's frame is the ucontext, once the
 * return address is popped.
 */
static bool
under_handler(struct gr_unwind *u)
{
	const struct gr_row *row = gr_rows_find(&cpu.code->rows,
						gr_unwind_pc(u));
	uintptr_t sp = u->regs.r[GR_REG_SP];

	if (!row || !(row->flags & GR_ROW_SIGNAL) || sp < u->lo || sp > u->hi ||
	    u->hi - sp < sizeof(ucontext_t))
		return false;
	gr_regs_from_ucontext(&u->regs, (const ucontext_t *)sp);
	u->exact = true;
	return true;
}

static void
sample(struct slot *slot, const ucontext_t *uc)
{
	struct gr_unwind u = { .exact = true };
	uintptr_t pc[GR_TRACE_DEPTH];
	struct gr_trace_key key = { .pc = pc };
	int64_t now_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	int64_t used_ns = now_ns - gr_load_rlx(&slot->last_ns);
	const struct gr_g *g;

	if (used_ns <= 0)
		return;
	gr_store_rlx(&slot->last_ns, now_ns); /* [pair cpu-last] */
	gr_regs_from_ucontext(&u.regs, uc);
	g = gr_code_stack(&u, &slot->own);
	key.n = gr_code_walk(cpu.code, &u, 0, pc, GR_TRACE_DEPTH);
	if (!g && key.n < GR_TRACE_DEPTH && under_handler(&u)) {
		g = gr_code_stack(&u, &slot->own);
		key.n += gr_code_walk(cpu.code, &u, 0, pc + key.n,
				      GR_TRACE_DEPTH - key.n);
	}
	/* [pair labels] its own goroutine's set, which it keeps meanwhile. */
	if (g)
		key.labels = gr_load_acq(&g->labels);
	if (g && cpu.creators)
		key.creator = g->creator_pc;
	gr_traces_add(cpu.ts, &key, 1, (uint64_t)used_ns);
}

/* From a clock of ours, not from somebody's kill(1)? */
static bool
is_ours(const siginfo_t *info)
{
	return info->si_code == SI_TIMER ?
		       info->si_value.sival_ptr == &cpu :
		       info->si_code == POLL_IN || info->si_code == POLL_HUP;
}

static void
on_sigprof(int sig, siginfo_t *info, void *ucontext)
{
	int saved = errno;
	struct slot *slot;

	(void)sig;
	/* [pair cpu-on] counted, then looked; gr_profile_cpu_stop() says off,
	 * then counts: one of the two sees the other. */
	gr_add_sc(&cpu.handlers, 1);
	if (gr_load_sc(&cpu.on) && is_ours(info)) {
		slot = slot_of((pid_t)syscall(SYS_gettid));
		if (slot)
			sample(slot, ucontext);
	}
	gr_add_sc(&cpu.handlers, -1);
	errno = saved;
}

/* 0, or -EPERM: SIGPROF is the program's. */
static int
install(void)
{
	struct sigaction before, ours = {
		.sa_sigaction = on_sigprof,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART,
	};

	if (sigaction(SIGPROF, NULL, &before))
		return -errno;
	if (cpu.installed && before.sa_sigaction == on_sigprof)
		return 0;
	if (before.sa_handler != SIG_DFL ||
	    gr_option_sigprof() == GR_SIGPROF_OFF)
		return -EPERM;
	if (sigaction(SIGPROF, &ours, NULL))
		return -errno;
	cpu.installed = true;
	return 0;
}

/* --- Clocks --------------------------------------------------------------- */

/* As the kernel makes the id: CPUCLOCK_SCHED, per thread. */
static clockid_t
clock_of(pid_t tid)
{
	return (clockid_t)(~(unsigned)tid << 3 | 6);
}

/* Time in the kernel counts too, if we may: perf_event_paranoid = 2, which is
 * what Debian sets, is against it. */
static bool
start_perf(struct slot *s, bool kernel_too)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = (uint64_t)cpu.period_ns,
		.wakeup_events = 1,
		.disabled = 1,
		.exclude_kernel = !kernel_too,
		.exclude_hv = 1,
	};
	struct f_owner_ex owner = { F_OWNER_TID, s->tid };
	int fd = (int)syscall(SYS_perf_event_open, &attr, s->tid, -1, -1,
			      PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return false;
	if (fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK) ||
	    fcntl(fd, F_SETSIG, SIGPROF) || fcntl(fd, F_SETOWN_EX, &owner) ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0)) {
		close(fd);
		return false;
	}
	s->fd = fd;
	return true;
}

static bool
start_timer(struct slot *s)
{
	struct itimerspec when = {
		.it_interval = { cpu.period_ns / 1000000000,
				 cpu.period_ns % 1000000000 },
	};
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGPROF,
		.sigev_value.sival_ptr = &cpu,
	};
	/* Not all at the same time. */
	int64_t first_ns = 1 +
			   (int64_t)((uint64_t)s->tid * 0x9e3779b97f4a7c15ull %
				     (uint64_t)cpu.period_ns);

	event.sigev_notify_thread_id = s->tid;
	when.it_value = (struct timespec){ first_ns / 1000000000,
					   first_ns % 1000000000 };
	if (timer_create(clock_of(s->tid), &event, &s->timer))
		return false;
	s->timed = !timer_settime(s->timer, 0, &when, NULL);
	if (!s->timed)
		timer_delete(s->timer);
	return s->timed;
}

static void
stop_clock(struct slot *s)
{
	if (s->fd >= 0)
		close(s->fd);
	if (s->timed)
		timer_delete(s->timer);
	s->fd = -1;
	s->timed = false;
}

static void
start_clock(struct slot *s)
{
	/* [pair cpu-last] A signal of the clock before, of this profile or of
	 * the last, may still be on its way, and its handler write too:
	 * whichever is last, both say when this thread's time was last read. */
	gr_store_rlx(&s->last_ns, clock_ns(clock_of(s->tid)));
	if (cpu.source && start_perf(s, cpu.source == PERF_ALL))
		return;
	if (!start_timer(s))
		cpu.missed++;
}

/* Sample the thread @tid. Under `control`. */
static void
attach(pid_t tid)
{
	struct slot *s = slot_of(tid);

	if (s) { /* an earlier thread's number, or one that is starting */
		stop_clock(s);
	} else if (cpu.slots_n == THREADS) {
		cpu.missed++;
		return;
	} else {
		s = &cpu.slots[cpu.slots_n];
		*s = (struct slot){ .fd = -1 };
		gr_store_rel(&s->tid, tid); /* [pair cpu-slot] */
		gr_store_rel(&cpu.slots_n, cpu.slots_n + 1);
	}
	start_clock(s);
}

static void
attach_all(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (d->d_name[0] != '.')
			attach((pid_t)atoi(d->d_name));
	if (dir)
		closedir(dir);
	else
		attach((pid_t)syscall(SYS_gettid));
}

void
gr_profile_cpu_thread(pid_t tid)
{
	/* A start that is under way finds us in /proc, or we it here. */
	pthread_mutex_lock(&cpu.control);
	if (cpu.on)
		attach(tid);
	pthread_mutex_unlock(&cpu.control);
}

/* Which clocks are to be had? Tried with the calling thread. */
static void
choose_source(void)
{
	struct slot s = { .tid = (pid_t)syscall(SYS_gettid), .fd = -1 };

	cpu.source = gr_option_sigprof() == GR_SIGPROF_TIMERS ? TIMERS :
		     start_perf(&s, true)                     ? PERF_ALL :
		     start_perf(&s, false)                    ? PERF_USER :
								TIMERS;
	stop_clock(&s);
}

/* --- Start and stop ------------------------------------------------------- */

static void
release(void)
{
	gr_traces_destroy(cpu.ts);
	cpu.ts = NULL;
	if (cpu.slots)
		munmap(cpu.slots, THREADS * sizeof(*cpu.slots));
	cpu.slots = NULL;
}

static int
prepare(void)
{
	void *slots = mmap(NULL, THREADS * sizeof(*cpu.slots),
			   PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	cpu.slots = slots == MAP_FAILED ? NULL : slots;
	cpu.slots_n = 0;
	cpu.ts = gr_traces_create(GR_TRACES_BYTES, false);
	cpu.code = gr_code_refresh();
	if (cpu.slots && cpu.ts && cpu.code)
		return install();
	return -ENOMEM;
}

int
gr_profile_cpu_start(int hz, bool creators)
{
	int err = -EBUSY;

	if (hz < 0 || hz > MAX_HZ)
		return -EINVAL;
	pthread_mutex_lock(&cpu.control);
	if (!cpu.on) {
		err = prepare();
		if (err)
			release();
	}
	if (!err) {
		cpu.period_ns = 1000000000 / (hz ? hz : DEFAULT_HZ);
		cpu.missed = 0;
		cpu.creators = creators;
		cpu.start_ns = gr_now_ns();
		gr_store_sc(&cpu.on, true); /* [pair cpu-on] */
		choose_source();
		attach_all();
	}
	pthread_mutex_unlock(&cpu.control);
	return err;
}

/* From here on no handler looks at what belongs to the profile. */
static void
quiesce(void)
{
	gr_store_sc(&cpu.on, false); /* [pair cpu-on] see on_sigprof() */
	for (uint32_t i = 0; i < cpu.slots_n; i++)
		stop_clock(&cpu.slots[i]);
	while (gr_load_sc(&cpu.handlers))
		sched_yield();
}

/* Write down what a profile has found, and free it. */
static int
encode(struct gr_traces *ts, struct gr_profile_spec *spec, struct gr_pb *ret)
{
	struct gr_code *code = gr_code_refresh();
	int err = -ENOMEM;

	spec->value[0] = (struct gr_profile_type){ "samples", "count" };
	spec->value[1] = (struct gr_profile_type){ "cpu", "nanoseconds" };
	spec->values_n = 2;
	spec->period_type = spec->value[1];
	spec->whole = true;
	if (code)
		err = gr_profile_encode(ts, spec, &code->modules, ret);
	gr_traces_destroy(ts);
	return err;
}

int
gr_profile_cpu_stop(struct gr_pb *ret)
{
	static const char *const sources[] = { "thread timers",
					       "perf events, user code",
					       "perf events" };
	struct gr_profile_spec spec = { 0 };
	struct gr_traces *ts = NULL;
	char comment[128];

	pthread_mutex_lock(&cpu.control);
	if (cpu.on) {
		quiesce();
		spec.period = cpu.period_ns;
		spec.time_ns = gr_profile_time_ns();
		spec.duration_ns = gr_now_ns() - cpu.start_ns;
		spec.comment = comment;
		snprintf(comment, sizeof(comment),
			 "libgoro: %s; %u threads, %u more not sampled",
			 sources[cpu.source], cpu.slots_n, cpu.missed);
		ts = cpu.ts;
		cpu.ts = NULL;
		release();
	}
	pthread_mutex_unlock(&cpu.control);
	return ts ? encode(ts, &spec, ret) : -EINVAL;
}
