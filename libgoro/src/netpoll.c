// SPDX-License-Identifier: MIT
/*
 * netpoll.c - the descriptors, and the epoll instance; see netpoll.h
 */
#include "netpoll.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "goro/goro.h"
#include "waitq.h"

enum {
	PAGE_FDS = 1024,
	PAGES = 1024, /* a million descriptors: the kernel's usual limit */
	EVENTS = 128,
	LOOK_EVERY_NS = 10000000,
};

/* Who waits for one descriptor. */
struct desc {
	struct gr_lock lock;
	struct gr_waitq readers, writers;
};

static struct desc *pages[PAGES]; /* [pair fd-pages] */

static struct {
	struct gr_lock lock; /* for the start */
	int epoll, event;    /* descriptors plus 1; [pair netpoll-start] */
	uint32_t waiting;    /* goroutines; [pair netpoll-waiting] */
	struct gr_m *sleeper; /* who waits here; [pair netpoll-sleeper] */
	int64_t looked_ns;   /* [relaxed] when somebody last did */
} net;

static int
epoll_fd(void)
{
	return gr_load_acq(&net.epoll) - 1; /* [pair netpoll-start] */
}

/* The waker's own event: always armed, level-triggered. */
static int
start_locked(void)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), event;
	struct epoll_event e = { .events = EPOLLIN, .data.fd = -1 };

	if (epoll < 0)
		return -errno;
	event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (event < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, event, &e)) {
		int err = -errno;

		if (event >= 0)
			close(event);
		close(epoll);
		return err;
	}
	net.event = event + 1;
	gr_store_rel(&net.epoll, epoll + 1); /* [pair netpoll-start] */
	return 0;
}

static int
start(void)
{
	int err = 0;

	if (epoll_fd() >= 0)
		return 0;
	gr_lock(&net.lock);
	if (epoll_fd() < 0)
		err = start_locked();
	gr_unlock(&net.lock);
	return err;
}

/* The books of @fd, or NULL when it has none, or memory is short. */
static struct desc *
desc_of(int fd, bool create)
{
	struct desc **at, *page, *fresh;

	if (fd < 0 || fd >= PAGES * PAGE_FDS)
		return NULL;
	at = &pages[fd / PAGE_FDS];
	page = gr_load_acq(at); /* [pair fd-pages] */
	if (!page && create) {
		fresh = calloc(PAGE_FDS, sizeof(*fresh));
		if (!fresh)
			return NULL;
		/* [pair fd-pages] whoever comes second uses the first's. */
		if (!gr_cas_acq_rel(at, NULL, fresh))
			free(fresh);
		page = gr_load_acq(at);
	}
	return page ? &page[fd % PAGE_FDS] : NULL;
}

/* Tell the kernel for what there are waiters. The lock is held. */
static __attribute__((noinline)) int
arm_locked(struct desc *d, int fd)
{
	struct epoll_event e = { .events = EPOLLONESHOT, .data.fd = fd };

	if (d->readers.first)
		e.events |= EPOLLIN | EPOLLRDHUP;
	if (d->writers.first)
		e.events |= EPOLLOUT;
	if (!epoll_ctl(epoll_fd(), EPOLL_CTL_MOD, fd, &e) ||
	    (errno == ENOENT &&
	     !epoll_ctl(epoll_fd(), EPOLL_CTL_ADD, fd, &e)))
		return 0;
	return -errno;
}

/* A waiter for both directions is two: in each queue one. */
static void
leave_locked(struct gr_waiter *w)
{
	for (int i = 0; i < 2; i++)
		if (w[i].queue)
			gr_waitq_remove(&w[i]);
}

int
gr_netpoll_wait(int fd, short events, int64_t deadline_ns)
{
	struct gr_m *m = gr_m_self();
	struct gr_g *g = m->g;
	bool deadline = deadline_ns != GORO_FOREVER, ok;
	struct gr_waiter w[2] = {
		{ .g = g, .dir = GR_WAITER_OTHER, .shared = true, .ok = true },
		{ .g = g, .dir = GR_WAITER_OTHER, .shared = true, .ok = true },
	};
	struct desc *d = desc_of(fd, true);
	int err = start();

	if (!d)
		return fd < 0 ? -EBADF : -ENOMEM;
	if (err)
		return err;
	if (deadline)
		gr_deadline_arm(m, deadline_ns);
	else
		gr_store_rlx(&g->claim, 0); /* [pair claim] not yet queued */
	gr_lock(&d->lock);
	if (events & POLLIN)
		gr_waitq_push(&d->readers, &w[0]);
	if (events & POLLOUT)
		gr_waitq_push(&d->writers, &w[1]);
	err = arm_locked(d, fd);
	if (err) {
		leave_locked(w);
		gr_unlock(&d->lock);
		if (deadline)
			gr_deadline_disarm(g);
		return err;
	}
	/* [pair netpoll-waiting] before we are seen to sleep. */
	gr_add_sc(&net.waiting, 1);
	gr_g_will_wait(g, GORO_WAIT_IO, fd, w, 2);
	gr_park(m, deadline ? gr_finish_deadline : gr_finish_wait_unlock,
		&d->lock);
	gr_add_sc(&net.waiting, -1);

	ok = w[0].ok && w[1].ok;
	gr_lock(&d->lock);
	leave_locked(w);
	gr_unlock(&d->lock);
	if (deadline)
		gr_deadline_disarm(g);
	if (deadline && !g->woken)
		return -ETIMEDOUT;
	return ok ? 0 : -EBADF;
}

static void
take_all(struct gr_waitq *q, bool ok, struct gr_glist *to)
{
	struct gr_waiter *w;

	while ((w = gr_waitq_claim(q))) {
		struct gr_g *g = w->g;

		gr_g_set_state(g, GORO_ABI_CLAIMED);
		w->ok = ok;
		g->next = NULL;
		if (to->last)
			to->last->next = g;
		else
			to->first = g;
		to->last = g;
		to->n++;
	}
}

/* Linux closes it even where it says EINTR. */
static __attribute__((noinline)) int
close_fd(int fd)
{
	return close(fd) && errno != EINTR ? -errno : 0;
}

/*
 * The lock is held over the close: who comes to wait afterwards finds the
 * number closed, or another's; nobody waits for what is gone.
 */
int
gr_netpoll_close(int fd)
{
	struct desc *d = desc_of(fd, false);
	struct gr_glist woken = { 0 };
	int err;

	if (!d)
		return close_fd(fd);
	gr_lock(&d->lock);
	err = close_fd(fd);
	take_all(&d->readers, false, &woken);
	take_all(&d->writers, false, &woken);
	gr_unlock(&d->lock);
	gr_ready_list(gr_m_self(), woken.first, woken.n);
	return err;
}

bool
gr_netpoll_any(void)
{
	return gr_load_sc(&net.waiting); /* [pair netpoll-waiting] */
}

static void
on_event(const struct epoll_event *e, struct gr_glist *ret)
{
	struct desc *d = desc_of(e->data.fd, false);
	uint32_t both = e->events & (EPOLLERR | EPOLLHUP);

	if (!d)
		return;
	gr_lock(&d->lock);
	if (both || e->events & (EPOLLIN | EPOLLRDHUP))
		take_all(&d->readers, true, ret);
	if (both || e->events & EPOLLOUT)
		take_all(&d->writers, true, ret);
	/* Those of the other direction still wait. An error here means that
	 * the descriptor is gone: they see it when they try again. */
	if ((d->readers.first || d->writers.first) &&
	    arm_locked(d, e->data.fd)) {
		take_all(&d->readers, true, ret);
		take_all(&d->writers, true, ret);
	}
	gr_unlock(&d->lock);
}

/* epoll_pwait2() takes nanoseconds (Linux 5.11); before it, milliseconds, and
 * rather a little late than a loop. */
static int
wait_events(struct epoll_event *e, int64_t timeout_ns)
{
	struct timespec t = { .tv_sec = timeout_ns / 1000000000,
			      .tv_nsec = timeout_ns % 1000000000 };
	int n = syscall(SYS_epoll_pwait2, epoll_fd(), e, EVENTS,
			timeout_ns < 0 ? NULL : &t, NULL, 0);

	if (n < 0 && errno == ENOSYS)
		n = epoll_wait(epoll_fd(), e, EVENTS,
			       timeout_ns < 0 ? -1 :
						(timeout_ns + 999999) / 1000000);
	return n; /* EINTR, a tracer's doing, is nothing */
}

/* Only the sleeper takes its own event away, or it would sleep on. */
static void
collect(int64_t timeout_ns, bool sleeper, struct gr_glist *ret)
{
	struct epoll_event e[EVENTS];
	int n = wait_events(e, timeout_ns);
	uint64_t drop;

	for (int i = 0; i < n; i++) {
		if (e[i].data.fd >= 0)
			on_event(&e[i], ret);
		else if (sleeper && read(net.event - 1, &drop, 8) < 0)
			continue; /* it was for the one before us */
	}
	/* [relaxed] only a hint for the monitor. */
	gr_store_rlx(&net.looked_ns, gr_now_ns());
}

void
gr_netpoll_look(struct gr_glist *ret)
{
	if (gr_netpoll_any())
		collect(0, false, ret);
}

void
gr_netpoll_watch(int64_t now_ns)
{
	struct gr_glist ready = { 0 };

	/* [relaxed] hints; somebody who sleeps there looks all the time. */
	if (!gr_netpoll_any() || gr_load_rlx(&net.sleeper) ||
	    now_ns - gr_load_rlx(&net.looked_ns) < LOOK_EVERY_NS)
		return;
	collect(0, false, &ready);
	gr_ready_list(NULL, ready.first, ready.n);
}

/*
 * The sleeper publishes itself and then looks at its `wake`; a waker sets that
 * and then looks for the sleeper. Either it is not slept, or the event wakes.
 */
bool
gr_netpoll_sleep(struct gr_m *m, int64_t deadline_ns, struct gr_glist *ret)
{
	int64_t timeout_ns = -1;

	if (!gr_netpoll_any() || !gr_cas_acq_rel(&net.sleeper, NULL, m))
		return false; /* [pair netpoll-sleeper] */
	if (deadline_ns != GORO_FOREVER) {
		timeout_ns = deadline_ns - gr_now_ns();
		if (timeout_ns < 0)
			timeout_ns = 0;
	}
	if (!gr_load_sc(&m->wake)) /* [pair m-wake] */
		collect(timeout_ns, true, ret);
	gr_store_sc(&net.sleeper, NULL); /* [pair netpoll-sleeper] */
	return true;
}

void
gr_netpoll_break(struct gr_m *m)
{
	uint64_t one = 1;

	/* [pair netpoll-sleeper] after m->wake was set. */
	if (gr_load_sc(&net.sleeper) == m &&
	    write(net.event - 1, &one, sizeof(one)) < 0)
		return; /* it is full: the sleeper wakes all the same */
}

/* The run is over. */
void
gr_netpoll_fini(void)
{
	if (epoll_fd() >= 0) {
		close(epoll_fd());
		close(net.event - 1);
	}
	memset(&net, 0, sizeof(net));
	for (int i = 0; i < PAGES; i++) {
		free(pages[i]);
		pages[i] = NULL;
	}
}
