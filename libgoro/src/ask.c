// SPDX-License-Identifier: MIT
/*
 * ask.c - questions that a tool puts to the process
 */
#include "ask.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "atomic.h"
#include "futex.h"
#include "leak/world.h"
#include "runtime.h"
#include "sched.h"

enum {
	READ_S = 2,   /* for the question, once we have called back */
	WRITE_S = 10, /* for a piece of the answer to be taken */
	LASTING = 4,  /* at a time */
	STACK_BYTES = 256 << 10,
	SLICE_MS = 50, /* between two looks at whether the run ends */
};

static const char greeting[] = "goro 1 ";

static struct {
	struct gr_question question[LASTING];
	bool used[LASTING]; /* [pair ask-slot] */
	uint32_t threads;   /* futex; [pair ask-threads] */
	bool stop;          /* [pair ask-stop] */
} lasting;

/* --- Calling back -------------------------------------------------------------- */

/* "goro-" and 16 hexadecimal digits, in the abstract name space. */
static socklen_t
put_address(struct sockaddr_un *to, uint64_t token)
{
	static const char prefix[] = "goro-";
	char *p = to->sun_path + 1;

	memset(to, 0, sizeof(*to));
	to->sun_family = AF_UNIX;
	memcpy(p, prefix, sizeof(prefix) - 1);
	p += sizeof(prefix) - 1;
	for (int shift = 60; shift >= 0; shift -= 4)
		*p++ = "0123456789abcdef"[token >> shift & 15];
	return (socklen_t)(p - (char *)to);
}

/* Is who listens there one that may know everything about us? */
static bool
may_ask(int fd)
{
	struct ucred peer;
	socklen_t bytes = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

/* A connection to who listens there, or -1. */
static int
call_back(uint64_t token)
{
	struct timeval read_s = { .tv_sec = READ_S };
	struct timeval write_s = { .tv_sec = WRITE_S };
	struct sockaddr_un to;
	socklen_t bytes = put_address(&to, token);
	/* Non-blocking while it connects: the queue there may be full. */
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int off = 0;

	if (fd < 0)
		return -1;
	if (!connect(fd, (struct sockaddr *)&to, bytes) && may_ask(fd) &&
	    !setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &read_s, sizeof(read_s)) &&
	    !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &write_s,
			sizeof(write_s)) &&
	    !ioctl(fd, FIONBIO, &off))
		return fd;
	close(fd);
	return -1;
}

/* The question, without its end; false: it never came. */
static bool
read_line(int fd, char line[GR_ASK_LINE])
{
	size_t n = 0;

	while (n < GR_ASK_LINE) {
		ssize_t got = read(fd, line + n, GR_ASK_LINE - n);
		char *end;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		end = memchr(line + n, '\n', (size_t)got);
		if (end) {
			*end = '\0';
			return true;
		}
		n += (size_t)got;
	}
	return false;
}

/* --- Answering --------------------------------------------------------------- */

static void
write_all(int fd, const char *s)
{
	size_t left = strlen(s);

	while (left) {
		ssize_t n = write(fd, s, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* it is gone */
		s += n;
		left -= (size_t)n;
	}
}

static void
finish(struct gr_question *q, const char *error)
{
	close(q->data);
	if (error) {
		write_all(q->control, "error ");
		write_all(q->control, error);
		write_all(q->control, "\n");
	} else {
		write_all(q->control, "ok\n");
	}
	close(q->control);
}

static void *
lasting_main(void *arg)
{
	struct gr_question *q = arg;

	gr_world_own(GR_WORLD_ASIDE);
	finish(q, q->verb->answer(q));
	gr_world_own(GR_WORLD_LEAVE);
	/* [pair ask-slot] release: the next one may have it. */
	gr_store_rel(&lasting.used[q - lasting.question], false);
	gr_add_acq_rel(&lasting.threads, -1); /* [pair ask-threads] */
	gr_futex_wake(&lasting.threads, 1);
	return NULL;
}

/* Answer on a thread of its own. Returns NULL, or why not. */
static const char *
start_lasting(const struct gr_question *q)
{
	struct gr_question *mine = NULL;
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	for (int i = 0; i < LASTING && !mine; i++)
		if (!gr_load_acq(&lasting.used[i])) /* [pair ask-slot] */
			mine = &lasting.question[i];
	if (!mine)
		return "busy: too many are asking";
	*mine = *q;
	mine->args = mine->line + (q->args - q->line);
	lasting.used[mine - lasting.question] = true;
	gr_add_acq_rel(&lasting.threads, 1); /* [pair ask-threads] */
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &attr, lasting_main, mine);
	pthread_attr_destroy(&attr);
	if (!err)
		return NULL;
	gr_add_acq_rel(&lasting.threads, -1);
	lasting.used[mine - lasting.question] = false;
	return "no thread is to be had for it";
}

/* Cut the line into verb and arguments, and find the verb. */
static const char *
parse(struct gr_question *q)
{
	char *verb = q->line + sizeof(greeting) - 1, *end;

	if (strncmp(q->line, greeting, sizeof(greeting) - 1))
		return "this process understands questions of version 1 only";
	end = verb + strcspn(verb, " ");
	q->args = *end ? end + 1 : end;
	*end = '\0';
	for (q->verb = gr_verbs; q->verb->name; q->verb++)
		if (!strcmp(q->verb->name, verb))
			return NULL;
	return "this version of libgoro does not know that question";
}

void
gr_ask_serve(uint64_t token)
{
	struct gr_question q = { .control = call_back(token), .data = -1 };
	const char *error;

	if (q.control < 0)
		return;
	q.data = call_back(token);
	if (q.data < 0 || !read_line(q.control, q.line)) {
		close(q.control);
		if (q.data >= 0)
			close(q.data);
		return;
	}
	error = parse(&q);
	if (!error && q.verb->lasting) {
		error = start_lasting(&q);
		if (!error)
			return;
	} else if (!error) {
		error = q.verb->answer(&q);
	}
	finish(&q, error);
}

bool
gr_question_wait(struct gr_question *q, int64_t until_ns)
{
	for (;;) {
		/* The end of what it has to say: that is enough. */
		struct pollfd p = { .fd = q->control, .events = POLLIN };
		int64_t left_ms = (until_ns - gr_now_ns()) / 1000000;

		if (gr_load_acq(&lasting.stop)) /* [pair ask-stop] */
			return false;
		if (left_ms <= 0)
			return true;
		if (poll(&p, 1, (int)GR_MIN(left_ms, (int64_t)SLICE_MS)) > 0)
			return false;
	}
}

int
gr_ask_threads(void)
{
	return (int)gr_load_acq(&lasting.threads); /* [pair ask-threads] */
}

void
gr_ask_start(void)
{
	lasting.stop = false;
}

void
gr_ask_stop(void)
{
	uint32_t n;

	gr_store_rel(&lasting.stop, true);          /* [pair ask-stop] */
	while ((n = gr_load_acq(&lasting.threads))) /* [pair ask-threads] */
		gr_futex_wait(&lasting.threads, n, INT64_MAX);
}
