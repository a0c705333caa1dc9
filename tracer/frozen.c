// SPDX-License-Identifier: MIT
/*
 * frozen.c - the model of one moment, for which the target stands still
 *
 * Idea       Fill the model once while the target runs, and once more, in its
 *            place, while all threads are stopped. The first time has taught
 *            the unwinder its rules, opened the files and got the memory, so
 *            the second is little more than copying; and everything, objects
 *            and channels too, is read by the code that always reads it.
 * Again      A goroutine of which a thread has just left the stack, or not
 *            entered it yet, cannot be had. There is hardly ever one; then the
 *            target goes on for a moment and is stopped once more.
 * Rejected   To copy first and unwind later: that saves a fifth of the pause
 *            and needs the memory of all stacks at once.
 */
#include "model.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum { TRIES = 8, NAP_NS = 1000 * 1000 };

struct frozen {
	struct gt_model *model;
	struct gt_target *t;
	struct gt_unwinder *unwinder;
	struct gt_pause *pause;
	struct gt_error *err;
};

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

/* Forget what was read; strings and rules stay, they are true for ever. */
static void
forget(struct gt_model *model)
{
	gt_error_free(model->stats.problem);
	model->stats = (struct gt_snapshot_stats){ 0 };
	model->goroutines_n = 0;
	model->frames_n = 0;
	model->channels_n = 0;
	model->waits_n = 0;
	model->holds_n = 0;
}

static struct gt_error *
fill(const struct frozen *f)
{
	struct gt_error *err = gt_model_fill(f->model, f->t, f->unwinder);

	return err ? err : gt_model_load_channels(f->model, f->t);
}

/* Stop it, fill the model, let it go. */
static void
fill_once(struct frozen *f)
{
	uint64_t began_ns = now_ns();
	int rc = f->t->ops->freeze(f->t);

	if (rc < 0) {
		f->err = gt_error(GT_SYSTEM, -rc, "cannot stop %s: %s",
				  f->t->name,
				  rc == -EPERM ? "another program, a debugger "
						 "perhaps, traces it" :
						 strerror(-rc));
		return;
	}
	f->pause->missed = rc;
	forget(f->model);
	f->err = fill(f);
	f->t->ops->thaw(f->t);
	f->pause->ns += now_ns() - began_ns;
	f->pause->times++;
}

static void
fill_frozen(void *arg)
{
	struct frozen *f = arg;

	for (unsigned try = 0; try < TRIES; try++) {
		if (try)
			nanosleep(&(struct timespec){ 0, NAP_NS << try }, NULL);
		fill_once(f);
		if (f->err || !f->model->stats.unresolved)
			break;
	}
}

struct gt_error *
gt_model_load_frozen(struct gt_model *model, struct gt_target *t,
		     struct gt_unwinder *unwinder, struct gt_pause *ret)
{
	struct frozen f = { model, t, unwinder, ret, NULL };

	*ret = (struct gt_pause){ 0 };
	struct gt_error *err = fill(&f);
	if (!err && t->ops->freeze) {
		err = gt_target_trace(fill_frozen, &f);
		if (!err)
			err = f.err;
	}
	struct gt_error *sort_err = gt_model_sort(model);
	if (!err)
		return sort_err;
	gt_error_free(sort_err);
	return err;
}
