// SPDX-License-Identifier: MIT
/*
 * epoll_root.c - a handle that only the kernel has
 *
 * It is the data of a descriptor in an epoll instance. No memory of the process
 * holds it, so the program says which memory it will come back to.
 *
 * Expect  leaked 1
 */
#include "leaks.h"

#include <goro/leak.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct watch {
	struct goro_chan *kept;
};

static int epoll, event;

static void
watch_event(void)
{
	struct watch *w = make(sizeof(*w));
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = w };

	w->kept = park();
	epoll = epoll_create1(0);
	event = eventfd(0, 0);
	epoll_ctl(epoll, EPOLL_CTL_ADD, event, &e);
	if (!lost)
		goro_leak_root(w, sizeof(*w));
}

static void
take_event(void)
{
	struct epoll_event e;
	struct watch *w;

	if (write(event, &(uint64_t){ 1 }, 8) != 8 ||
	    epoll_wait(epoll, &e, 1, -1) != 1)
		fail("no event");
	w = e.data.ptr;
	unpark(w->kept);
	w->kept = NULL; /* it stays a root: no free() */
}

int
story(void)
{
	watch_event();
	if (lost) {
		close(epoll);
		return 1;
	}
	check();
	take_event();
	return 0;
}
