/* SPDX-License-Identifier: MIT */
/*
 * netpoll.h - goroutines that wait for file descriptors
 *
 * Idea       One epoll instance. A goroutine that has to wait queues itself
 *            with the descriptor and arms it for one event (EPOLLONESHOT):
 *            arming looks at the descriptor's present state, so no edge can be
 *            lost, and it works whatever became of the number since the last
 *            time, closed and reused by somebody who does not know of us.
 *            One system call more than edge-triggered registration for good,
 *            which would wait for ever in that case.
 * Who polls  An idle worker, instead of sleeping on its futex; each worker that
 *            has run out of work, without waiting; and the monitor when nobody
 *            else has for 10 ms.
 * Locks      a descriptor's lock, of the rank of a channel's. It is held over
 *            one epoll_ctl() or close(): only who wants the same descriptor
 *            can meet it there.
 */
#ifndef GR_NETPOLL_H
#define GR_NETPOLL_H

#include <stdbool.h>
#include <stdint.h>

#include "runq.h"
#include "sched.h"

/**
 * Park the calling goroutine until @fd may be ready.
 *
 * @events       POLLIN, POLLOUT or both
 * @deadline_ns  GORO_FOREVER: none
 *
 * Returns   0: try again; -ETIMEDOUT; -EBADF: closed by goro_close(); -EPERM: a
 *           descriptor that is always ready, a regular file
 */
int gr_netpoll_wait(int fd, short events, int64_t deadline_ns);

/* Close @fd and wake all who wait for it with -EBADF. 0 or -errno. */
int gr_netpoll_close(int fd);

/* Any goroutine that waits for a descriptor? */
bool gr_netpoll_any(void);

/* Those whose descriptors are ready now, not waiting for any; a list that the
 * caller makes ready. */
void gr_netpoll_look(struct gr_glist *ret);
/* For the monitor: look if nobody has for 10 ms. */
void gr_netpoll_watch(int64_t now_ns);

/*
 * For an idle worker: wait here instead of on its futex, if there is anything
 * to wait for and nobody else does. False when not; then nothing was done.
 * Returns early when gr_netpoll_break() is called for @m.
 */
bool gr_netpoll_sleep(struct gr_m *m, int64_t deadline_ns,
		      struct gr_glist *ret);
void gr_netpoll_break(struct gr_m *m);

void gr_netpoll_fini(void);

#endif
