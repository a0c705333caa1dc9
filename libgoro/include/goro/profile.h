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
 * @fd    written to, blocking
 *
 * Returns   0 once all of it is written
 * Errors    -ENOENT  there is no such kind
 *           -ENOMEM  no memory to put it together
 *           or what write(2) gave
 * Context   any thread, whether a run is under way or not
 * Threads   one is put together at a time, others wait
 * Source    Go, runtime/pprof.Lookup(kind).WriteTo(w, 0)
 */
int goro_profile_write(const char *kind, int fd);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
