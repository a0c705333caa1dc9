/* SPDX-License-Identifier: MIT */
/*
 * goro/profile.h - what the program spends its time on, for pprof
 *
 * A profile is written as profile.proto, gzip'd: what `go tool pprof FILE`
 * and github.com/google/pprof open. Functions are named; goro-prof(1) adds
 * files, lines and inlined functions. docs/PROFILES.md tells what each kind
 * counts.
 */
#ifndef GORO_PROFILE_H
#define GORO_PROFILE_H

#include <stdint.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/**
 * Start the CPU profile: every thread of the process is interrupted after so
 * much CPU time of its own, by SIGPROF, and its stack is added up. Threads
 * that the program itself starts later on are not seen.
 *
 * @fd  where goro_profile_cpu_stop() writes to; must stay open until then
 * @hz  samples a second of CPU time, up to 10,000; 0: 100
 *
 * Returns   0
 * Errors    -EBUSY   it is on already
 *           -EINVAL  @hz is out of range
 *           -EPERM   the program handles SIGPROF itself, or GORODEBUG has
 *                    sigprof=off
 *           -ENOMEM  no memory
 * Context   any thread
 * Signals   SIGPROF's handler stays installed, idle, when the profile is off:
 *           one may still be on its way. System calls go on (SA_RESTART)
 *           where the kernel can
 * Source    Go, runtime/pprof.StartCPUProfile(); differs: it is written at
 *           the end, so @fd's errors are reported there
 */
int goro_profile_cpu_start(int fd, int hz);

/**
 * Stop the CPU profile and write it.
 *
 * Returns   0 once all of it is written
 * Errors    -EINVAL  none is on
 *           -ENOMEM  no memory to put it together; it is lost
 *           or what write(2) on the descriptor gave
 * Context   any thread; on a goroutine's, others go on meanwhile
 * Source    Go, runtime/pprof.StopCPUProfile()
 */
int goro_profile_cpu_stop(void);

/**
 * Write a profile of another kind.
 *
 * @kind  "goroutine"     the goroutines alive, by stack
 *        "creation"      the same by where they were started
 *        "threadcreate"  the runtime's threads
 *        "chan"          channels by where they were made, with what is in
 *                        them and who waits on either side; label "state":
 *                        that somebody waits, or how full it is
 *        "goroutineleak" goroutines that can never go on: as
 *                        goro_leak_check(), which stops all threads meanwhile
 *        "heap"          memory, by who asked for it, and "allocs", the same
 *                        with what was freed shown first: where
 *                        libgoro-heapprof.so is preloaded
 *        "wall"          goroutines sampled for a second, whatever they do
 *        "block"         waits for other goroutines: channels, select, locks;
 *                        label "reason" tells them apart
 *        "wait"          the same with sleeps and I/O
 *        "mutex"         unlocks that others waited for
 *        "schedlatency"  from ready to running
 *        The last four count from goro_profile_block_rate() and
 *        goro_profile_mutex_fraction() on
 * @fd    written to, blocking
 *
 * Returns   0 once all of it is written
 * Errors    -ENOENT  there is no such kind
 *           -ENODATA allocations are not sampled
 *           -ENOMEM  no memory to put it together
 *           or what goro_leak_check() or write(2) gave
 * Context   any thread, whether a run is under way or not
 * Threads   one is put together at a time, others wait
 * Source    Go, runtime/pprof.Lookup(kind).WriteTo(w, 0)
 */
int goro_profile_write(const char *kind, int fd);

/**
 * Record waits, for "block", "wait" and "schedlatency".
 *
 * @ns  1 records each; more, those that are at least so long, and a sample of
 *      the shorter, so that sums stay true; 0 and less stops recording
 *
 * What was recorded stays. Waits that go on when a profile is written count
 * with what they have taken so far, from this call on at the earliest.
 *
 * Context   any thread, at any time
 * Source    Go, runtime.SetBlockProfileRate(); differs: waits that go on
 *           count; labels are recorded
 */
void goro_profile_block_rate(int64_t ns);

/**
 * Record unlocks that others waited for, for "mutex": mutexes and rwmutexes,
 * under the stack that unlocked.
 *
 * @n  1 records each, more one in so many; 0 and less stops recording
 *
 * Context   any thread, at any time
 * Source    Go, runtime.SetMutexProfileFraction(); differs: the earlier value
 *           is not returned
 */
void goro_profile_mutex_fraction(int n);

/**
 * Serve what Go's net/http/pprof does, on a thread of its own, so that it
 * answers even while all workers are stuck: `go tool pprof
 * http://127.0.0.1:6060`, and /metrics for Prometheus.
 *
 * @address  "127.0.0.1:6060", "localhost:6060", "[::1]:6060": loopback only;
 *           or "unix:/path", a socket for this process's user
 *
 * Returns   0; it listens now, and does to the end of the process
 * Errors    -EINVAL  this is no address
 *           -EACCES  not an address of this machine alone
 *           -EADDRINUSE, or what socket(2), bind(2) or pthread_create(3) gave
 * Context   any thread, before a run or in it; each address is served by a
 *           thread
 * Source    Go, net/http/pprof; differs: no trace; it also has creation,
 *           schedlatency, wait, wall
 */
int goro_debug_serve(const char *address);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
