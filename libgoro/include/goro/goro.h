/* SPDX-License-Identifier: MIT */
/*
 * goro/goro.h - goroutines for C that one can see into
 *
 * This header is all of the runtime: it brings in the others. Profiles and
 * leak checks are apart, in <goro/profile.h> and <goro/leak.h>.
 *
 * Conventions, for every header:
 *  - A failure comes back as the return value, 0 or a negative errno, never
 *    through errno: a goroutine may change threads between the call and the
 *    read, and compilers cache errno's address.
 *  - Times are int64_t nanoseconds. A duration_ns counts from now; a
 *    deadline_ns is an instant of CLOCK_MONOTONIC, see goro_now().
 *  - Misuse is a panic: a message and the goroutines' tracebacks on stderr,
 *    exit status 2.
 *  - Nothing here may be called from a signal handler unless it says so.
 */
#ifndef GORO_GORO_H
#define GORO_GORO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#define GORO_NORETURN [[noreturn]]
#else
#define GORO_NORETURN _Noreturn
#endif

/* The deadline that never comes. */
#define GORO_FOREVER INT64_MAX

/**
 * Run a program of goroutines: @main_fn as goroutine 1.
 *
 * @main_fn  its stack is 8 MiB, as a process's main thread
 * @arg      for @main_fn
 *
 * Returns   what @main_fn returned; the other goroutines end with it, where
 *           they are, without any clean-up
 * Errors    -EBUSY   a run is under way in this process, or a goroutine of
 *                    an earlier one still holds on to its thread
 *           -EAGAIN  no thread could be started
 *           -ENOMEM  no memory for the first stack
 * Context   a thread that is not the runtime's; it waits and runs no
 *           goroutine itself
 * Signals   handled while it runs, each only if the program had left it at
 *           its default: SIGURG stops a goroutine that runs for too long,
 *           SIGQUIT reports all, SIGSEGV tells a stack overflow from any
 *           other fault, which then has its usual effect. SIGPROF during a
 *           CPU profile. SIGQUIT also where it is ignored, as shells do with
 *           what runs in the background. GORODEBUG leaves each of them alone.
 *           Under goro-leakcheck SIGTERM, SIGINT and SIGHUP have their effect
 *           after a look for leaks
 * Fork      a goroutine may fork(); the child has that one thread and no
 *           scheduler, so it may do what is safe in a signal handler, then
 *           exec() or _exit(); posix_spawn() does just that
 * Settings  GOROMAXPROCS, how many goroutines run at the same time; GOROSTACK,
 *           bytes of a stack where nobody says otherwise; GOROTRACEBACK, of
 *           none, single, all, system and crash: how much a panic tells;
 *           GORODEBUG, a list separated by commas, of asyncpreemptoff=1,
 *           sigquit=exit, continue or off, sigsegv=off, sigprof=off,
 *           schedtrace=MILLISECONDS, guard=install, mprotect or none
 * Source    Go, runtime/proc.go main()
 */
int goro_run(int (*main_fn)(void *arg), void *arg);

/**
 * Start a goroutine.
 *
 * @fn       called on a stack of its own, 256 KiB unless GOROSTACK says
 *           otherwise; the goroutine ends when it returns. Compile what has
 *           frames of more than a page with -fstack-clash-protection (as
 *           pkg-config and CMake do), so that an overflow meets the guard
 * @arg      for @fn; must stay valid as long as @fn uses it
 *
 * Returns   the goroutine's id, never reused; 0 when memory is short
 * Context   goroutine only; a scheduling point
 * Order     happens-before the start of @fn
 * Source    Go, the go statement
 */
uint64_t goro_go(void (*fn)(void *arg), void *arg);

/**
 * Start a goroutine with an argument of its own.
 *
 * @arg        @arg_bytes bytes, copied to the new goroutine's stack before
 *             the call returns; aligned to 16
 * @arg_bytes  0 is allowed
 *
 * Otherwise as goro_go().
 */
uint64_t goro_go_copy(void (*fn)(void *arg), const void *arg, size_t arg_bytes);

struct goro_attr {
	size_t stack_bytes; /* 0: the default; up to 65,536: the small class;
			       larger: rounded up to a power of two, at most
			       2 GiB, beyond which 0 is returned */
	const char *name;   /* copied; NULL: none */
};

/**
 * Start a goroutine with a stack size or a name; otherwise as goro_go().
 *
 * @attr     NULL: as goro_go()
 */
uint64_t goro_go_attr(const struct goro_attr *attr, void (*fn)(void *arg),
		      void *arg);

/**
 * End the calling goroutine. Its callers are not returned to and nothing of
 * theirs is undone. When goroutine 1 ends so, the others go on.
 */
GORO_NORETURN void goro_exit(void);

/** Let others run first. */
void goro_yield(void);

/**
 * Sleep.
 *
 * @duration_ns  at least so long; 0 and less: returns at once
 */
void goro_sleep(int64_t duration_ns);

/** CLOCK_MONOTONIC now, in ns. Any thread; async-signal-safe. */
int64_t goro_now(void);

/** The calling goroutine's id; 0 outside of goroutines. */
uint64_t goro_self(void);

/** How many goroutines are alive, the runtime's own not counted. */
size_t goro_count(void);

/**
 * Set how many goroutines may run at the same time.
 *
 * @n        at most 256; 0 and less only asks
 *
 * Returns   the earlier value; at first GOROMAXPROCS, else the number of CPUs
 */
int goro_maxprocs(int n);

/** Name the calling goroutine, for dumps and profiles. @name is copied. */
void goro_set_name(const char *name);

/**
 * Set a label of the calling goroutine, which those it starts from now on
 * inherit; profiles and dumps show it.
 *
 * @key    1 to 128 bytes, copied
 * @value  up to 512 bytes, copied; NULL removes the label
 *
 * Returns  0; -EINVAL for a key or value out of bounds; -E2BIG for more than
 *          32 labels; -ENOMEM
 * Context  goroutine only
 * Source   Go, runtime/pprof.SetGoroutineLabels()
 */
int goro_label_set(const char *key, const char *value);

/**
 * Keep the calling goroutine on its thread until goro_preempt_on(): it is not
 * stopped for having run too long. Nests. It may still park of itself.
 *
 * For code that holds a lock of its own making (of atomics, say), or the
 * address of a thread-local variable, over more than one statement. Around
 * pthread's locks this happens by itself.
 *
 * Context   goroutine only
 */
void goro_preempt_off(void);
/** Undo one goro_preempt_off(). Panics without one. */
void goro_preempt_on(void);

/**
 * Around a C call that may block the thread: the other goroutines go on
 * meanwhile, on another thread if it takes long. Nests; a short section costs
 * 30 ns.
 *
 * In between, only what may be called from any thread may be called, and
 * errno must be read before goro_blocking_end(): the goroutine may go on on
 * another thread. When goro_run() returns, it does not wait for a goroutine in
 * here, whose thread ends as soon as the section does.
 *
 * Misuse    a goroutine-only function in between, an end without its begin,
 *           and a goroutine's function that returns in between, panic
 * Context   goroutine only
 * Source    Go, runtime/proc.go entersyscall(), exitsyscall()
 */
void goro_blocking_begin(void);
void goro_blocking_end(void);

/**
 * Lock the calling goroutine to its thread: it runs there only, and nothing
 * else does. For libraries that keep state in the thread. Nests; each wait
 * costs two changes of threads. When a goroutine ends locked, so does its
 * thread.
 *
 * Context   goroutine only
 * Source    Go, runtime.LockOSThread()
 */
void goro_thread_lock(void);
/** Undo one goro_thread_lock(); without one, nothing. */
void goro_thread_unlock(void);

/**
 * Stop the program for a bug: "panic: ", the message, tracebacks, exit 2.
 *
 * Context   any thread, a goroutine or not
 */
GORO_NORETURN void goro_panic(const char *format, ...)
	__attribute__((format(printf, 1, 2), cold));

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#include <goro/chan.h>
#include <goro/ctx.h>
#include <goro/errgroup.h>
#include <goro/io.h>
#include <goro/select.h>
#include <goro/sync.h>
#include <goro/time.h>

#endif
