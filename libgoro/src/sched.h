/* SPDX-License-Identifier: MIT */
/*
 * sched.h - M, P and the two verbs: park and ready
 *
 * Words      As in Go: G a goroutine, M an OS thread, P the right to run
 *            goroutines with what that takes (run queue, timers, caches).
 *            There are GOROMAXPROCS P; an M without a P runs nothing.
 * Switch     A goroutine that parks switches straight to the next one, or to
 *            its M's scheduler stack when there is none. What must happen to
 *            the parked one after it has left its stack (publish its state,
 *            release the lock of the queue it is in) is done by whoever runs
 *            next, on the other stack: gr_park()'s `finish`.
 * Lost       A waker finds a goroutine only in a queue, whose lock the finish
 * wake-ups   releases after the state word says WAITING: nobody can make a
 *            goroutine ready that still runs. See also idle.h for workers.
 */
#ifndef GR_SCHED_H
#define GR_SCHED_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "g.h"
#include "lock.h"
#include "runq.h"
#include "stack.h"
#include "timer.h"

enum {
	GR_MAX_PROCS = 256,
	GR_LONG_PATH_EVERY = 64, /* switches; a power of two */
	GR_LATENCIES = 13,       /* classes; see gr_latency_ns */
};

struct gr_p {
	/* Owned by the M that has this P. */
	struct gr_runq runq;
	uint64_t tick; /* switches made; [relaxed] read by the monitor */
	uint32_t streak; /* picks from runq.next in a row */
	uint32_t passes; /* through the long path */
	uint32_t grain;  /* cycles a switch, lately; [relaxed] read by others */
	uint32_t grain_tick; /* since when that is counted */
	uint64_t grain_cycles;
	uint64_t apart_cycles; /* of no use to others until then; [relaxed] */
	uint32_t contended;    /* locks found held, since grain_tick */
	uint32_t unlocking; /* a mutex, at this moment; [pair mutex-waits] */
	uint64_t timer_cycles; /* look at the timers when this has come */
	uint64_t random;
	uint64_t next_id, end_id; /* goroutine ids in hand */
	int64_t count; /* goroutines started less ended here; [pair count] */
	struct gr_freelist free[GR_STACK_CLASSES];

	/* While waits are recorded: profile_events.h. */
	uint64_t now;         /* cycles, at the last switch */
	int64_t wait_left;    /* cycles of waits up to the next sample */
	uint64_t ready_after; /* cycles, from when on one is timed */
	uint32_t ready_n;     /* made ready since the last that was */

	/* Counted here, read for /metrics; [relaxed] numbers. */
	uint64_t waits[GORO_WAIT_REASONS], steals, preemptions;
	uint64_t latency[GR_LATENCIES], latency_cycles; /* while recorded */

	uint64_t oldest_cycles; /* take the oldest when this has come */
	struct gr_p *stolen_from; /* last, and not judged yet: judge_steal() */
	uint64_t stolen_cycles;   /* when */
	uint32_t stolen_n;

	/* Shared. */
	uint32_t sections;  /* blocking, begun here; [relaxed] as `tick` */
	uint32_t attention; /* 1: go through the scheduler; [pair attention] */
	uint32_t status;    /* enum gr_p_status; [pair p-status] */
	uint32_t id;
	struct gr_m *m; /* that has it */
	struct gr_p *idle_next; /* idle list; idle.lock */
	struct gr_timer_heap timers;

	/* The monitor's own. */
	uint32_t seen_tick;
	uint32_t seen_sections;
	int64_t seen_since_ns; /* since when without a switch here */
	int64_t seen_at_ns;    /* the last look at its thread's */
	int64_t seen_cpu_ns;   /* CPU time, and what that was */
	uint32_t asked;        /* to be preempted, since then */
};

enum gr_p_status {
	GR_P_IDLE,    /* on the idle list */
	GR_P_RUNNING, /* its thread's */
	GR_P_SYSCALL, /* its thread's or the monitor's: see blocking.h */
	GR_P_OFF,     /* beyond GOROMAXPROCS */
};

/*
 * Is there more in this P's ring than it will have done by the time that
 * another worker is up? To wake one takes 5 us and more, and the goroutines'
 * data then change CPUs: a chain of goroutines that each run for 50 ns is
 * slower on two workers than on one. So are those that meet at one lock all the
 * time, see measure_grain(). A hint; where it is wrong, the monitor sees that
 * there is no progress, and says that all may be stolen.
 */
static inline bool
gr_p_has_surplus(const struct gr_p *p)
{
	enum { WORTH_CYCLES = 20000 };

	/* [relaxed] hints, all of them. */
	if (gr_load_rlx(&p->runq.next_for_all))
		return gr_load_rlx(&p->runq.next) || gr_runq_any(&p->runq);
	return (uint64_t)gr_runq_len(&p->runq) * gr_load_rlx(&p->grain) >=
		       WORTH_CYCLES &&
	       gr_runq_any(&p->runq);
}

/* The next of our own ring: the newest where that has never run. The long path
 * sees to the oldest. */
static inline struct gr_g *
gr_p_take_ring(struct gr_p *p)
{
	struct gr_g *g;

	if (p->runq.fresh && (g = gr_runq_get_fresh(&p->runq)))
		return g;
	return gr_runq_get_ring(&p->runq);
}

/* One more of what only the owner counts. */
static inline void
gr_p_count(uint64_t *counter)
{
	gr_store_rlx(counter, *counter + 1); /* [relaxed] read at any time */
}

/* What is to be done with a goroutine that has just left its stack. */
typedef void gr_finish(struct gr_m *m, struct gr_g *g, void *arg);

/* Room for glibc's struct pthread, which begins at the thread pointer; 2,304
 * bytes in 2.36. */
enum { GR_TLS_ABOVE = 4096 };

struct gr_m {
	struct gr_m *next; /* in all threads; [pair threads] */
	struct gr_g *g;    /* running here, or NULL on the scheduler's stack */
	struct gr_p *p;    /* NULL: none, or in a blocking section */
	void *sched_sp; /* saved context of the scheduler's stack */
	struct gr_g *left; /* who left for the present stack: its finish */
	gr_finish *finish;
	void *finish_arg;
	struct gr_deferred *deferred; /* by the callbacks of timers */
	uint32_t wake; /* futex; [pair m-wake] */
	int32_t tid;
	bool spinning;
	bool detached; /* nobody is to join it */
	pthread_t thread;
	struct gr_eh *eh; /* the C++ runtime's, of this thread; or NULL */
	void *altstack;
	sigset_t sigmask;       /* as it was at the thread's start */
	uintptr_t tls_lo, tls_hi; /* its static thread-local storage */

	/* Without a P: see blocking.h, rest.h. */
	struct gr_p *section;   /* blocking; [pair section] */
	uint32_t section_depth; /* how many are open */
	char *orphan; /* abandoned: the stack to unmap; [pair orphan] */
	size_t orphan_bytes;
	uint32_t resting;       /* until it is given a P; [pair rest] */
	struct gr_p *given;     /* with `wake` */
	bool given_spinning;    /* who gave counted it as one that looks */
	struct gr_m *rest_next; /* spare or wanted threads; rest.lock */

	/* Locked to a goroutine: see thread_lock.c. */
	struct gr_g *locked; /* NULL: no */
	uint32_t locks;      /* 0 with `locked` set: that has ended */

	void *san_fiber;
	const void *san_stack_lo;
	size_t san_stack_bytes;
};

extern struct gr_p *gr_procs[GR_MAX_PROCS]; /* [pair procs] */
extern uint32_t gr_procs_n;  /* P in use: GOROMAXPROCS; [pair procs] */
extern uint32_t gr_procs_ever; /* P that exist; [pair procs] */
extern struct gr_m *gr_threads; /* [pair threads] */
extern uint32_t gr_visitors; /* threads from outside; [pair visitors] */
extern uint32_t gr_stopping;    /* goro_run is about to return */

/* The calling thread's M, or NULL on a thread that is not the runtime's. Out
 * of line, and never kept across a park: a goroutine changes threads. */
struct gr_m *gr_m_self(void);
void gr_m_set_self(struct gr_m *m);

/* The same for those that must be on a goroutine; panics elsewhere. */
_Noreturn void gr_m_misplaced(const struct gr_m *m, const char *who);
_Noreturn void gr_m_unfinished(void);

/* A function that the program gave us has returned. */
static inline void
gr_m_check_returned(const struct gr_m *m)
{
	if (__builtin_expect(!m->p, 0))
		gr_m_unfinished();
}

static inline struct gr_m *
gr_m_goroutine(const char *who)
{
	struct gr_m *m = gr_m_self();

	/* On a goroutine's stack only a blocking section has no P. */
	if (__builtin_expect(!m || !m->p, 0))
		gr_m_misplaced(m, who);
	return m;
}

/**
 * Park the calling goroutine until somebody makes it ready.
 *
 * @m       the thread, from gr_m_self()
 * @finish  called on the next stack, once this one is left; it must set the
 *          goroutine's state, and may run it again at once
 * @arg     for @finish
 *
 * Returns  the thread that the goroutine goes on with
 */
struct gr_m *gr_park(struct gr_m *m, gr_finish *finish, void *arg);

/* The same for one whose thread has no P: to the scheduler's stack. */
void gr_leave(struct gr_m *m, gr_finish *finish, void *arg);

/* A finish: state WAITING, then release the lock @arg. */
gr_finish gr_finish_wait_unlock;
/* A finish: state WAITING and nothing else; only where no waker can be. */
gr_finish gr_finish_wait;

/* Say what the goroutine is about to wait for; before gr_park(). */
static inline void
gr_g_will_wait(struct gr_g *g, enum goro_abi_reason reason, uint64_t obj,
	       struct gr_waiter *waiters, unsigned n)
{
	/* [relaxed] readers that have not stopped us check the state word. */
	gr_store_rlx(&g->wait_reason, reason);
	gr_store_rlx(&g->wait_obj, obj);
	g->waiters = waiters;
	g->wait_n = n;
}

/* Make a parked goroutine run again, soon and here. @m may be NULL. The
 * caller owns it (g.h). */
void gr_ready(struct gr_m *m, struct gr_g *g);
/* Behind the others of @p, which is ours. */
void gr_ready_last(struct gr_p *p, struct gr_g *g);
/* The same for a list by ->next. */
void gr_ready_list(struct gr_m *m, struct gr_g *list, uint32_t n);
/* The same for what the network gave us: we come to them at once, and another
 * worker would cost more to wake than a few requests take. If we do not, the
 * monitor sees it within 50 us. */
void gr_ready_polled(struct gr_m *m, const struct gr_glist *ready);

extern const struct goro_abi_table gr_abi_table;

void gr_schedule(struct gr_m *m);

/* What to run now, waiting for it if need be; NULL when it is all over. */
struct gr_g *gr_find_runnable(struct gr_m *m);
/* The last one that looks for work and finds some sends the next to look. */
void gr_stop_spinning(struct gr_m *m);

struct gr_g *gr_g_create(struct gr_m *m, unsigned class, void (*fn)(void *),
			 void *arg, size_t copy_bytes, uint64_t creator_pc);
/* As goro_go_copy(); @creator_pc is what the tools show. */
uint64_t gr_go_copy(void (*fn)(void *arg), const void *arg, size_t arg_bytes,
		    uint64_t creator_pc);
void gr_g_ending(struct gr_m *m, struct gr_g *g);
void gr_g_fini(struct gr_g *g);
void gr_g_free(struct gr_p *p, struct gr_g *g);
void gr_p_hand_over(struct gr_m *m);

/* Arm a timer on this thread's P. 0 or -ENOMEM; the other ends the program. */
int gr_timer_try_start(struct gr_m *m, struct gr_timer *t, int64_t when_ns);
void gr_timer_start(struct gr_m *m, struct gr_timer *t, int64_t when_ns);

void gr_count_reset(void);

int64_t gr_now_ns(void);
/* The instant that is so far off; GORO_FOREVER when that is too far. */
int64_t gr_deadline(int64_t duration_ns);
uint64_t gr_cycles(void);
void gr_clock_init(void);
void gr_clock_tick(void);
/* Cycles from now until @ns from now, a little early rather than late. */
uint64_t gr_cycles_in(int64_t ns);
/* How long a cycle takes, as exactly as is known. */
double gr_cycle_ns(void);

static inline uint64_t
gr_random(struct gr_p *p)
{
	/* xorshift64* (Vigna 2016): its high bits are good enough for choices. */
	uint64_t x = p->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	p->random = x;
	return (x * 0x2545f4914f6cdd1dull) >> 32;
}

#endif
