// SPDX-License-Identifier: MIT
/*
 * debug_metrics.c - numbers for Prometheus
 *
 * Source     prometheus.io/docs/instrumenting/exposition_formats
 */
#include <inttypes.h>
#include <stdio.h>

#include "debug_page.h"
#include "idle.h"
#include "labels.h"
#include "profile.h"
#include "sched.h"
#include "thread.h"

extern const char gr_state_names[GORO_ABI_STATES][16]; /* abi.c */
extern const char gr_reason_names[GORO_WAIT_REASONS][32];

struct census {
	uint64_t state[GORO_ABI_STATES], reason[GORO_WAIT_REASONS];
};

static __attribute__((no_sanitize("thread"))) bool
count(struct gr_g *g, uint64_t word, void *arg)
{
	struct census *c = arg;
	unsigned state = GORO_ABI_STATE(word), reason = g->wait_reason;

	if (g->flags & GORO_ABI_G_SYSTEM)
		return true;
	/* About to be runnable, and called so. */
	if (state == GORO_ABI_CLAIMED)
		state = GORO_ABI_RUNNABLE;
	if (state < GORO_ABI_STATES)
		c->state[state]++;
	if (state == GORO_ABI_WAITING && reason < GORO_WAIT_REASONS)
		c->reason[reason]++;
	return true;
}

static void
head(struct gr_pb *to, const char *name, const char *type, const char *help)
{
	gr_pb_printf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
		     type);
}

static void
put_goroutines(struct gr_pb *to)
{
	struct census c = { 0 };

	gr_profile_guard();
	gr_g_each(count, &c);
	gr_profile_unguard();
	head(to, "goro_goroutines", "gauge", "Goroutines by state.");
	for (unsigned i = GORO_ABI_FREE + 1; i < GORO_ABI_STATES; i++)
		if (i != GORO_ABI_CLAIMED)
			gr_pb_printf(to,
				     "goro_goroutines{state=\"%s\"} %" PRIu64
				     "\n",
				     gr_state_names[i], c.state[i]);
	head(to, "goro_goroutines_waiting", "gauge",
	     "Goroutines that wait, by what for.");
	for (unsigned i = GORO_WAIT_NONE + 1; i < GORO_WAIT_REASONS; i++)
		gr_pb_printf(to,
			     "goro_goroutines_waiting{reason=\"%s\"} %" PRIu64
			     "\n",
			     gr_reason_names[i], c.reason[i]);
}

static void
put_scheduler(struct gr_pb *to)
{
	uint64_t queued = gr_globq_len(), switches = 0;
	uint32_t n;

	gr_profile_guard();              /* or the P might go */
	n = gr_load_acq(&gr_procs_ever); /* [pair procs] */
	for (uint32_t i = 0; i < n; i++) {
		const struct gr_p *p = gr_procs[i];

		/* [relaxed] a picture of what others change meanwhile. */
		queued += gr_runq_len(&p->runq) +
			  (gr_load_rlx(&p->runq.next) != NULL);
		switches += gr_load_rlx(&p->tick);
	}
	gr_profile_unguard();
	head(to, "goro_maxprocs", "gauge", "Goroutines that may run at once.");
	gr_pb_printf(to, "goro_maxprocs %u\n", gr_load_acq(&gr_procs_n));
	head(to, "goro_idle_procs", "gauge", "Of these, those without work.");
	gr_pb_printf(to, "goro_idle_procs %u\n", gr_load_rlx(&gr_idle_n));
	head(to, "goro_threads", "gauge", "Threads that run goroutines.");
	gr_pb_printf(to, "goro_threads %d\n", gr_threads_alive());
	head(to, "goro_runqueue_length", "gauge", "Goroutines ready to run.");
	gr_pb_printf(to, "goro_runqueue_length %" PRIu64 "\n", queued);
	head(to, "goro_switches_total", "counter",
	     "Goroutines chosen to run, modulo 2^32 for each worker.");
	gr_pb_printf(to, "goro_switches_total %" PRIu64 "\n", switches);
}

struct sums {
	uint64_t count[GORO_WAIT_REASONS], cycles[GORO_WAIT_REASONS];
};

static void
sum(const struct gr_trace *t, void *arg)
{
	struct sums *s = arg;

	if (t->tag < GORO_WAIT_REASONS) {
		s->count[t->tag] += t->count;
		s->cycles[t->tag] += t->value;
	}
}

/* What has been recorded, if it is: see goro_profile_block_rate(). */
static void
put_sums(struct gr_pb *to, enum gr_profile_kind kind, const char *name,
	 const char *help)
{
	struct gr_traces *ts;
	double second = gr_cycle_ns() / 1e9;
	struct sums s = { 0 };

	if (gr_profile_collect(kind, NULL, false, &ts))
		return;
	gr_traces_each(ts, sum, &s);
	gr_traces_destroy(ts);
	head(to, name, "summary", help);
	for (unsigned i = 0; i < GORO_WAIT_REASONS; i++) {
		char label[64] = "";

		if (!s.count[i])
			continue;
		if (i)
			snprintf(label, sizeof(label), "{reason=\"%.32s\"}",
				 gr_reason_names[i]);
		gr_pb_printf(to, "%s_sum%s %.9f\n%s_count%s %" PRIu64 "\n",
			     name, label, (double)s.cycles[i] * second, name,
			     label, s.count[i] >> GR_PROFILE_COUNT_SHIFT);
	}
}

void
gr_metrics_put(struct gr_pb *to)
{
	put_goroutines(to);
	put_scheduler(to);
	gr_labels_hold();
	put_sums(to, GR_PROFILE_WAIT, "goro_wait_seconds",
		 "Waits, by what for, as far as they are recorded.");
	put_sums(to, GR_PROFILE_SCHEDLATENCY, "goro_sched_latency_seconds",
		 "From ready to running, as far as it is recorded.");
	put_sums(to, GR_PROFILE_MUTEX, "goro_mutex_wait_seconds",
		 "Waits charged to unlocks, as far as they are recorded.");
	gr_labels_release();
}
