// SPDX-License-Identifier: MIT
/*
 * target.c - what all kinds of targets share
 */
#include "target.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

void
gt_target_destroyp(struct gt_target **t)
{
	if (*t)
		(*t)->ops->destroy(*t);
	*t = NULL;
}

struct gt_error *
gt_target_read(struct gt_target *t, uint64_t addr, void *buf, size_t bytes)
{
	struct gt_span span = { .addr = addr, .buf = buf, .bytes = bytes };
	struct gt_error *err = t->ops->read(t, &span, 1);

	if (err)
		return err;
	if (!span.ok) {
		err = gt_error(GT_FAULT, EFAULT,
			       "cannot read %zu bytes at 0x%llx", bytes,
			       (unsigned long long)addr);
		err->addr = addr;
		return err;
	}
	return NULL;
}

struct gt_error *
gt_target_read_string(struct gt_target *t, uint64_t addr, char *buf, size_t max)
{
	size_t at = 0;

	/* Not across a page's end in one go: the next may not be there. */
	while (at < max - 1) {
		size_t left = 4096 - ((addr + at) & 4095);
		struct gt_span span = {
			.addr = addr + at,
			.buf = buf + at,
			.bytes = left < max - 1 - at ? left : max - 1 - at,
		};
		struct gt_error *err = t->ops->read(t, &span, 1);

		if (err)
			return err;
		if (!span.ok)
			break;
		if (memchr(span.buf, '\0', span.bytes))
			return NULL;
		at += span.bytes;
	}
	buf[at] = '\0';
	return NULL;
}

struct call {
	void (*fn)(void *arg);
	void *arg;
};

static void *
run_call(void *arg)
{
	const struct call *call = arg;

	call->fn(call->arg);
	return NULL;
}

/*
 * The kernel ends a trace when the tracing *thread* ends. So this one cannot
 * leave anything stopped behind, whatever becomes of a hold(). Signals stay
 * out for its short time: Ctrl-Z between hold and release would leave the
 * target stopped as long as the tool is. SIGKILL ends the trace as well.
 */
struct gt_error *
gt_target_trace(void (*fn)(void *arg), void *arg)
{
	struct call call = { fn, arg };
	sigset_t all, before;
	pthread_t thread;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	int rc = pthread_create(&thread, NULL, run_call, &call);
	if (rc == 0)
		pthread_join(thread, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc)
		return gt_error(GT_SYSTEM, rc, "cannot start a thread: %s",
				strerror(rc));
	return NULL;
}
