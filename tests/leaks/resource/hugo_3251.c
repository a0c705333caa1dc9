// SPDX-License-Identifier: MIT
/*
 * hugo_3251.c - a lock for each URL, and one for the list of them
 *
 * To lock a URL the list is locked, the URL's mutex looked up, and locked with
 * the list still held. To unlock it the list is locked for reading, to find the
 * mutex. So one who waits for a URL holds the list, and the one who has the URL
 * waits for the list; and so does everyone else.
 * Fixed: the list is unlocked before the URL's mutex is locked.
 *
 * Shape   hugo#3251, resource (AB-BA)
 * Expect  deadlock 3
 */
#include "leaks.h"

#include <stdlib.h>

struct remote {
	struct goro_rwmutex list;
	struct goro_mutex *url; /* the only one, made when first asked for */
	struct goro_chan *cue;
	int fetched;
};

static void
url_lock(struct remote *r)
{
	struct goro_mutex *url;

	goro_rwmutex_lock(&r->list);
	if (!r->url)
		r->url = make(sizeof(*r->url));
	url = r->url;
	if (fixed)
		goro_rwmutex_unlock(&r->list);
	goro_mutex_lock(url);
	if (!fixed)
		goro_rwmutex_unlock(&r->list);
}

static void
url_unlock(struct remote *r)
{
	goro_rwmutex_rlock(&r->list);
	goro_mutex_unlock(r->url);
	goro_rwmutex_runlock(&r->list);
}

static void
fetch(void *arg)
{
	struct remote *r = arg;

	url_lock(r);
	goro_chan_recv(r->cue, NULL); /* the answer */
	r->fetched++;
	url_unlock(r);
}

int
story(void)
{
	struct remote *r = make(sizeof(*r));

	r->cue = goro_chan_create(0, 0);
	for (int i = 0; i < 3; i++) {
		goro_go(fetch, r);
		settle();
	}
	goro_chan_close(r->cue);
	settle();
	if (!fixed)
		return 3;
	drop(r->cue);
	free(r->url);
	free(r);
	return 0;
}
