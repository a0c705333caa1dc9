// SPDX-License-Identifier: MIT
/*
 * netpoll.c - the epoll instance, and who looks at it; see netpoll.h
 */
#include "netpoll.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "goro/goro.h"
#include "idle.h"

enum {
	EVENTS = 128,
	ATTENDED_NS = 1000000, /* who looked so lately is likely to look again */
};

uint32_t gr_netpoll_waiting;

static struct {
	struct gr_lock lock; /* for the start */
	int epoll, event;    /* descriptors plus 1; [pair netpoll-start] */
	struct gr_m *sleeper; /* who waits here; [pair netpoll-sleeper] */
	struct gr_m *looker; /* [relaxed] the worker that last looked */
	int64_t looked_ns;   /* [relaxed] when that was */
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

int
gr_netpoll_start(void)
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

int
gr_netpoll_control(int op, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	return epoll_ctl(epoll_fd(), op, fd, &e) ? -errno : 0;
}

bool
gr_netpoll_any(void)
{
	return gr_load_sc(&gr_netpoll_waiting); /* [pair netpoll-waiting] */
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
			gr_netpoll_event(&e[i], ret);
		else if (sleeper && read(net.event - 1, &drop, 8) < 0)
			continue; /* it was for the one before us */
	}
}

static void
look(struct gr_m *m, int64_t timeout_ns, bool sleeper, struct gr_glist *ret)
{
	collect(timeout_ns, sleeper, ret);
	gr_store_rlx(&net.looker, m);
	gr_store_rlx(&net.looked_ns, gr_now_ns());
}

void
gr_netpoll_look(struct gr_m *m, struct gr_glist *ret)
{
	if (gr_netpoll_any())
		look(m, 0, false, ret);
}

/* By another than @m. [relaxed] hints. Who sleeps there looks all the time. */
static bool
attended(const struct gr_m *m, int64_t now_ns)
{
	return gr_load_rlx(&net.sleeper) ||
	       (gr_load_rlx(&net.looker) != m &&
		now_ns - gr_load_rlx(&net.looked_ns) < ATTENDED_NS);
}

int64_t
gr_netpoll_watch(int64_t now_ns)
{
	struct gr_glist ready = { 0 };

	if (!gr_netpoll_any() || gr_load_rlx(&net.sleeper))
		return GORO_FOREVER;
	if (attended(NULL, now_ns))
		return ATTENDED_NS;
	collect(0, false, &ready);
	if (ready.n)
		gr_ready_list(NULL, ready.first, ready.n);
	else
		gr_wake_one(); /* it will stay there */
	return ATTENDED_NS;
}

bool
gr_netpoll_wanted(void)
{
	/* [relaxed] a hint: who comes second sleeps elsewhere. */
	return gr_netpoll_any() && !gr_load_rlx(&net.sleeper);
}

/*
 * The sleeper publishes itself and then looks at its `wake`; a waker sets that
 * and then looks for the sleeper. Either it is not slept, or the event wakes.
 *
 * While another worker runs and looks often, nobody sleeps here: each event
 * would wake us for itself alone, while the other takes them by the dozen. It
 * may cease to look; then the monitor, which does not sleep before all workers
 * do, sends us here. Whoever sees that all others are idle stays in any case.
 * tests/models/attend.pml models it.
 */
bool
gr_netpoll_sleep(struct gr_m *m, int64_t deadline_ns, struct gr_glist *ret)
{
	int64_t timeout_ns = -1;

	if (!gr_netpoll_any())
		return false;
	/* [pair idle] we are idle ourselves. */
	if (gr_load_sc(&gr_idle_n) < gr_load_sc(&gr_procs_n) &&
	    attended(m, gr_now_ns()))
		return false;
	if (!gr_cas_acq_rel(&net.sleeper, NULL, m))
		return false; /* [pair netpoll-sleeper] */
	if (deadline_ns != GORO_FOREVER) {
		timeout_ns = deadline_ns - gr_now_ns();
		if (timeout_ns < 0)
			timeout_ns = 0;
	}
	if (!gr_load_sc(&m->wake)) /* [pair m-wake] */
		look(m, timeout_ns, true, ret);
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
	gr_netpoll_waiting = 0;
	gr_netpoll_forget_all();
}
