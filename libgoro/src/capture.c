// SPDX-License-Identifier: MIT
/*
 * capture.c - the stacks of goroutines that are on threads
 *
 * Stacks     gr_capture_sig() runs on the thread's alternate stack, the rest
 *            on the agent's.
 */
#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "futex.h"
#include "runtime.h"
#include "san.h"
#include "sched.h"
#include "sigquit.h"

enum {
	COPY_BYTES = 256 << 10, /* of a deeper stack, the inner frames */
	RED_ZONE = 128,         /* below its stack pointer a leaf has data */
	TRIES = 20,             /* to meet it parked, asleep or at work */
	REPLY_NS = 500000000,   /* for a thread to take its signal */
	LINE_BYTES = 256,       /* of /proc/self/task/TID/syscall */
};

enum { IDLE, ASKED, TAKING, TAKEN };

/* One copy; [pair capture]: `state` hands the rest from agent to thread and
 * back. */
static struct {
	uint32_t state;       /* futex */
	struct gr_m *m;       /* that is asked */
	const struct gr_g *g; /* on its stack; NULL: it was between two */
	uint64_t id;
	struct gr_regs regs;
	uintptr_t lo, hi; /* what was copied */
	uint64_t copy[COPY_BYTES / sizeof(uint64_t)];
} capture;

/* What another thread may be writing is read on purpose; and no sanitizer is
 * to look at the copying of a stack. */
#define NO_SANITIZE \
	__attribute__((no_sanitize("address"), no_sanitize("thread"), noinline))

static NO_SANITIZE struct gr_m *
thread_of(const struct gr_g *g)
{
	return *(struct gr_m *const volatile *)&g->m;
}

/* --- On the thread that is asked ------------------------------------------- */

static NO_SANITIZE void
copy_words(uintptr_t from, size_t bytes)
{
	const volatile uint64_t *word = (const uint64_t *)from;

	for (size_t i = 0; i < bytes / sizeof(*word); i++)
		capture.copy[i] = word[i];
}

static void
copy_stack(const struct gr_g *g, void *ucontext)
{
	uintptr_t sp, lo;

	capture.g = NULL;
	if (!g)
		return;
	gr_regs_from_ucontext(&capture.regs, ucontext);
	sp = capture.regs.r[GR_REG_SP];
	if (sp < g->stack_lo || sp >= g->stack_hi)
		return; /* in the scheduler, or in a handler */
	lo = GR_MAX((sp - RED_ZONE) & ~7ul, g->stack_lo);
	capture.lo = lo;
	capture.hi = lo + GR_MIN(g->stack_hi - lo, (uintptr_t)COPY_BYTES);
	copy_words(lo, capture.hi - lo);
	capture.g = g;
	capture.id = g->id;
}

bool
gr_capture_sig(const siginfo_t *info, void *ucontext)
{
	struct gr_m *m = gr_m_self();

	/* [pair capture] acquire: sees who is meant. A signal that came after
	 * its time finds nobody meant, or somebody else. */
	if (m && gr_load_acq(&capture.state) == ASKED && capture.m == m &&
	    gr_cas_acq_rel(&capture.state, ASKED, TAKING)) {
		copy_stack(m->g, ucontext);
		gr_store_rel(&capture.state, TAKEN); /* [pair capture] */
		gr_futex_wake(&capture.state, 1);
	}
	return info->si_code == SI_QUEUE && info->si_pid == getpid() &&
	       info->si_value.sival_ptr == &capture;
}

/* --- On the agent ------------------------------------------------------------ */

/* SIGQUIT, which is ours, is no preemption: that may be turned off. */
static bool
send_signal(int32_t tid)
{
	siginfo_t info = { .si_code = SI_QUEUE };

#ifdef GR_TSAN
	return false; /* it calls handlers late, with registers of before */
#endif
	info.si_signo = SIGQUIT;
	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_ptr = &capture;
	return gr_sigquit_is_ours() &&
	       !syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, SIGQUIT, &info);
}

/* Have the thread copy the stack that it is on. */
static bool
take(struct gr_m *m, int32_t tid, int64_t until_ns)
{
	int64_t now_ns = gr_now_ns();

	if (now_ns >= until_ns)
		return false; /* enough was waited for */
	until_ns = GR_MIN(until_ns, now_ns + REPLY_NS);
	capture.m = m;
	gr_store_rel(&capture.state, ASKED); /* [pair capture] */
	if (send_signal(tid))
		while (gr_load_acq(&capture.state) == ASKED &&
		       gr_now_ns() < until_ns)
			gr_futex_wait(&capture.state, ASKED, until_ns);
	/* [pair capture] taken back, unless it has just begun. */
	if (gr_cas_acq_rel(&capture.state, ASKED, IDLE))
		return false;
	while (gr_load_acq(&capture.state) == TAKING)
		gr_futex_wait(&capture.state, TAKING, gr_now_ns() + REPLY_NS);
	return true;
}

static void
walk_copy(const struct gr_walker *w, struct gr_frames *ret)
{
	struct gr_unwind u = { .regs = capture.regs,
			       .exact = true,
			       .lo = capture.lo,
			       .hi = capture.hi,
			       .shift = (uintptr_t)capture.copy - capture.lo };

	gr_walk(w, &u, 0, ret);
}

static char *
put_decimal(char *to, uint32_t v)
{
	if (v >= 10)
		to = put_decimal(to, v / 10);
	*to = (char)('0' + v % 10);
	return to + 1;
}

/* /proc/self/task/@tid@name, up to @bytes, with a NUL; false: it is closed. */
static bool
read_task(int32_t tid, const char *name, char *ret, size_t bytes)
{
	char path[64] = "/proc/self/task/";
	char *p = put_decimal(path + strlen(path), (uint32_t)tid);
	ssize_t n;
	int fd;

	strcpy(p, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, ret, bytes - 1);
	close(fd);
	if (n <= 0)
		return false;
	ret[n] = '\0';
	return true;
}

/* Does a thread sleep, of which no more is to be known? "12 (name) S 1 ..." */
static bool
sleeps_in_the_dark(int32_t tid)
{
	char stat[LINE_BYTES], *end;

	if (!read_task(tid, "/stat", stat, sizeof(stat)))
		return false;
	end = strrchr(stat, ')');
	return end && end[1] == ' ' && (end[2] == 'S' || end[2] == 'D');
}

/* The last hexadecimal number of @line, which is cut off. */
static uintptr_t
cut_number(char *line)
{
	char *p = strrchr(line, ' ');
	uintptr_t v = 0;

	if (!p || strncmp(p, " 0x", 3))
		return 0;
	*p = '\0';
	for (p += 3; *p && *p != '\n'; p++)
		v = v << 4 | (uintptr_t)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
	return v;
}

static int
call_number(const char *line)
{
	int n = 0;

	if (*line < '0' || *line > '9')
		return -1; /* a page fault, say */
	for (; *line >= '0' && *line <= '9'; line++)
		n = 10 * n + *line - '0';
	return n;
}

/* Does the kernel go on with this call after a signal? Of signal(7)'s list
 * those that programs sleep in. */
static bool
goes_on(int call)
{
	static const int calls[] = {
		SYS_futex,   SYS_read,     SYS_write,   SYS_readv,  SYS_writev,
		SYS_wait4,   SYS_waitid,   SYS_flock,   SYS_accept, SYS_accept4,
		SYS_connect, SYS_recvfrom, SYS_recvmsg, SYS_sendto, SYS_sendmsg,
		SYS_ioctl,   SYS_openat,
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (calls[i] == call)
			return true;
	return call < 0;
}

enum sleeper { AWAKE, WHOLE, PART, PART_WAKE };

/*
 * Walk the stack of a thread that sleeps in the kernel, where it lies. The
 * kernel says of it: "0 0x3 ... 0x7ffd9e8 0x7f27e1", the system call, its
 * arguments, the stack pointer and the PC.
 */
static enum sleeper
walk_sleeper(const struct gr_walker *w, int32_t tid, struct gr_snapshot *s)
{
	char line[LINE_BYTES], again[LINE_BYTES], cut[LINE_BYTES];
	struct gr_unwind u = { .hi = s->stack_hi, .exact = true };

	if (!read_task(tid, "/syscall", line, sizeof(line)))
		return sleeps_in_the_dark(tid) ? PART : AWAKE;
	if (*line == 'r') /* "running" */
		return AWAKE;
	strcpy(cut, line);
	gr_regs_set(&u.regs, GR_REG_PC, cut_number(cut));
	u.lo = cut_number(cut);
	gr_regs_set(&u.regs, GR_REG_SP, u.lo);
	if (u.lo < s->stack_lo || u.lo >= s->stack_hi || u.lo % 8)
		return AWAKE;
	gr_walk(w, &u, 0, &s->frames);
	if (!read_task(tid, "/syscall", again, sizeof(again)) ||
	    strcmp(line, again)) {
		s->frames.n = 0;
		return AWAKE;
	}
	if (s->frames.end == GR_STEP_END)
		return WHOLE;
	return goes_on(call_number(line)) ? PART_WAKE : PART;
}

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

void
gr_capture_begin(void)
{
	pthread_mutex_lock(&turn);
}

void
gr_capture_end(void)
{
	pthread_mutex_unlock(&turn);
}

/*
 * As gr_snapshot(), and the frames of one that is on a thread too. Where they
 * are not to be had, ret->frames.n is 0.
 */
bool
gr_snapshot_living(const struct gr_walker *w, const struct gr_g *g,
		   const struct gr_manners *how, struct gr_snapshot *ret)
{
	for (int i = 0; i < TRIES; i++) {
		struct gr_m *m;
		int32_t tid;
		enum sleeper sleeper;

		if (!gr_snapshot(w, g, ret))
			return false;
		m = thread_of(g);
		tid = m ? gr_load_acq(&m->tid) : 0; /* [pair threads] */
		if (ret->frames.n || !tid)
			return true;
		sleeper = walk_sleeper(w, tid, ret);
		if (sleeper == WHOLE || (sleeper == PART && !how->ending))
			return true;
		if (!take(m, tid, how->until_ns)) {
			if (sleeper == AWAKE)
				ret->frames.n = 0;
			return true;
		}
		if (capture.g == g && capture.id == ret->id) {
			walk_copy(w, &ret->frames);
			return true;
		}
		ret->frames.n = 0;
	}
	return true;
}
