// SPDX-License-Identifier: MIT
/*
 * profile_session.c - a profile of what happens within a while
 */
#include "profile_session.h"

#include <errno.h>
#include <string.h>

#include "goro/goro.h"
#include "labels.h"
#include "profile.h"
#include "profile_events.h"
#include "sched.h"

enum {
	CPU = GR_PROFILE_KINDS, /* not taken from a table that is there */
	WALL,
	WALL_HZ = 99, /* not in step with what ticks by tens */
	WALL_MAX_HZ = 1000,
};

static int
find_kind(const char *name)
{
	if (!strcmp(name, "cpu"))
		return CPU;
	return strcmp(name, "wall") ? gr_profile_find(name) : WALL;
}

/*
 * @name      a kind of goro_profile_write(), or "cpu" or "wall"
 * @hz        of these two; 0: what is usual
 * @creators  of these two and "goroutine": by who started them, too
 *
 * Returns 0; -ENOENT: no such kind; -EINVAL: @hz; -EOPNOTSUPP: @creators; -EBUSY, -EPERM, -ENOMEM: as
 * goro_profile_cpu_start()
 */
int
gr_profile_begin(struct gr_profile_session *s, const char *name, int hz,
		 bool creators)
{
	int kind = find_kind(name), err;

	if (kind < 0)
		return kind;
	*s = (struct gr_profile_session){ .name = name,
					  .kind = kind,
					  .creators = creators };
	if (kind == CPU)
		return gr_profile_cpu_start(hz, creators);
	if (hz < 0 || hz > WALL_MAX_HZ)
		return -EINVAL;
	gr_labels_hold(); /* the tables borrow them */
	if (kind == WALL) {
		s->traces = gr_traces_create(GR_TRACES_BYTES, true);
		s->period_ns = 1000000000 / (hz ? hz : WALL_HZ);
		err = s->traces ? 0 : -ENOMEM;
	} else {
		s->turned_on = gr_profile_events_turn_on(kind);
		err = gr_profile_collect(kind, NULL, creators, &s->traces);
	}
	if (err) {
		gr_profile_events_turn_off(s->turned_on);
		gr_labels_release();
		return err;
	}
	s->start_ns = s->next_ns = gr_now_ns();
	return 0;
}

int64_t
gr_profile_tick(struct gr_profile_session *s)
{
	int64_t now_ns, passed;

	if (s->kind != WALL)
		return GORO_FOREVER;
	now_ns = gr_now_ns();
	if (now_ns < s->next_ns)
		return s->next_ns;
	/* Late, one look stands for those that were missed. */
	passed = 1 + (now_ns - s->next_ns) / s->period_ns;
	gr_profile_guard();
	gr_profile_goroutines(s->traces, GR_PROFILE_GOROUTINE, NULL,
			      (uint64_t)(passed * s->period_ns), s->creators);
	gr_profile_unguard();
	s->next_ns += passed * s->period_ns;
	return s->next_ns;
}

static void
subtract(const struct gr_trace *t, void *arg)
{
	gr_traces_copy(arg, t, -1);
}

static int
encode(struct gr_profile_session *s, struct gr_pb *ret)
{
	int64_t duration_ns = gr_now_ns() - s->start_ns;
	struct gr_traces *now;
	int err;

	if (s->kind == WALL)
		return gr_profile_encode_wall(s->traces, s->period_ns,
					      duration_ns, ret);
	err = gr_profile_collect(s->kind, NULL, s->creators, &now);
	if (err)
		return err;
	gr_traces_each(s->traces, subtract, now);
	gr_traces_lose(now, -s->traces->lost, -s->traces->lost_value);
	err = gr_profile_encode_kind(s->kind, now, duration_ns, ret);
	gr_traces_destroy(now);
	return err;
}

int
gr_profile_end(struct gr_profile_session *s, struct gr_pb *ret)
{
	struct gr_pb unwanted = { 0 };
	int err = 0;

	if (s->kind == CPU) {
		err = gr_profile_cpu_stop(ret ? ret : &unwanted);
		gr_pb_fini(&unwanted);
		return err;
	}
	if (ret)
		err = encode(s, ret);
	gr_profile_events_turn_off(s->turned_on);
	gr_traces_destroy(s->traces);
	gr_labels_release();
	return err;
}
