/* SPDX-License-Identifier: MIT */
/*
 * netpoll.h - goroutines that wait for file descriptors
 *
 * Idea       One epoll instance. A descriptor is registered once, for edges, at
 *            its first wait; an edge that finds nobody waiting is remembered. So
 *            a wait costs no system call, and neither does the attempt before
 *            it where the last read has emptied a stream.
 * Reuse      The registration may be of a file that is gone: somebody who does
 *            not know of us has closed the number, and it came back. Then no
 *            edge comes. So who has waited for 1 ms asks the kernel, once:
 *            modifying the registration looks at the file as it is now, and
 *            fails where it is none. All that is remembered of a descriptor is
 *            therefore a hint, and a wrong one costs that millisecond; where
 *            it could often be wrong (accepted, connected, at its end) it is
 *            forgotten.
 * Who polls  A worker that has run out of work, instead of sleeping on its
 *            futex; each worker now and then, without waiting; and the monitor
 *            when none has for 1 ms.
 * Locks      a descriptor's lock, of the rank of a channel's. It is held over
 *            one epoll_ctl(): only who wants the same descriptor can meet it
 *            there.
 */
#ifndef GR_NETPOLL_H
#define GR_NETPOLL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "runq.h"
#include "sched.h"

/**
 * Park the calling goroutine until @fd may be ready.
 *
 * @events       as for poll(2); hang-ups and errors always count
 * @deadline_ns  GORO_FOREVER: none
 *
 * Returns   0: try again; -ETIMEDOUT; -EBADF: closed; -EPERM: a descriptor that
 *           is always ready, a regular file; -EMFILE, -ENOMEM, ...
 */
int gr_netpoll_wait(int fd, short events, int64_t deadline_ns);

/* Would a read from @fd be in vain? A hint: see gr_netpoll_emptied(). */
bool gr_netpoll_is_empty(int fd);
/* A read got less than it asked for: if @fd is a stream it is empty now. */
void gr_netpoll_emptied(int fd);
/* @fd is another file than before, or soon will be: know nothing of it. */
void gr_netpoll_forget(int fd);

/* Close @fd and wake all who wait for it with -EBADF. 0 or -errno. */
int gr_netpoll_close(int fd);

/* Any goroutine that waits for a descriptor? */
bool gr_netpoll_any(void);

/* Should an idle worker come here at once, and not look for work elsewhere?
 * Events come to who waits for them sooner than to who looks now and then. */
bool gr_netpoll_wanted(void);

/* Those whose descriptors are ready now, not waiting for any; a list that the
 * caller makes ready. */
void gr_netpoll_look(struct gr_m *m, struct gr_glist *ret);
/* For the monitor: look if no worker has lately. Returns in how many ns to
 * look again. */
int64_t gr_netpoll_watch(int64_t now_ns);

/*
 * For an idle worker: wait here instead of on its futex, if there is anything
 * to wait for and nobody else does. False when not; then nothing was done.
 * Returns early when gr_netpoll_break() is called for @m.
 */
bool gr_netpoll_sleep(struct gr_m *m, int64_t deadline_ns,
		      struct gr_glist *ret);
void gr_netpoll_break(struct gr_m *m);

void gr_netpoll_fini(void);

/* --- Between netdesc.c, the descriptors, and netpoll.c, who polls ---------- */

extern uint32_t gr_netpoll_waiting; /* goroutines; [pair netpoll-waiting] */

int gr_netpoll_start(void);
/* epoll_ctl() of the instance. 0 or -errno. */
int gr_netpoll_control(int op, int fd, uint32_t events);
/* An event: who waits for it comes onto the list. */
void gr_netpoll_event(const struct epoll_event *e, struct gr_glist *ret);
void gr_netpoll_forget_all(void);

#endif
