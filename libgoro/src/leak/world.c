// SPDX-License-Identifier: MIT
/*
 * world.c - making all other threads stand still
 *
 * Stacks     on_stop() runs on the thread's alternate stack if it has one,
 *            else on top of what it interrupted.
 */
#include "leak/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/arch.h"
#include "futex.h"
#include "goro/goro.h"
#include "lock.h"
#include "san.h"
#include "sched.h"

enum { THREADS_MAX = 65536, LOOK_NS = 10000000 };
#define PATIENCE_NS 10000000000ll /* a crowded machine is slow, not stuck */

static struct {
	uint32_t busy;    /* [pair world-busy] somebody stops the world */
	uint32_t on;      /* futex: 1 while all are to stand; [pair world] */
	uint32_t stopped; /* futex: how many do; [pair world-stopped] */
	uint32_t inside;  /* threads in the handler; [pair world-inside] */
	struct gr_world *w;
	struct sigaction before;
} world;

static struct gr_world_thread *
find(struct gr_world *w, int32_t tid)
{
	for (size_t i = 0; i < w->threads.n; i++) {
		struct gr_world_thread *t = gr_vec_at(
			&w->threads, struct gr_world_thread, i);

		if (t->tid == tid)
			return t;
	}
	return NULL;
}

static void
note_place(struct gr_world_thread *t, const ucontext_t *uc)
{
	stack_t alt;

	t->sp = gr_arch_ucontext_sp(uc);
	t->pc = gr_arch_ucontext_pc(uc);
	t->tp = (uintptr_t)__builtin_thread_pointer();
	t->alt_lo = t->alt_hi = 0;
	if (!sigaltstack(NULL, &alt) && !(alt.ss_flags & SS_DISABLE)) {
		t->alt_lo = (uintptr_t)alt.ss_sp;
		t->alt_hi = t->alt_lo + alt.ss_size;
	}
	memcpy(&t->regs, &uc->uc_mcontext.gregs, sizeof(t->regs));
	gr_arch_ucontext_vectors(uc, &t->more_lo, &t->more_hi);
}

/* Meant for whoever handled SIGURG before us, or for nobody. */
static void
hand_on(int sig, siginfo_t *info, void *ucontext)
{
	if (world.before.sa_flags & SA_SIGINFO)
		world.before.sa_sigaction(sig, info, ucontext);
	else if (world.before.sa_handler != SIG_DFL &&
		 world.before.sa_handler != SIG_IGN)
		world.before.sa_handler(sig);
}

static void
stand(struct gr_world_thread *t, const ucontext_t *uc)
{
	note_place(t, uc);
	/* [pair world-stopped] release: with it come the registers. */
	gr_store_rel(&t->stopped, 1);
	gr_add_acq_rel(&world.stopped, 1);
	gr_futex_wake(&world.stopped, 1);
	while (gr_load_acq(&world.on)) /* [pair world] */
		gr_futex_wait(&world.on, 1, GORO_FOREVER);
}

static void
on_stop(int sig, siginfo_t *info, void *ucontext)
{
	int saved = errno;
	struct gr_world_thread *t = NULL;

	/* [pair world-inside] sequentially consistent, then `on`; who lets the
	 * world go clears `on` and then waits for this to be 0. */
	gr_add_sc(&world.inside, 1);
	if (gr_load_sc(&world.on)) /* [pair world] */
		t = find(world.w, (int32_t)syscall(SYS_gettid));
	if (t && !t->stopped)
		stand(t, ucontext);
	gr_add_sc(&world.inside, -1); /* [pair world-inside] */
	if (!t)
		hand_on(sig, info, ucontext);
	errno = saved;
}

/* --- Threads of the runtime's own ----------------------------------------- */

enum { OWN_MAX = 64 };

static struct {
	int32_t tid; /* 0: free; [pair world-own] */
	bool aside;
	uintptr_t tp;
} own[OWN_MAX];

void
gr_world_own(enum gr_world_own how)
{
	int32_t tid = (int32_t)syscall(SYS_gettid);
	int32_t from = how == GR_WORLD_LEAVE ? tid : 0;

	for (int i = 0; i < OWN_MAX; i++) {
		/* [pair world-own] a negative one is being filled in. */
		if (!gr_cas_acq_rel(&own[i].tid, from, -tid))
			continue;
		own[i].tp = (uintptr_t)__builtin_thread_pointer();
		own[i].aside = how == GR_WORLD_ASIDE;
		/* [pair world-own] release: now it is whole. */
		gr_store_rel(&own[i].tid, how == GR_WORLD_LEAVE ? 0 : tid);
		return;
	}
}

bool
gr_world_is_own(uintptr_t tp)
{
	for (int i = 0; i < OWN_MAX; i++)
		if (gr_load_acq(&own[i].tid) > 0 && own[i].tp == tp)
			return true; /* [pair world-own] */
	return false;
}

uintptr_t
gr_world_aside(unsigned i)
{
	for (int k = 0; k < OWN_MAX; k++)
		/* [pair world-own] */
		if (gr_load_acq(&own[k].tid) > 0 && own[k].aside && !i--)
			return own[k].tp;
	return 0;
}

static bool
is_aside(int32_t tid)
{
	for (int i = 0; i < OWN_MAX; i++)
		if (gr_load_acq(&own[i].tid) == tid) /* [pair world-own] */
			return own[i].aside;
	return false;
}

/* --- Who there is --------------------------------------------------------- */

static int32_t
number(const char *s)
{
	int32_t n = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + (*s - '0');
	return *s ? 0 : n;
}

/* Add those that are not in the list yet; how many, or -errno. */
static int
list_threads(struct gr_world *w, int32_t self)
{
	char buf[4096] __attribute__((aligned(8)));
	int fd = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int new = 0;
	long n;

	if (fd < 0)
		return -errno;
	while ((n = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0) {
		for (long at = 0; at < n;) {
			struct dirent64 *d = (struct dirent64 *)(buf + at);
			int32_t tid = number(d->d_name);
			struct gr_world_thread *t;

			at += d->d_reclen;
			if (!tid || tid == self || find(w, tid) ||
			    is_aside(tid))
				continue;
			if (w->threads.n == THREADS_MAX) {
				close(fd);
				return -EAGAIN;
			}
			t = gr_vec_push(&w->threads);
			memset(t, 0, sizeof(*t));
			t->tid = tid;
			new ++;
		}
	}
	close(fd);
	return n < 0 ? -EIO : new;
}

/* Has it ended, though the kernel still lists it? A main thread that called
 * pthread_exit() stays as a zombie. */
static bool
has_ended(int32_t tid)
{
	char name[64], text[512], *state;
	ssize_t n;
	int fd;

	if (syscall(SYS_tgkill, getpid(), tid, 0) && errno == ESRCH)
		return true;
	snprintf(name, sizeof(name), "/proc/self/task/%d/stat", tid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	state = strrchr(text, ')'); /* of the name, which may hold any */
	return state && state[1] && (state[2] == 'Z' || state[2] == 'X');
}

static bool
stands(struct gr_world_thread *t)
{
	if (gr_load_acq(&t->stopped) || t->gone) /* [pair world-stopped] */
		return true;
	/* It may have told us only now. */
	return t->gone = is_aside(t->tid) || has_ended(t->tid);
}

/* --- Stop and go ---------------------------------------------------------- */

static int
wait_for_all(struct gr_world *w)
{
	int64_t until_ns = gr_now_ns() + PATIENCE_NS;

	for (size_t i = 0; i < w->threads.n;) {
		struct gr_world_thread *t = gr_vec_at(
			&w->threads, struct gr_world_thread, i);
		/* [pair world-stopped] counted first, so it is not missed. */
		uint32_t seen = gr_load_acq(&world.stopped);
		int64_t now_ns;

		if (gr_load_acq(&t->stopped)) {
			i++;
			continue;
		}
		gr_futex_wait(&world.stopped, seen, gr_now_ns() + LOOK_NS);
		now_ns = gr_now_ns();
		if (stands(t)) {
			i++;
		} else if (now_ns > until_ns) {
			w->culprit = t->tid;
			return -ETIMEDOUT;
		}
	}
	return 0;
}

/* Signal those that are new, until nobody is. */
static int
stop_all(struct gr_world *w)
{
	int32_t self = (int32_t)syscall(SYS_gettid);
	size_t told = 0;

	for (;;) {
		int n = list_threads(w, self), err;

		if (n <= 0)
			return n;
		for (; told < w->threads.n; told++)
			syscall(SYS_tgkill, getpid(),
				gr_vec_at(&w->threads, struct gr_world_thread,
					  told)
					->tid,
				SIGURG);
		err = wait_for_all(w);
		if (err)
			return err;
	}
}

void
gr_world_start(struct gr_world *w)
{
	(void)w;
	gr_store_sc(&world.on, 0); /* [pair world] */
	gr_futex_wake(&world.on, THREADS_MAX);
	/* [pair world-inside] nobody looks at the list any more. */
	for (int i = 0; gr_load_sc(&world.inside); i++)
		gr_back_off(i);
	sigaction(SIGURG, &world.before, NULL);
	gr_store_rel(&world.busy, 0); /* [pair world-busy] */
}

int
gr_world_stop(struct gr_world *w)
{
	struct sigaction ours = {
		.sa_sigaction = on_stop,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART,
	};
	int err;

	w->threads = GR_VEC(struct gr_world_thread);
	w->culprit = 0;
#ifdef GR_TSAN
	return -ENOTSUP; /* it puts off signals to where it sees them */
#endif
	/* It must not move while handlers look at it. */
	if (!gr_vec_reserve(&w->threads, THREADS_MAX))
		return -ENOMEM;
	if (gr_xchg_acq_rel(&world.busy, 1)) /* [pair world-busy] */
		return -EBUSY;
	sigfillset(&ours.sa_mask);
	world.w = w;
	world.stopped = 0;
	gr_store_sc(&world.on, 1); /* [pair world] */
	if (sigaction(SIGURG, &ours, &world.before)) {
		err = -errno;
		gr_store_sc(&world.on, 0);    /* [pair world] */
		gr_store_rel(&world.busy, 0); /* [pair world-busy] */
		return err;
	}
	err = stop_all(w);
	if (err)
		gr_world_start(w);
	return err;
}
