// SPDX-License-Identifier: MIT
/*
 * preempt.c - where a goroutine may be stopped, and where it may go on
 *
 * Locks      waiting.lock: the list of preempted goroutines.
 * Stacks     on_signal() runs on the thread's alternate stack,
 *            gr_preempt_park() on the goroutine's, under its saved registers.
 */
#include "preempt.h"

#include <errno.h>
#include <link.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/arch.h"
#include "fatal.h"
#include "idle.h"
#include "options.h"
#include "probes.h"
#include "profile_events.h"
#include "runtime.h"
#include "san.h"

/* Room for the saved registers (xsave: up to 11 KiB) and the way to a park. */
enum { ROOM = 24 << 10, KERNEL_SIGSET_BYTES = 8 };

static struct {
	uintptr_t text_lo, text_hi; /* of the program */
	uintptr_t ours_lo, ours_hi; /* libgoro's own, linked into it */
	struct sigaction before;
	bool on;
} preempt;

static struct {
	struct gr_lock lock;
	uint32_t n; /* [pair preempted] */
	struct gr_g *first, **last;
} waiting = { .last = &waiting.first };

/* Bounds of libgoro.a's text, whose section has a name of its own; absent
 * from a program that uses the shared library. */
extern char __start_goro_text[] __attribute__((weak, visibility("hidden")));
extern char __stop_goro_text[] __attribute__((weak, visibility("hidden")));

/* The first object is the program; it has an interpreter unless it is static,
 * and then libc's text cannot be told from its own. */
static int
find_text(struct dl_phdr_info *info, size_t size, void *arg)
{
	bool dynamic = false;

	(void)size, (void)arg;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		dynamic |= ph->p_type == PT_INTERP;
		if (ph->p_type == PT_LOAD && (ph->p_flags & PF_X)) {
			preempt.text_lo = info->dlpi_addr + ph->p_vaddr;
			preempt.text_hi = preempt.text_lo + ph->p_memsz;
		}
	}
	if (!dynamic)
		preempt.text_lo = preempt.text_hi = 0;
	return 1;
}

static bool
safe_pc(uintptr_t pc)
{
	return pc - preempt.text_lo < preempt.text_hi - preempt.text_lo &&
	       pc - preempt.ours_lo >= preempt.ours_hi - preempt.ours_lo;
}

/*
 * Everything read here belongs to this thread, or is written before the
 * handler is installed. What the goroutine does with its own `preempt_off`
 * it does in libgoro's text, where no goroutine is stopped.
 */
static void
on_signal(int sig, siginfo_t *info, void *ucontext)
{
	struct gr_m *m = gr_m_self();
	struct gr_g *g = m ? m->g : NULL;
	uintptr_t sp = gr_arch_ucontext_sp(ucontext);

	(void)sig, (void)info;
	if (!g || !m->p || !gr_load_rlx(&m->p->attention))
		return; /* [relaxed] our own P's; not, or no more, meant */
	/* The monitor will ask again. */
	if (g->preempt_off || gr_g_state(g) != GORO_ABI_RUNNING ||
	    !safe_pc(gr_arch_ucontext_pc(ucontext)))
		return;
	if (sp <= g->stack_lo + ROOM || sp > g->stack_hi)
		return;
	/* In a signal handler of the program's own? That one must end first. */
	if (memcmp(&((ucontext_t *)ucontext)->uc_sigmask, &m->sigmask,
		   KERNEL_SIGSET_BYTES))
		return;
	gr_arch_ucontext_call(ucontext, gr_preempt_entry);
}

static void
finish_preempt(struct gr_m *m, struct gr_g *g, void *arg)
{
	(void)arg;
	gr_p_count(&m->p->preemptions);
	g->next = NULL;
	g->flags &= ~(GR_G_MAY_MOVE | GR_G_PINNED);
	if (g->flags & GORO_ABI_G_LOCKED) {
		gr_ready(m, g);
		return;
	}
	if (gr_profile_wants(GR_EVENTS_WAITS))
		gr_profile_time_ready(m, g);
	gr_g_set_state(g, GORO_ABI_RUNNABLE);
	gr_lock(&waiting.lock);
	*waiting.last = g;
	waiting.last = &g->next;
	/* [pair preempted] as the global queue's count, see runq.c. */
	gr_store_sc(&waiting.n, waiting.n + 1);
	gr_unlock(&waiting.lock);
	gr_wake_one();
}

/* errno belongs to the thread; out of line, so that its address is taken anew
 * after a change of threads. */
static __attribute__((noinline)) int
errno_get(void)
{
	__asm__ volatile("");
	return errno;
}

static __attribute__((noinline)) void
errno_set(int value)
{
	__asm__ volatile("");
	errno = value;
}

/* Called by gr_preempt_entry() with all registers saved. */
void
gr_preempt_park(void)
{
	struct gr_m *m = gr_m_self();
	int saved = errno_get();

	GR_PROBE1(preempt, m->g->id);
	m->g->wait_reason = GORO_WAIT_NONE; /* for nothing but its turn */
	gr_park(m, finish_preempt, NULL);
	errno_set(saved);
}

/*
 * A section without preemption has ended: make up for what was refused in it.
 * Where it is short and follows upon itself, no signal ever meets the code
 * between.
 */
void
gr_preempt_if_asked(void)
{
	struct gr_m *m = gr_m_self();
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	struct gr_g *g = m->g;

	/* [relaxed] the same as in on_signal(), and the same conditions. */
	if (!m->p || !gr_load_rlx(&m->p->attention) || g->preempt_off ||
	    gr_g_state(g) != GORO_ABI_RUNNING || !preempt.on ||
	    here <= g->stack_lo || here > g->stack_hi)
		return;
	gr_preempt_park();
}

void
goro_preempt_off(void)
{
	gr_m_goroutine("goro_preempt_off")->g->preempt_off++;
}

void
goro_preempt_on(void)
{
	struct gr_g *g = gr_m_goroutine("goro_preempt_on")->g;

	if (!g->preempt_off)
		goro_panic("goro_preempt_on without goro_preempt_off");
	g->preempt_off--;
	gr_preempt_if_asked();
}

/* Does anything in its registers or on its stack point into the thread-local
 * variables of the thread that it was stopped on? */
static bool
holds_tls_address(const struct gr_g *g)
{
	const uintptr_t *word = g->sp, *end = (uintptr_t *)g->stack_hi;
	uintptr_t lo = g->m->tls_lo, bytes = g->m->tls_hi - lo;

	for (; word < end; word++)
		if (*word - lo < bytes)
			return true;
	return false;
}

/* It does not change while it waits, so the search is made once. */
static bool
may_run_on(struct gr_g *g, const struct gr_m *m)
{
	if (g->m == m)
		return true;
	if (!(g->flags & (GR_G_MAY_MOVE | GR_G_PINNED)))
		g->flags |= holds_tls_address(g) ? GR_G_PINNED : GR_G_MAY_MOVE;
	return g->flags & GR_G_MAY_MOVE;
}

uint32_t
gr_preempted_n(void)
{
	return gr_load_rlx(&waiting.n); /* [relaxed] a hint */
}

static struct gr_g **
find_locked(struct gr_m *m)
{
	struct gr_g **at = &waiting.first;

	while (*at && !may_run_on(*at, m))
		at = &(*at)->next;
	return at;
}

bool
gr_preempted_any(struct gr_m *m)
{
	bool any;

	if (!gr_load_sc(&waiting.n)) /* [pair preempted] */
		return false;
	gr_lock(&waiting.lock);
	any = *find_locked(m) != NULL;
	gr_unlock(&waiting.lock);
	return any;
}

struct gr_g *
gr_preempted_get(struct gr_m *m)
{
	struct gr_g **at, *g;

	if (!gr_load_sc(&waiting.n)) /* [pair preempted] */
		return NULL;
	gr_lock(&waiting.lock);
	at = find_locked(m);
	g = *at;
	if (g) {
		*at = g->next;
		if (!*at)
			waiting.last = at;
		gr_store_sc(&waiting.n, waiting.n - 1); /* [pair preempted] */
	}
	gr_unlock(&waiting.lock);
	return g;
}

void
gr_preempted_drop(void)
{
	waiting.first = NULL;
	waiting.last = &waiting.first;
	waiting.n = 0;
}

void
gr_preempt_request(struct gr_p *p)
{
	struct gr_m *m = gr_load_acq(&p->m); /* [pair p-thread] */
	pid_t tid = m ? gr_load_acq(&m->tid) : 0; /* [pair threads] */

	/* [pair attention] release: with it comes the reason. */
	gr_store_rel(&p->attention, 1);
	if (preempt.on && tid)
		syscall(SYS_tgkill, getpid(), tid, SIGURG);
}

/* The least address of a thread-local block of any module. */
static int
least_tls(struct dl_phdr_info *info, size_t size, void *arg)
{
	uintptr_t *lo = arg, at = (uintptr_t)info->dlpi_tls_data;

	(void)size;
	if (at && at < *lo)
		*lo = at;
	return 0;
}

/* The static TLS of this thread: below its control block, and that. */
void
gr_preempt_thread_init(struct gr_m *m)
{
	uintptr_t tp = (uintptr_t)__builtin_thread_pointer();

	pthread_sigmask(SIG_SETMASK, NULL, &m->sigmask);
	m->tls_lo = tp;
	dl_iterate_phdr(least_tls, &m->tls_lo);
	m->tls_hi = tp + GR_TLS_ABOVE;
}

void
gr_preempt_install(void)
{
	struct sigaction ours = {
		.sa_sigaction = on_signal,
		/* System calls go on where they can, as in Go. */
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART,
	};

	preempt.on = false;
	if (gr_options.async_preempt_off || !gr_arch_preempt_init())
		return;
#if defined(GR_ASAN) || defined(GR_TSAN)
	return; /* their calls may be in the program's text, half done */
#endif
	preempt.ours_lo = (uintptr_t)__start_goro_text;
	preempt.ours_hi = (uintptr_t)__stop_goro_text;
	dl_iterate_phdr(find_text, NULL);
	/* A static program, or a libgoro.a whose text cannot be told apart. */
	if (!safe_pc(preempt.text_lo) || safe_pc((uintptr_t)gr_preempt_entry))
		return;
	/* The program's own handler stays; then nothing is preempted. */
	if (sigaction(SIGURG, NULL, &preempt.before) ||
	    preempt.before.sa_handler != SIG_DFL)
		return;
	preempt.on = !sigaction(SIGURG, &ours, NULL);
}

void
gr_preempt_remove(void)
{
	struct sigaction now;

	if (preempt.on && !sigaction(SIGURG, NULL, &now) &&
	    now.sa_sigaction == on_signal)
		sigaction(SIGURG, &preempt.before, NULL);
	preempt.on = false;
}
