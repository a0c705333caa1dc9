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
#include "profile_events.h"
#include "sched.h"
#include "thread.h"

extern const char gr_state_names[GORO_ABI_STATES][16]; /* abi.c */
extern const char gr_reason_names[GORO_WAIT_REASONS][32];

enum { SECOND = 1000000000 };

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

/* Of all workers together. */
struct totals {
	uint64_t queued, switches, steals, preemptions;
	uint64_t waits[GORO_WAIT_REASONS];
	uint64_t latency[GR_LATENCIES], latency_cycles;
};

static void
add_proc(struct totals *t, const struct gr_p *p)
{
	/* [relaxed] a picture of what others change meanwhile. */
	t->queued += gr_load_rlx(&p->runq.next) != NULL;
	for (uint32_t i = 0; i < GR_RUNQ_SLOTS; i++)
		t->queued += gr_load_rlx(&p->runq.slots[i]) != NULL;
	t->switches += gr_load_rlx(&p->tick);
	t->steals += gr_load_rlx(&p->steals);
	t->preemptions += gr_load_rlx(&p->preemptions);
	for (unsigned i = 0; i < GORO_WAIT_REASONS; i++)
		t->waits[i] += gr_load_rlx(&p->waits[i]);
	for (unsigned i = 0; i < GR_LATENCIES; i++)
		t->latency[i] += gr_load_rlx(&p->latency[i]);
	t->latency_cycles += gr_load_rlx(&p->latency_cycles);
}

static void
add_up(struct totals *t)
{
	uint32_t n;

	gr_profile_guard();              /* or the P might go */
	n = gr_load_acq(&gr_procs_ever); /* [pair procs] */
	for (uint32_t i = 0; i < n; i++)
		add_proc(t, gr_procs[i]);
	gr_profile_unguard();
}

static void
put_one(struct gr_pb *to, const char *name, const char *type, const char *help,
	uint64_t value)
{
	head(to, name, type, help);
	gr_pb_printf(to, "%s %" PRIu64 "\n", name, value);
}

/* Not by %f, in which a locale may have a comma. */
static void
put_seconds(struct gr_pb *to, double cycles)
{
	uint64_t ns = (uint64_t)(cycles * gr_cycle_ns());

	gr_pb_printf(to, "%" PRIu64 ".%09" PRIu64 "\n", ns / SECOND,
		     ns % SECOND);
}

static void
put_latency(struct gr_pb *to, const struct totals *t)
{
	static const char name[] = "goro_sched_latency_seconds";
	uint64_t n = 0;

	head(to, name, "histogram",
	     "From ready to running, while waits are recorded.");
	for (unsigned i = 0; i < GR_LATENCIES; i++) {
		char bound[32] = "+Inf";

		n += t->latency[i];
		if (i < GR_LATENCIES - 1)
			snprintf(bound, sizeof(bound), "%d.%09d",
				 (int)(gr_latency_ns[i] / SECOND),
				 (int)(gr_latency_ns[i] % SECOND));
		gr_pb_printf(to, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", name,
			     bound, n);
	}
	gr_pb_printf(to, "%s_sum ", name);
	put_seconds(to, (double)t->latency_cycles);
	gr_pb_printf(to, "%s_count %" PRIu64 "\n", name, n);
}

static void
put_scheduler(struct gr_pb *to)
{
	struct totals t = { .queued = gr_globq_len() };

	add_up(&t);
	put_one(to, "goro_maxprocs", "gauge",
		"Goroutines that may run at once.",
		gr_load_acq(&gr_procs_n)); /* [pair procs] */
	/* [relaxed] a picture, as above */
	put_one(to, "goro_idle_procs", "gauge", "Of these, those without work.",
		gr_load_rlx(&gr_idle_n));
	put_one(to, "goro_threads", "gauge", "Threads that run goroutines.",
		(uint64_t)gr_threads_alive());
	put_one(to, "goro_runqueue_length", "gauge", "Goroutines ready to run.",
		t.queued);
	put_one(to, "goro_switches_total", "counter",
		"Goroutines chosen to run, and looks for one in vain.",
		t.switches);
	put_one(to, "goro_steals_total", "counter",
		"Times that a worker took goroutines from another.", t.steals);
	put_one(to, "goro_preemptions_total", "counter",
		"Goroutines that had to let go of a worker.", t.preemptions);
	head(to, "goro_waits_total", "counter", "Waits, by what for.");
	for (unsigned i = GORO_WAIT_NONE + 1; i < GORO_WAIT_REASONS; i++)
		gr_pb_printf(to,
			     "goro_waits_total{reason=\"%s\"} %" PRIu64 "\n",
			     gr_reason_names[i], t.waits[i]);
	put_latency(to, &t);
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
		gr_pb_printf(to, "%s_sum%s ", name, label);
		put_seconds(to, (double)s.cycles[i]);
		gr_pb_printf(to, "%s_count%s %" PRIu64 "\n", name, label,
			     s.count[i] >> GR_PROFILE_COUNT_SHIFT);
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
	put_sums(to, GR_PROFILE_MUTEX, "goro_mutex_wait_seconds",
		 "Waits charged to unlocks, as far as they are recorded.");
	gr_labels_release();
}
