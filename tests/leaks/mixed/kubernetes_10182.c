// SPDX-License-Identifier: MIT
/*
 * kubernetes_10182.c - a status that is reported while another is deleted
 *
 * The status of a pod is put into a channel with the lock held; the goroutine
 * that takes it from there locks, if it turns out that the pod is gone, to
 * delete its status. Meanwhile the next one is being put in.
 * Fixed: it is put in after unlocking.
 *
 * Shape   kubernetes#10182, mixed (channel and lock)
 * Expect  deadlock 1, leaked 1
 */
#include "leaks.h"

#include <stdlib.h>

struct manager {
	struct goro_mutex lock;
	struct goro_chan *statuses; /* of int, a pod */
	struct goro_chan *cue;      /* the first has been taken */
	int known;
};

static void
sync_batch(void *arg)
{
	struct manager *m = arg;

	for (int i = 0; i < 2; i++) {
		goro_chan_recv(m->statuses, NULL);
		goro_chan_recv(m->cue, NULL);
		goro_mutex_lock(&m->lock);
		m->known--; /* that pod is gone */
		goro_mutex_unlock(&m->lock);
	}
}

static void
set_pod_status(void *arg)
{
	struct manager *m = arg;
	int pod;

	goro_mutex_lock(&m->lock);
	pod = m->known++;
	if (fixed)
		goro_mutex_unlock(&m->lock);
	goro_chan_send(m->statuses, &pod);
	if (!fixed)
		goro_mutex_unlock(&m->lock);
}

int
story(void)
{
	struct manager *m = make(sizeof(*m));

	m->statuses = goro_chan_create(sizeof(int), 0);
	m->cue = goro_chan_create(0, 0);
	goro_go(sync_batch, m);
	goro_go(set_pod_status, m);
	settle();
	goro_go(set_pod_status, m);
	settle();
	goro_chan_close(m->cue);
	settle();
	if (!fixed)
		return 2;
	drop(m->statuses, m->cue);
	free(m);
	return 0;
}
