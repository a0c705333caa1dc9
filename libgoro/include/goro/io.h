/* SPDX-License-Identifier: MIT */
/*
 * goro/io.h - input and output that park the goroutine, not the thread
 *
 * For any file descriptor. Its flags are left as they are: a socket need not be
 * non-blocking, and a terminal that others share does not become so. EINTR and
 * EAGAIN are never seen. A descriptor is closed with goro_close(), or by
 * close() when no goroutine waits for it.
 */
#ifndef GORO_IO_H
#define GORO_IO_H

#include <goro/goro.h>
#include <sys/socket.h>
#include <sys/types.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/**
 * Read what there is, waiting until there is something.
 *
 * @bytes    0 never waits
 *
 * Returns   bytes read, 0 at the end
 * Errors    what read(2) may give; -EBADF also when another goroutine closes
 *           @fd meanwhile with goro_close()
 * Context   goroutine only; may go on on another thread. A regular file is
 *           read at once, in a blocking section
 * Threads   several may read one @fd; each gets a part
 */
ssize_t goro_read(int fd, void *buf, size_t bytes);

/**
 * Write everything, waiting for room as often as it takes.
 *
 * Returns   @bytes; fewer when an error came after some were written
 * Errors    what write(2) may give; a socket whose peer is gone gives -EPIPE
 *           and no SIGPIPE; -EBADF as for goro_read()
 * Context   goroutine only; may go on on another thread
 */
ssize_t goro_write(int fd, const void *buf, size_t bytes);

/**
 * Accept a connection, waiting for one.
 *
 * @addr, @len  as for accept(2); both may be NULL
 *
 * Returns   the new descriptor, with close-on-exec set
 * Errors    what accept(2) may give (-EMFILE, ...); -EBADF as for goro_read()
 * Note      @fd becomes non-blocking: another process may take the connection
 *           between the wait and the accept
 */
int goro_accept(int fd, struct sockaddr *addr, socklen_t *len);

/** Connect, waiting until that is done. 0, or what connect(2) may give. */
int goro_connect(int fd, const struct sockaddr *addr, socklen_t len);

/**
 * Wait until a descriptor is ready.
 *
 * @events       as for poll(2): POLLIN, POLLOUT
 * @deadline_ns  CLOCK_MONOTONIC; one that has passed looks once
 *
 * Returns   revents: those of @events that hold, POLLERR, POLLHUP
 * Errors    -ETIMEDOUT  the deadline came first
 *           -EBADF      @fd is not open, or was closed with goro_close()
 */
int goro_poll_fd(int fd, short events, int64_t deadline_ns);

/**
 * Close a descriptor; goroutines that wait for it go on with -EBADF.
 *
 * Returns   0, or what close(2) may give
 * Context   any thread
 */
int goro_close(int fd);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop

#endif
