// SPDX-License-Identifier: MIT
/*
 * io.c - reading, writing, connecting: try, and wait when it would block
 *
 * Idea       The descriptor's own flags are not touched. A socket is asked with
 *            MSG_DONTWAIT, a pipe with RWF_NOWAIT. Anything else, and a pipe
 *            that has a name, is polled first, and then read or written within
 *            a blocking section: if another was faster it blocks there, and no
 *            close wakes it.
 * errno      Each system call is made in a function of its own that returns
 *            -errno: around it the goroutine may change threads, and errno's
 *            address with it.
 */
#include "goro/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fatal.h"
#include "netpoll.h"
#include "san.h"

#define OUT_OF_LINE static __attribute__((noinline))

/* Repeat what a signal has interrupted. */
#define SYSCALL(call)                                         \
	({                                                    \
		ssize_t gr_r;                                 \
		do                                            \
			gr_r = (call);                        \
		while (gr_r < 0 && errno == EINTR);           \
		gr_r < 0 ? -(ssize_t)errno : gr_r;            \
	})

/* revents now, 0 when nothing holds, or -errno. */
OUT_OF_LINE int
poll_now(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };
	ssize_t n = SYSCALL(poll(&p, 1, 0));

	if (n < 0)
		return (int)n;
	if (fd < 0) /* which poll() passes over */
		return -EBADF;
	return p.revents & POLLNVAL ? -EBADF : p.revents;
}

/* It is not ready. What was opened for @other only never will be: where the
 * call would say so, nobody is to wait. */
OUT_OF_LINE ssize_t
not_ready(int fd, int other)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) == other ? -EBADF : -EAGAIN;
}

/*
 * Read from a pipe, or write to it, without blocking. -EOPNOTSUPP: this is not
 * one, or Linux does not do that (6.4); ThreadSanitizer would not see what is
 * ordered by it.
 */
OUT_OF_LINE ssize_t
pipe_now(int fd, void *buf, size_t bytes, bool write)
{
	struct iovec v = { .iov_base = buf, .iov_len = bytes };
	struct stat st;
	ssize_t n;

#ifdef GR_TSAN
	return -EOPNOTSUPP;
#endif
	if (fstat(fd, &st) || !S_ISFIFO(st.st_mode))
		return -EOPNOTSUPP;
	n = SYSCALL(write ? pwritev2(fd, &v, 1, -1, RWF_NOWAIT) :
			    preadv2(fd, &v, 1, -1, RWF_NOWAIT));
	return n == -ENOSYS ? -EOPNOTSUPP : n;
}

OUT_OF_LINE ssize_t
read_now(int fd, void *buf, size_t bytes)
{
	ssize_t n;
	int ready;

	if (!bytes) /* nor does this wait, as recv() might */
		return SYSCALL(read(fd, buf, 0));
	n = SYSCALL(recv(fd, buf, bytes, MSG_DONTWAIT));
	if (n != -ENOTSOCK)
		return n;
	n = pipe_now(fd, buf, bytes, false);
	if (n != -EOPNOTSUPP)
		return n;
	ready = poll_now(fd, POLLIN);
	if (ready <= 0)
		return ready ? ready : not_ready(fd, O_WRONLY);
	/* A file on a disk, or somebody else was faster: it may block. */
	goro_blocking_begin();
	n = SYSCALL(read(fd, buf, bytes));
	goro_blocking_end();
	return n;
}

/* How much may be written to a descriptor that poll() says is ready without
 * blocking: a pipe has room for PIPE_BUF then. */
OUT_OF_LINE size_t
safe_bytes(int fd, size_t bytes)
{
	struct stat st;

	if (fstat(fd, &st) || S_ISREG(st.st_mode) ||
	    fcntl(fd, F_GETFL) & O_NONBLOCK || bytes < PIPE_BUF)
		return bytes;
	return PIPE_BUF;
}

OUT_OF_LINE ssize_t
write_now(int fd, const void *buf, size_t bytes)
{
	ssize_t n = SYSCALL(send(fd, buf, bytes, MSG_DONTWAIT | MSG_NOSIGNAL));
	int ready;

	if (n != -ENOTSOCK)
		return n;
	if (!bytes)
		return SYSCALL(write(fd, buf, 0));
	n = pipe_now(fd, (void *)buf, bytes, true);
	if (n != -EOPNOTSUPP)
		return n;
	ready = poll_now(fd, POLLOUT);
	if (ready <= 0)
		return ready ? ready : not_ready(fd, O_RDONLY);
	bytes = safe_bytes(fd, bytes);
	goro_blocking_begin(); /* as in read_now() */
	n = SYSCALL(write(fd, buf, bytes));
	goro_blocking_end();
	return n;
}

/* May it be tried again? 0, or what to return. */
static int
wait_for(int fd, short events)
{
	int err = gr_netpoll_wait(fd, events, GORO_FOREVER);

	return err == -EPERM ? 0 : err; /* always ready */
}

ssize_t
goro_read(int fd, void *buf, size_t bytes)
{
	gr_m_goroutine("goro_read");
	for (;;) {
		ssize_t n = gr_netpoll_is_empty(fd) && bytes ?
				    -EAGAIN :
				    read_now(fd, buf, bytes);

		if (n == -EAGAIN) {
			n = wait_for(fd, POLLIN);
			if (n)
				return n;
			continue;
		}
		if (n <= 0 && bytes)
			gr_netpoll_forget(fd); /* likely to be closed next */
		else if ((size_t)n < bytes)
			gr_netpoll_emptied(fd);
		return n;
	}
}

ssize_t
goro_write(int fd, const void *buf, size_t bytes)
{
	size_t done = 0;

	gr_m_goroutine("goro_write");
	for (;;) {
		ssize_t n = write_now(fd, (const char *)buf + done,
				      bytes - done);

		if (n >= 0) {
			done += n;
			if (done == bytes)
				return done;
			continue;
		}
		if (n == -EAGAIN)
			n = wait_for(fd, POLLOUT);
		else
			gr_netpoll_forget(fd);
		if (n)
			return done ? (ssize_t)done : n;
	}
}

/* Returns the flags as they were, or -errno. */
OUT_OF_LINE int
set_nonblocking(int fd)
{
	int flags = SYSCALL(fcntl(fd, F_GETFL));

	if (flags < 0 || flags & O_NONBLOCK)
		return flags;
	return fcntl(fd, F_SETFL, flags | O_NONBLOCK) ? -errno : flags;
}

OUT_OF_LINE int
accept_now(int fd, struct sockaddr *addr, socklen_t *len)
{
	return SYSCALL(accept4(fd, addr, len, SOCK_CLOEXEC));
}

int
goro_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	int err;

	gr_m_goroutine("goro_accept");
	err = set_nonblocking(fd);
	while (err >= 0) {
		int got = accept_now(fd, addr, len);

		/* One that was gone before we came is none. */
		if (got == -ECONNABORTED)
			continue;
		if (got != -EAGAIN) {
			gr_netpoll_forget(got); /* the number may be old */
			return got;
		}
		err = wait_for(fd, POLLIN);
	}
	return err;
}

OUT_OF_LINE int
connect_now(int fd, const struct sockaddr *addr, socklen_t len)
{
	return connect(fd, addr, len) ? -errno : 0;
}

OUT_OF_LINE int
socket_error(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return -errno;
	return -err;
}

OUT_OF_LINE void
set_flags(int fd, int flags)
{
	if (!(flags & O_NONBLOCK))
		fcntl(fd, F_SETFL, flags);
}

int
goro_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	int flags, err;

	gr_m_goroutine("goro_connect");
	flags = set_nonblocking(fd);
	if (flags < 0)
		return flags;
	gr_netpoll_forget(fd);
	err = connect_now(fd, addr, len);
	/* EINTR, too: the connection goes on being made. */
	if (err == -EINPROGRESS || err == -EINTR) {
		/* Woken by an edge of before, it is neither made nor refused. */
		do
			err = wait_for(fd, POLLOUT);
		while (!err && !poll_now(fd, POLLOUT));
		if (!err)
			err = socket_error(fd);
		if (err == -EBADF)
			return err;
	} else if (err == -EAGAIN) {
		/* A Unix socket whose listener's queue is full. */
		while (err == -EAGAIN) {
			goro_sleep(1000000);
			err = connect_now(fd, addr, len);
		}
	}
	set_flags(fd, flags);
	return err;
}

int
goro_poll_fd(int fd, short events, int64_t deadline_ns)
{
	gr_m_goroutine("goro_poll_fd");
	for (;;) {
		int ready = poll_now(fd, events), err;

		if (ready)
			return ready;
		if (deadline_ns <= gr_now_ns())
			return -ETIMEDOUT;
		err = gr_netpoll_wait(fd, events, deadline_ns);
		if (err)
			return err;
	}
}

int
goro_close(int fd)
{
	return gr_netpoll_close(fd);
}
