// SPDX-License-Identifier: MIT
/*
 * netdesc.c - the descriptors, and waiting for one; see netpoll.h
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "goro/goro.h"
#include "netpoll.h"
#include "waitq.h"

enum {
	PAGE_FDS = 1024,
	PAGES = 1024, /* a million descriptors: the kernel's usual limit */
	TRUST_NS = 1000000, /* how long a registration is believed */
	CLOSING_NS = 20000, /* between looks at whether it is closed */
};
/* What poll() and epoll call alike. No enumerators: one that takes the sign bit
 * makes all of its enum unsigned, to gcc 13 and newer. */
#define ENDS ((uint32_t)(EPOLLERR | EPOLLHUP))
#define EDGES \
	((uint32_t)(EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET))

/* One descriptor. But for its queue and closes all is a hint; see "Reuse". */
struct desc {
	struct gr_lock lock;
	uint32_t seen;    /* edges that nobody waited for */
	uint32_t closes;  /* by goro_close(), ever; [pair fd-closes] */
	uint32_t closing; /* that are under way */
	struct gr_waitq waiters;
	bool registered;
	bool stream; /* SOCK_STREAM: a short read has emptied it */
	bool ending; /* there is more to learn than data: an end, an error */
	bool empty;  /* [relaxed] written by readers without the lock */
};

#define OUT_OF_LINE static __attribute__((noinline))

static struct desc *pages[PAGES]; /* [pair fd-pages] */

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

OUT_OF_LINE bool
is_stream(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) &&
	       type == SOCK_STREAM;
}

/* Have the kernel look at @fd, now and whenever it changes. */
static int
register_locked(struct desc *d, int fd)
{
	int err;

	if (d->registered && !gr_netpoll_control(EPOLL_CTL_MOD, fd, EDGES))
		return 0;
	err = gr_netpoll_control(EPOLL_CTL_ADD, fd, EDGES);
	if (err == -EEXIST)
		err = gr_netpoll_control(EPOLL_CTL_MOD, fd, EDGES);
	if (err)
		return err;
	gr_store_rlx(&d->stream, is_stream(fd)); /* [relaxed] hints, both */
	gr_store_rlx(&d->registered, true);
	return 0;
}

static uint32_t
wanted(const struct gr_waiter *w)
{
	return (uintptr_t)w->elem;
}

enum trust { BELIEVE, VERIFY };

/* What somebody waits for, from when on and how sure of it. */
struct wait {
	int fd;
	uint32_t events;
	uint32_t closes; /* when it came */
	enum trust trust;
};

/* -EAGAIN: nothing known, an edge will come; 0: try again; or -errno, where
 * -EBUSY: soon. */
static int
look_locked(struct desc *d, const struct wait *want)
{
	int err;

	/* The number may be another's by now: nothing to be done with it. */
	if (d->closes != want->closes)
		return -EBADF;
	/* Is the number still the one that goes, or another's already? */
	if (d->closing)
		return -EBUSY;
	if (d->seen & want->events) {
		d->seen &= ~want->events;
		return 0;
	}
	if (d->registered && want->trust == BELIEVE)
		return -EAGAIN;
	err = register_locked(d, want->fd);
	return err ? err : -EAGAIN;
}

/* Wait once. 0: try again; or -errno. */
static int
wait_once(struct gr_m *m, struct desc *d, const struct wait *want,
	  int64_t deadline_ns)
{
	struct gr_g *g = m->g;
	bool deadline = deadline_ns != GORO_FOREVER;
	struct gr_waiter w = {
		.g = g,
		.elem = (void *)(uintptr_t)want->events,
		.dir = GR_WAITER_OTHER,
		.shared = true,
		.ok = true,
	};
	int err;

	if (deadline)
		gr_deadline_arm(m, deadline_ns);
	else
		gr_store_rlx(&g->claim, 0); /* [pair claim] not yet queued */
	gr_lock(&d->lock);
	err = look_locked(d, want);
	if (err == -EAGAIN) {
		gr_waitq_push(&d->waiters, &w);
		/* [pair netpoll-waiting] before we are seen to sleep. */
		gr_add_sc(&gr_netpoll_waiting, 1);
		gr_g_will_wait(g, GORO_WAIT_IO, want->fd, &w, 1);
		gr_park(m,
			deadline ? gr_finish_deadline : gr_finish_wait_unlock,
			&d->lock);
		gr_add_sc(&gr_netpoll_waiting, -1);
		err = w.ok ? 0 : -EBADF;
		if (deadline && !g->woken) {
			err = -ETIMEDOUT;
			gr_lock(&d->lock);
			if (w.queue)
				gr_waitq_remove(&w);
			gr_unlock(&d->lock);
		}
	} else {
		gr_unlock(&d->lock);
	}
	if (deadline)
		gr_deadline_disarm(g);
	if (err != -EBUSY)
		return err;
	goro_sleep(CLOSING_NS);
	return 0;
}

int
gr_netpoll_wait(int fd, short events, int64_t deadline_ns)
{
	struct gr_m *m = gr_m_self();
	struct desc *d = desc_of(fd, true);
	/* An end is news to who reads. */
	struct wait want = { .fd = fd,
			     .events = (uint16_t)events | ENDS |
				       (events & POLLIN ? EPOLLRDHUP : 0) };
	int64_t believe_ns = gr_now_ns() + TRUST_NS;
	int err = gr_netpoll_start();

	if (!d)
		return fd < 0 ? -EBADF : -ENOMEM;
	if (err)
		return err;
	/* [pair fd-closes] [relaxed] what matters is compared under the lock:
	 * between two waits we are in no queue, where a close would find us. */
	want.closes = gr_load_rlx(&d->closes);
	/* Not yet registered: it is looked at anyhow. */
	if (deadline_ns > believe_ns && gr_load_rlx(&d->registered)) {
		want.trust = BELIEVE;
		err = wait_once(m, d, &want, believe_ns);
		if (err != -ETIMEDOUT)
			return err;
		m = gr_m_self();
	}
	want.trust = VERIFY;
	return wait_once(m, d, &want, deadline_ns);
}

bool
gr_netpoll_is_empty(int fd)
{
	struct desc *d = desc_of(fd, false);

	return d && gr_load_rlx(&d->empty); /* [relaxed] a hint */
}

void
gr_netpoll_emptied(int fd)
{
	struct desc *d = desc_of(fd, false);

	/* [relaxed] hints. An edge between the read and this store is in
	 * `seen`, where the next wait looks first. */
	if (d && gr_load_rlx(&d->stream) && !gr_load_rlx(&d->ending))
		gr_store_rlx(&d->empty, true);
}

static void
forget_locked(struct desc *d)
{
	d->seen = 0;
	gr_store_rlx(&d->registered, false);
	gr_store_rlx(&d->stream, false);
	gr_store_rlx(&d->ending, false);
	gr_store_rlx(&d->empty, false);
}

void
gr_netpoll_forget(int fd)
{
	struct desc *d = desc_of(fd, false);

	if (!d)
		return;
	gr_lock(&d->lock);
	forget_locked(d);
	gr_unlock(&d->lock);
}

/* All who wait for any of @events, off the queue and into a list. */
static void
take_locked(struct desc *d, uint32_t events, bool ok, struct gr_glist *to)
{
	struct gr_waiter *w = d->waiters.first, *next;

	for (; w; w = next) {
		struct gr_g *g = w->g;

		next = w->next;
		if (!(wanted(w) & events))
			continue;
		gr_waitq_remove(w);
		if (!gr_g_claim(g))
			continue; /* its deadline has won */
		d->seen &= ~wanted(w);
		g->woken = w;
		gr_g_set_state(g, GORO_ABI_CLAIMED);
		w->ok = ok;
		gr_glist_append(to, g);
	}
}

/* Linux closes it even where it says EINTR. */
static __attribute__((noinline)) int
close_fd(int fd)
{
	return close(fd) && errno != EINTR ? -errno : 0;
}

/*
 * The kernel gives the number away while close() has not returned, which can
 * take long. So whoever comes to wait meanwhile may mean either file, and has
 * to try again; who has waited from before is told, be it that he is just
 * between two waits and not in the queue.
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
	gr_store_rlx(&d->closes, d->closes + 1); /* [pair fd-closes] */
	d->closing++;
	take_locked(d, ~0u, false, &woken);
	gr_unlock(&d->lock);
	gr_ready_list(gr_m_self(), woken.first, woken.n);

	err = close_fd(fd);
	gr_lock(&d->lock);
	d->closing--;
	forget_locked(d);
	gr_unlock(&d->lock);
	return err;
}

void
gr_netpoll_event(const struct epoll_event *e, struct gr_glist *ret)
{
	struct desc *d = desc_of(e->data.fd, false);

	if (!d)
		return;
	gr_lock(&d->lock);
	d->seen |= e->events;
	gr_store_rlx(&d->empty, false); /* [relaxed] a hint */
	if (e->events & (ENDS | EPOLLRDHUP | EPOLLPRI))
		gr_store_rlx(&d->ending, true);
	take_locked(d, e->events, true, ret);
	gr_unlock(&d->lock);
}

void
gr_netpoll_forget_all(void)
{
	for (int i = 0; i < PAGES; i++) {
		free(pages[i]);
		pages[i] = NULL;
	}
}
